import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { rejects } from '../../../support/errors.js';
import { bytesOf, faultyFs, systemError } from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';
import { fileOf, HEADER, jobId, line, text } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

const JANUARY = 'queue-2029-01.tsv';

const old = (n: number, payload = '{}'): string =>
  line({
    id: jobId(n),
    status: 'completed',
    version: 3,
    finished_at: Date.UTC(2029, 0, 1) / 1000,
    payload,
  });

/** A queue over these rows, all of which are past their retention time. */
function over(t: TestContext, rows: string[]) {
  const { fs, fault, calls } = faultyFs();
  const file = fileOf(t, ...rows);
  const archive = join(dirname(file), 'archive');
  return { ...openTest(t, { file, fs }), archive, fault, calls };
}

test('an archive that takes only a part leaves every job in the queue', async (t) => {
  const { queue, file, fault } = over(t, [old(1), old(2)]);
  const before = text(file);
  fault.do = (call, real) => {
    if (call.name !== 'write' || !/\.2029-01\.[0-9a-f]{12}\.tmp$/.test(call.path)) return real();
    return Promise.resolve(bytesOf(call).length - 1);
  };
  await rejects(queue.compact(), 'DISK_FULL');
  fault.do = undefined;
  assert.equal(text(file), before);
});

test('a header that is written in part leaves every job in the queue', async (t) => {
  const { queue, file, fault } = over(t, [old(1)]);
  const before = text(file);
  fault.do = (call, real) => {
    if (call.name !== 'write' || !/\.2029-01\.[0-9a-f]{12}\.tmp$/.test(call.path)) return real();
    return Promise.resolve(10);
  };
  await rejects(queue.compact(), 'DISK_FULL');
  fault.do = undefined;
  assert.equal(text(file), before);
});

test('jobs leave the queue only when the archive, its name and its folder are on the disk', async (t) => {
  const { queue, file, archive, calls } = over(t, [old(1)]);
  await queue.compact();
  const order = calls
    .filter(({ name }) => name === 'fsync' || name === 'fdatasync' || name === 'rename')
    .map(({ name, path }) => `${name} ${path.replace(/\.[0-9a-f]{12}\./, '.….')}`);
  const folder = dirname(file);
  assert.deepEqual(order, [
    `fdatasync ${file}.2029-01.….tmp`,
    `fsync ${folder}`,
    `fsync ${file}.….tmp`,
    `rename ${file}.….tmp`,
    `fsync ${folder}`,
    `fdatasync ${join(archive, JANUARY)}`,
    `fsync ${archive}`,
    `fsync ${folder}`,
  ]);
});

test('many jobs are archived in pieces, each job once, and the last of them is found', async (t) => {
  const rows = Array.from({ length: 1300 }, (_, n) => old(n, JSON.stringify('x'.repeat(1000))));
  const { queue, archive } = over(t, rows);
  assert.equal((await queue.compact()).archived, rows.length);
  assert.equal(text(join(archive, JANUARY)), `${HEADER}\n${rows.join('')}`);
  assert.equal((await queue.getJob(jobId(1299), { archive: true }))?.status, 'completed');
});

test('a further file is begun if a link or a folder has the name of an archive', async (t) => {
  const { queue, archive } = over(t, [old(1)]);
  const elsewhere = join(temporaryFolder(t), 'elsewhere');
  writeFileSync(elsewhere, '');
  mkdirSync(archive);
  symlinkSync(elsewhere, join(archive, JANUARY));
  mkdirSync(join(archive, 'queue-2029-01.2.tsv'));
  await queue.compact();
  assert.equal(text(elsewhere), '');
  assert.equal(text(join(archive, 'queue-2029-01.3.tsv')), `${HEADER}\n${old(1)}`);
  assert.equal(readdirSync(archive).length, 3);
});

test('an archive that may not be written is an error, and every job stays in the queue', async (t) => {
  const { queue, file, fault } = over(t, [old(1)]);
  const before = text(file);
  fault.do = (call, real) => {
    if (call.name === 'open' && call.path.endsWith(JANUARY)) throw systemError('EACCES');
    return real();
  };
  await rejects(queue.compact(), 'NO_ACCESS', 'EACCES');
  fault.do = undefined;
  assert.equal(text(file), before);
});

test('a line that can not be read keeps no other job from the archive', async (t) => {
  const { queue } = over(t, [old(1), 'garbage\n', old(2)]);
  assert.deepEqual(await queue.compact().then(({ kept, archived }) => [kept, archived]), [0, 2]);
});
