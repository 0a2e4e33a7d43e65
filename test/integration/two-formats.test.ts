/*
 * Two versions of the library work on one file, and the later one has another format. Both are built from the source;
 * the later one has a column, a status word and a number of its own.
 */
import assert from 'node:assert/strict';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemProcesses } from '../../lib/file/lock/process-id.js';
import { loadVersion } from '../fixtures/later-version.js';
import { temporaryFolder } from '../support/folders.js';
import { HEADER, jobId, line, rowsOf, text } from '../support/queue-file.js';

const quiet = { logger: () => {}, backoff: [0] };

async function bothVersions(t: TestContext) {
  const folder = temporaryFolder(t);
  const file = join(folder, 'data', 'queue.tsv');
  const open = async (which: 'this' | 'later') => {
    const queue = (await loadVersion(folder, which)).openQueue(file);
    t.after(() => queue.close());
    return queue;
  };
  return { file, now: await open('this'), later: await open('later') };
}

const isNewer = { name: 'TsvqError', code: 'NEWER_FORMAT', message: /format 3.*restart this process/s };

test('a version refuses to write a file of a later format, byte for byte, and goes on reading it', async (t) => {
  const { file, now, later } = await bothVersions(t);
  const first = await now.enqueue('email', 1);
  const second = await later.enqueue('email', 2);
  assert.match(text(file), /^id\t.*\ttint\tversion\n# tsvq format 3\n/);
  const before = readFileSync(file);
  for (const change of [
    () => now.enqueue('email', 3),
    () => now.enqueueMany([{ type: 'email' }, { type: 'email' }]),
    () => now.cancelJob(first),
    () => now.retryJob(first),
    () => now.compact(),
    () => now.processJobs({ email: () => assert.fail('it ran') }, quiet),
  ])
    await assert.rejects(change(), isNewer);
  assert.deepEqual(readFileSync(file), before);
  assert.deepEqual(
    (await now.listJobs()).map(({ id, payload }) => [id, payload]),
    [
      [first, 1],
      [second, 2],
    ],
  );
  assert.equal((await now.getJob(second))?.status, 'pending');
  assert.equal((await now.stats()).total, 2);
  assert.equal((await later.processJobs({ email: () => {} }, quiet)).completed, 2);
  assert.equal((await now.getJob(first))?.status, 'completed');
});

test('no row that the earlier version has acknowledged is lost if the later one upgrades meanwhile', async (t) => {
  const { file, now, later } = await bothVersions(t);
  const ids = [await now.enqueue('email', 0)];
  let refused = 0;
  const adding = (async () => {
    for (let n = 1; refused === 0; n++) {
      await now.enqueueMany([{ type: 'email', payload: n }, { type: 'email' }]).then(
        (added) => ids.push(...added),
        (error) => {
          assert.equal(error.code, 'NEWER_FORMAT');
          refused++;
        },
      );
      if (n === 20) ids.push(await later.enqueue('email', 'later'));
    }
  })();
  await adding;
  assert.ok(ids.length > 40);
  assert.deepEqual(
    rowsOf(file)
      .map(({ id }) => id)
      .sort(),
    ids.sort(),
  );
});

test('a job whose worker is of an earlier version than the file is run again by one of the later version', async (t) => {
  const { now, later } = await bothVersions(t);
  const id = await now.enqueue('email', 1);
  const working = now.processJobs(
    {
      email: async () => {
        await later.enqueue('report');
      },
    },
    quiet,
  );
  await assert.rejects(working, isNewer);
  assert.equal((await now.getJob(id))?.status, 'processing');
  const { completed } = await later.processJobs({ email: () => {}, report: () => {} }, quiet);
  assert.ok(completed >= 1);
});

test('an edit and a repair by an earlier version leave a file of a later format as it is', async (t) => {
  const { file, now, later } = await bothVersions(t);
  await later.enqueue('email', 1);
  // What a process leaves that is killed in a commit: a token of the dead, and a row that was cut.
  mkdirSync(`${file}.lock`);
  const owner = systemProcesses.self().split('.');
  // No process has this number.
  owner[3] = '4194305';
  writeFileSync(join(`${file}.lock`, `owner.${owner.join('.')}`), '');
  appendFileSync(file, 'half a row');
  const before = readFileSync(file);
  await assert.rejects(now.enqueue('email'), isNewer);
  await assert.rejects(now.compact(), isNewer);
  assert.deepEqual(readFileSync(file), before);
  await later.enqueue('email', 2);
  assert.equal(rowsOf(file).length, 2);
});

test('rows with the words of format 2 are kept as open rows, and neither run nor archived', async (t) => {
  const { file, now } = await bothVersions(t);
  mkdirSync(join(file, '..'));
  const waiting = line({ id: jobId(1), status: 'waiting', finished_at: 1 });
  const recurring = line({ id: jobId(2), status: 'recurring', type: 'report', finished_at: 1 });
  const done = line({ id: jobId(3), status: 'completed', finished_at: 1, version: 3 });
  writeFileSync(file, `${HEADER}\n${done}${waiting}${recurring}${line({ id: jobId(4) })}`);
  const handler = (): void => {};
  assert.equal((await now.processJobs({ email: handler, report: handler }, quiet)).claimed, 1);
  await now.compact();
  const { waiting: behind, total, types } = await now.stats();
  assert.deepEqual([behind, total, Object.keys(types)], [1, 2, ['email']]);
  assert.ok(text(file).endsWith(waiting + recurring));
  assert.deepEqual(
    (await now.listJobs()).map(({ id }) => id),
    [jobId(4), jobId(1)],
  );
  assert.equal((await now.listJobs({ status: 'recurring' })).length, 1);
  assert.equal(await now.cancelJob(jobId(1)), true);
  assert.ok(existsSync(join(file, '..', 'archive')));
});
