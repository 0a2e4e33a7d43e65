import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { rejects } from '../../../support/errors.js';
import { failing, isDataSync, shortOnce } from '../../../support/faults.js';
import { bytesOf, type Fault, faultyFs, isAppend, systemError } from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';
import { tokens } from '../../../support/lock-tokens.js';
import { jobId, line, linesOf, writeQueue } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

/*
 * What a commit acknowledges when its writes fail or are short.
 */

/** Jobs whose rows are of equal length. */
const jobs = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ type: 'email', payload: 100 + n }));

test('a short write makes a shorter commit, the next one writes what is missing, and every row is there once', async (t) => {
  for (const [name, count] of [
    ['in the middle of a row', (all: Buffer) => Math.floor(all.length * 0.5)],
    ['between two rows', (all: Buffer) => (all.length / 5) * 2],
    ['before its last LF', (all: Buffer) => all.length - 1],
    ['after its first byte', () => 1],
    ['before its first byte', () => 0],
  ] as const) {
    const { fs, fault } = faultyFs();
    const { queue, file } = openTest(t, { fs });
    const before = await queue.enqueue('email', 99);
    fault.do = shortOnce(file, count);
    const ids = await queue.enqueueMany(jobs(5));
    assert.deepEqual(
      (await queue.listJobs()).map(({ id, payload }) => [id, payload]),
      [[before, 99], ...ids.map((id, n) => [id, 100 + n])],
      name,
    );
    assert.deepEqual(tokens(file), []);
  }
});

for (const [what, longest] of [
  ['the first rows are acknowledged and the others are not if the disk is full', 20],
  ['the ids of whole rows come with the error although the disk has no room to close the cut row', 0],
] as const) {
  test(what, async (t) => {
    const { fs, fault } = faultyFs();
    const { queue, file } = openTest(t, { fs });
    await queue.enqueue('email', 99);
    const short = shortOnce(file, (all) => Math.floor(all.length * 0.5));
    let appends = 0;
    fault.do = (call, real) => {
      // What closes a cut row is shorter than any row.
      if (isAppend(call, file) && bytesOf(call).length > longest && ++appends > 1)
        throw systemError('ENOSPC');
      return short(call, real);
    };
    const error = await rejects(queue.enqueueMany(jobs(5)), 'DISK_FULL', 'ENOSPC', 'free some space');
    assert.match(error.message, /2 of the jobs of this call are in the file/);
    assert.equal(error.written.length, 2);
    const seen = async () => (await queue.listJobs()).map(({ id, payload }) => [id, payload]).slice(1);
    const written = error.written.map((id, n) => [id, 100 + n]);
    assert.deepEqual(await seen(), written);

    fault.do = undefined;
    const id = await queue.enqueue('email', 5);
    assert.deepEqual(await seen(), [...written, [id, 5]]);
    assert.deepEqual(tokens(file), []);
  });
}

test('an error about the disk names the file', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  await queue.enqueue('email', 1);
  for (const [code, ours] of [
    ['ENOSPC', 'DISK_FULL'],
    ['EDQUOT', 'DISK_FULL'],
    ['EFBIG', 'DISK_FULL'],
    ['EIO', 'WRITE_FAILED'],
    ['EROFS', 'NO_ACCESS'],
  ] as const) {
    fault.do = failing((call) => isAppend(call, file), code);
    const error = await rejects(queue.enqueue('email', 2), ours, code, file);
    assert.deepEqual(error.written, []);
    assert.equal((error.cause as NodeJS.ErrnoException).code, code);
  }
  fault.do = undefined;
  assert.equal((await queue.listJobs()).length, 1);
});

test('each of several calls in one commit learns what became of its own rows', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  const waiting = await queue.enqueue('email', 99);
  const short = shortOnce(file, (all) => Math.floor(all.length * 0.5));
  let appends = 0;
  fault.do = (call, real) => {
    if (isAppend(call, file) && bytesOf(call).length > 20 && ++appends > 1) throw systemError('ENOSPC');
    return short(call, real);
  };
  const [one, many, cancelled, invalid] = await Promise.allSettled([
    queue.enqueue('email', 100),
    queue.enqueueMany(jobs(6)),
    queue.cancelJob(waiting),
    queue.enqueue('email', 5n),
  ]);
  assert.ok(one.status === 'fulfilled' && many.status === 'rejected');
  assert.equal(cancelled.status, 'rejected', 'its row came last');
  assert.equal(invalid.status, 'rejected');
  fault.do = undefined;
  assert.deepEqual(
    (await queue.listJobs()).map(({ id, status }) => `${id} ${status}`),
    [waiting, one.value, ...many.reason.written].map((id) => `${id} pending`),
  );
});

test('a large commit is written in pieces, and the rows of the first pieces are acknowledged', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  let appends = 0;
  fault.do = (call, real) => {
    if (isAppend(call, file) && ++appends === 2) throw systemError('ENOSPC');
    return real();
  };
  const error = await rejects(
    queue.enqueueMany(
      Array.from({ length: 12 }, (_, n) => ({ type: 'email', payload: `${n}${'x'.repeat(900_000)}` })),
    ),
    'DISK_FULL',
  );
  fault.do = undefined;
  assert.ok(error.written.length > 0 && error.written.length < 12, String(error.written.length));
  assert.deepEqual(
    (await queue.listJobs()).map(({ id }) => id),
    error.written,
  );
});

test('the file never gets shorter, whatever fails', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  const id = await queue.enqueue('email', 1);
  let last = 0;
  for (const broken of [
    shortOnce(file, (all) => all.length >> 1),
    failing((call) => isAppend(call, file), 'ENOSPC', 1),
    failing(isDataSync, 'EIO', 1),
  ] as Fault[]) {
    fault.do = (call, real) => {
      const result = broken(call, real);
      const { size } = statSync(file);
      // A compaction has another file take its name; as a file it never shrinks.
      if (call.name !== 'rename')
        assert.ok(size >= last || call.path.endsWith('.tmp') || call.path === dirname(file), call.name);
      last = size;
      return result;
    };
    await queue.enqueueMany(jobs(4)).catch(() => {});
    fault.do = undefined;
    last = 0;
  }
  assert.equal((await queue.getJob(id))?.payload, 1);
});

test('a commit that can not be read back is not acknowledged', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  await queue.enqueue('email', 1);
  let appended = false;
  fault.do = (call, real) => {
    if (isAppend(call, file)) appended = true;
    if (appended && (call.name === 'read' || call.name === 'readSync') && call.path === file)
      throw systemError('EIO');
    return real();
  };
  await rejects(queue.enqueue('email', 2), 'WRITE_FAILED', 'EIO');
  fault.do = undefined;
  assert.deepEqual(tokens(file), []);
});

test('nothing is written and the lock is released if the file can not be opened', async (t) => {
  const { fs, fault } = faultyFs();
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(file, line({ id: jobId(1) }));
  const { queue } = openTest(t, { fs, file });
  for (const [code, ours] of [
    ['EMFILE', 'WRITE_FAILED'],
    ['EACCES', 'NO_ACCESS'],
  ] as const) {
    fault.do = failing(({ name, path }) => name === 'open' && path === file, code);
    await rejects(queue.enqueue('email', 2), ours, code, file);
    if (code === 'EACCES') await rejects(queue.getJob(jobId(1)), ours, code, file);
    assert.deepEqual(tokens(file), []);
  }
  fault.do = undefined;
  assert.equal(linesOf(file).length, 1);
});
