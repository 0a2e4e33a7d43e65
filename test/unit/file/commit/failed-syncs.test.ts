import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { rejects } from '../../../support/errors.js';
import { failing, isDataSync, isFolderSync, shortOnce } from '../../../support/faults.js';
import { type Call, faultyFs } from '../../../support/faulty-fs.js';
import { leaveToken, tokens } from '../../../support/lock-tokens.js';
import { statesOf } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

/*
 * What a commit does when a sync fails: it saves the rows in a new file, or the queue stops.
 */

/** Jobs whose rows are of equal length. */
const jobs = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ type: 'email', payload: 100 + n }));

test('a failed sync is not tried again: a compaction saves the commit before the lock is released', async (t) => {
  const { fs, calls, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  const first = await queue.enqueue('email', 1);
  calls.length = 0;
  fault.do = failing(isDataSync, 'EIO', 1);
  const second = await queue.enqueue('email', 2);
  const names = calls.map(({ name, path }) =>
    name === 'unlink'
      ? `unlink ${path.includes('owner.') ? 'token' : 'other'}`
      : name === 'fsync'
        ? `fsync ${path === dirname(file) ? 'folder' : 'file'}`
        : name,
  );
  assert.equal(names.filter((name) => name === 'fdatasync').length, 1);
  const order = ['fdatasync', 'fsync file', 'rename', 'fsync folder', 'unlink token'].map((name) =>
    names.indexOf(name),
  );
  assert.deepEqual(
    order,
    [...order].sort((a, b) => a - b),
    names.join(),
  );
  assert.ok(!order.includes(-1), names.join());
  assert.deepEqual(statesOf(file), [`${first} pending`, `${second} pending`]);
  assert.equal(await queue.cancelJob(second), true);
});

test('a commit that was cut short and could not be synced is saved as far as it is in the file', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  await queue.enqueue('email', 1);
  const short = shortOnce(file, (all) => Math.floor(all.length * 0.5));
  const sync = failing(isDataSync, 'EIO', 1);
  fault.do = (call, real) => sync(call, () => short(call, real));
  const ids = await queue.enqueueMany(jobs(5));
  assert.deepEqual((await queue.listJobs()).map(({ id }) => id).slice(1), ids);
});

for (const [what, breaks] of [
  ['the new file can not be written', ({ name, path }: Call) => name === 'write' && path.endsWith('.tmp')],
  ['the new file can not be synced', ({ name, path }: Call) => name === 'fsync' && path.endsWith('.tmp')],
  ['the new name can not be synced', ({ name, path }: Call) => name === 'fsync' && !path.endsWith('.tmp')],
] as const) {
  test(`a failed sync stops the queue with SYNC_FAILED, and keeps the lock, if ${what}`, async (t) => {
    const { fs, fault } = faultyFs();
    const { queue, file, store } = openTest(t, { fs });
    const id = await queue.enqueue('email', 1);
    fault.do = failing((call) => isDataSync(call) || breaks(call));
    await rejects(queue.enqueue('email', 2), 'SYNC_FAILED', file, 'EIO', 'unknown');
    fault.do = undefined;
    // The disk says that it is well again. It is not to be believed.
    await rejects(queue.enqueue('email', 3), 'SYNC_FAILED');
    await rejects(queue.enqueueMany([{ type: 'email' }]), 'SYNC_FAILED');
    await rejects(queue.cancelJob(id), 'SYNC_FAILED');
    await rejects(queue.retryJob(id), 'SYNC_FAILED');
    await rejects(queue.compact(), 'SYNC_FAILED');
    await rejects(queue.processJobs({ email: () => {} }), 'SYNC_FAILED');
    assert.equal(tokens(file).length, 1);
    assert.equal(store.lock.stillHeld(), true);

    const other = openTest(t, { file, lockTimeout: 200 });
    await rejects(other.queue.enqueue('email', 4), 'LOCK_TIMEOUT', `process ${process.pid}`);
    assert.equal((await other.queue.getJob(id))?.payload, 1, 'looking is still allowed');
    await queue.close();
    assert.equal(tokens(file).length, 1, 'closing does not give the lock away');
  });
}

test('calls that wait while the disk fails reject as well', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue } = openTest(t, { fs });
  await queue.enqueue('email', 1);
  fault.do = failing(({ name }) => name === 'fdatasync' || name === 'fsync');
  const first = queue.enqueue('email', 2);
  await new Promise(setImmediate);
  const results = await Promise.allSettled([
    first,
    queue.enqueue('email', 3),
    queue.compact(),
    queue.close(),
  ]);
  assert.deepEqual(
    results.map((result) => (result.status === 'rejected' ? result.reason.code : 'ok')),
    ['SYNC_FAILED', 'SYNC_FAILED', 'SYNC_FAILED', 'ok'],
  );
});

test('a queue stops if the name of its first file could not be made durable', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  fault.do = failing(isFolderSync(dirname(file)), 'EIO', 1);
  await rejects(queue.enqueue('email', 1), 'SYNC_FAILED');
  // The next sync of the folder would say that all is well, whatever became of the name.
  await rejects(queue.enqueue('email', 2), 'SYNC_FAILED');
  assert.equal(tokens(file).length, 1);
});

test('a compaction whose rename could not be made durable stops the queue: others would build on it', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  await queue.enqueue('email', 1);
  fault.do = failing(isFolderSync(dirname(file)), 'EIO', 1);
  await rejects(queue.compact(), 'SYNC_FAILED');
  await rejects(queue.enqueue('email', 2), 'SYNC_FAILED');
  assert.equal(tokens(file).length, 1, 'the lock is kept');
});

test('a repair whose rename could not be made durable stops the queue', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs, lockTimeout: 1000 });
  await queue.enqueue('email', 1);
  leaveToken(file);
  fault.do = failing(isFolderSync(dirname(file)), 'EIO', 1);
  await rejects(queue.processJobs({}), 'SYNC_FAILED');
  await rejects(queue.enqueue('email', 3), 'SYNC_FAILED');
  assert.equal(tokens(file).length, 2);
});

test("a failing sync does not matter with durability 'os'", async (t) => {
  const { fs, fault } = faultyFs();
  const { queue } = openTest(t, { fs, durability: 'os' });
  await queue.enqueue('email', 1);
  fault.do = failing(isDataSync);
  await queue.enqueue('email', 2);
  assert.equal((await queue.processJobs({ email: () => {} })).completed, 2);
});
