import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemFs } from '../../../../lib/file/disk/fs.js';
import { systemProcesses } from '../../../../lib/file/lock/process-id.js';
import { rejects } from '../../../support/errors.js';
import { once } from '../../../support/faults.js';
import { bytesOf, faultyFs, isAppend, systemError } from '../../../support/faulty-fs.js';
import { jobId, line, rowsOf } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';
import { oneJob, replace } from '../commit/one-job.js';

/* A commit with keys that has to start over, because its rows were glued, or its file was replaced. */

const KEY = { dedupeKey: 'k' };
const REPLACE = { ...KEY, onDuplicate: 'replace' } as const;

for (const [what, disturb] of [
  ['the file was replaced with its row', (file: string) => replace(file, readFileSync(file))],
  ['the file was replaced by one without its row', (file: string) => replace(file, line({ id: jobId(1) }))],
] as const) {
  test(`a keyed job is added once if ${what}`, async (t) => {
    const { queue, file, fault } = await oneJob(t);
    const header = readFileSync(file, 'utf8').split('\n').slice(0, 2).join('\n');
    let isDone = false;
    fault.do = once(file, 'after', () => {
      isDone = true;
      disturb(file);
      const text = readFileSync(file, 'utf8');
      if (!text.startsWith(header)) writeFileSync(file, `${header}\n${text}`);
    });
    const added = await queue.add('job', 1, KEY);
    assert.equal(isDone, true);
    assert.equal(added.outcome, 'added');
    const jobs = await openTest(t, { file }).queue.listJobs({ dedupeKey: 'k' });
    assert.deepEqual(
      jobs.map(({ id }) => id),
      [added.id],
    );
    assert.deepEqual(await queue.add('job', 1, KEY), { id: added.id, outcome: 'existing' });
  });
}

test('a keyed job whose row was glued to a fragment is added once', async (t) => {
  const { queue, file, fault } = await oneJob(t);
  fault.do = once(file, 'before', () => appendFileSync(file, line({ id: jobId(7) }).slice(0, 40)));
  const { id, outcome } = await queue.add('job', 1, KEY);
  assert.equal(outcome, 'added');
  await queue.compact();
  assert.deepEqual(
    (await queue.listJobs({ dedupeKey: 'k' })).map((job) => job.id),
    [id],
  );
});

test('a job whose replacement had to start over has one row more, with the new payload', async (t) => {
  const { queue, file, fault } = await oneJob(t, { dedupe_key: 'k', type: 'job' });
  fault.do = once(file, 'after', () => replace(file, readFileSync(file)));
  assert.deepEqual(await queue.add('job', 2, REPLACE), { id: jobId(1), outcome: 'replaced' });
  const [row, ...more] = rowsOf(file)
    .filter(({ id }) => id === jobId(1))
    .slice(-1);
  assert.deepEqual([row?.payload, row?.version, more.length], ['2', '2', 0]);
});

test('a keyed job that ran and was archived before its commit was checked is still told as added', async (t) => {
  const { queue, file, fault } = await oneJob(t);
  const other = openTest(t, { file, retention: 0 });
  let over: Promise<unknown> = Promise.resolve();
  let ran = 0;
  fault.do = once(file, 'after', () => {
    // Its lock is taken for dead, as that of a suspended process in another container would be.
    rmSync(`${file}.lock`, { recursive: true, force: true });
    over = (async () => {
      await other.queue.processJobs({ job: () => void ran++ });
      other.clock.advance(1000);
      await other.queue.compact();
    })();
  });
  // The check of the append waits for that.
  const added = queue.add('job', 'x'.repeat(100_000), KEY);
  const [{ outcome, id }] = await Promise.all([added, over]);
  await over;
  assert.equal(outcome, 'added');
  const archived = await queue.getJob(id, { archive: true });
  assert.equal(archived?.status ?? 'pending', ran === 1 ? 'completed' : 'pending');
  assert.ok(ran <= 1);
});

test('plain jobs do not wait for the lock, although a keyed one of the same process does', async (t) => {
  const { queue, file } = openTest(t);
  await queue.enqueue('first');
  mkdirSync(`${file}.lock`);
  const token = join(`${file}.lock`, `owner.${systemProcesses.self()}`);
  writeFileSync(token, '');
  const keyed = queue.add('job', 1, KEY);
  const id = await queue.enqueue('plain');
  const many = await queue.enqueueMany([{ type: 'plain' }, { type: 'plain' }]);
  assert.deepEqual(
    (await queue.listJobs({ type: 'plain' })).map((job) => job.id),
    [id, ...many],
  );
  assert.deepEqual(await queue.listJobs({ dedupeKey: 'k' }), []);
  rmSync(token);
  assert.equal((await keyed).outcome, 'added');
});

test('calls with one key that are made together add one job', async (t) => {
  const { queue } = openTest(t);
  const added = await Promise.all(Array.from({ length: 200 }, (_, n) => queue.add('job', n, KEY)));
  assert.equal(new Set(added.map(({ id }) => id)).size, 1);
  assert.equal(added.filter(({ outcome }) => outcome === 'added').length, 1);
});

test('no call is told of a job of the same commit that found no room', async (t) => {
  const { queue, file, fault } = await oneJob(t);
  let isFull = false;
  fault.do = (call, real) => {
    if (!call.name.startsWith('write')) return real();
    if (isFull) throw systemError('ENOSPC');
    if (!isAppend(call, file)) return real();
    isFull = true;
    return systemFs.writeSync(call.args[0] as number, bytesOf(call).subarray(0, 20), null);
  };
  const calls = [1, 2].map((payload) => rejects(queue.add('job', payload, KEY), 'DISK_FULL'));
  await Promise.all(calls);
  fault.do = undefined;
  assert.deepEqual(await queue.listJobs({ dedupeKey: 'k' }), []);
  assert.equal((await queue.add('job', 3, KEY)).outcome, 'added');
});

test('replacements that are made together leave the last payload', async (t) => {
  const { queue } = openTest(t);
  const added = await Promise.all(Array.from({ length: 50 }, (_, n) => queue.add('job', n, REPLACE)));
  assert.equal(new Set(added.map(({ id }) => id)).size, 1);
  assert.deepEqual(
    (await queue.listJobs()).map(({ payload }) => payload),
    [49],
  );
});

test('replacements that are made together do not read the file again for each', async (t) => {
  const { fs, calls } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  await queue.enqueue('other');
  await queue.add('job', 0, REPLACE);
  const before = calls.length;
  await Promise.all(Array.from({ length: 20 }, (_, n) => queue.add('job', n, REPLACE)));
  const opened = calls.slice(before).filter(({ name, path }) => name === 'open' && path === file);
  // The one is for strikes.
  assert.ok(opened.length <= 1, `opened ${opened.length} times`);
});
