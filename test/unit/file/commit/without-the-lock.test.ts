import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  rmdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { archiveFiles } from '../../../../lib/file/compaction/archive.js';
import { systemFs } from '../../../../lib/file/disk/fs.js';
import { systemProcesses } from '../../../../lib/file/lock/process-id.js';
import { rejects } from '../../../support/errors.js';
import { before } from '../../../support/faults.js';
import { type Fault, faultyFs, isAppend, systemError } from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';
import { jobId, line, linesOf, rowsOf, statesOf, text, writeQueue } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';
import { deferred } from '../../../support/waiting.js';

/*
 * New jobs are appended without the lock, while another process decides something. A process that rewrites the file
 * has to be alone.
 */

/** A queue with one job, and the token of somebody alive, who is in the midst of a commit. */
function heldQueue(t: TestContext, lockTimeout: number | string = 100) {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(file, line({ id: jobId(1) }));
  mkdirSync(`${file}.lock`);
  writeFileSync(join(`${file}.lock`, `owner.${systemProcesses.self()}`), '');
  const { fs, fault, calls } = faultyFs();
  return { ...openTest(t, { file, fs, lockTimeout }), fault, calls };
}

/** A queue with one job, and a second handle on it. */
function twoHandles(t: TestContext) {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(file, line({ id: jobId(1) }));
  const { fs, fault, calls } = faultyFs();
  return { ...openTest(t, { file, fs }), other: openTest(t, { file }), fault, calls };
}

const rewriting = (file: string): string => `${file}.lock/rewriting`;

test('a new job does not wait for the holder of the lock; a change of a job does', async (t) => {
  const { queue, file } = heldQueue(t);
  const ids = [await queue.enqueue('email'), ...(await queue.enqueueMany([{ type: 'a' }, { type: 'b' }]))];
  assert.deepEqual(
    statesOf(file),
    [jobId(1), ...ids].map((id) => `${id} pending`),
  );
  await rejects(queue.cancelJob(jobId(1)), 'LOCK_TIMEOUT');
  await rejects(queue.compact(), 'LOCK_TIMEOUT');
});

test('a new job does not wait for a change of the same process that waits for the lock', async (t) => {
  const { queue, store, file } = heldQueue(t, '1h');
  const [held] = store.lock.holders();
  const cancelling = queue.cancelJob(jobId(1));
  const id = await queue.enqueue('email');
  assert.deepEqual(statesOf(file), [`${jobId(1)} pending`, `${id} pending`]);
  rmSync(join(`${file}.lock`, held?.token ?? ''));
  assert.equal(await cancelling, true);
});

test('a failed sync says that it is unknown whether the job is kept, if the file can not be rewritten', async (t) => {
  const { queue, fault } = heldQueue(t);
  fault.do = ({ name }, real) => (name === 'fdatasync' ? Promise.reject(systemError('EIO')) : real());
  await rejects(queue.enqueue('email'), 'SYNC_FAILED', 'EIO', 'unknown');
  fault.do = undefined;
  await rejects(queue.enqueue('email'), 'SYNC_FAILED');
});

test('a new job waits for the lock if the last line has to be closed first', async (t) => {
  const { queue, file } = heldQueue(t);
  appendFileSync(file, line({ id: jobId(2) }).slice(0, 30));
  const before = text(file);
  await rejects(queue.enqueue('email'), 'LOCK_TIMEOUT');
  assert.equal(text(file), before);
});

test('a new job waits while another process rewrites the file', async (t) => {
  const { queue, file } = heldQueue(t);
  mkdirSync(rewriting(file));
  const before = text(file);
  await rejects(queue.enqueue('email'), 'LOCK_TIMEOUT');
  assert.equal(text(file), before);
});

test('a new job that waits for a rewrite goes in when the rewrite is over, although the lock is held', async (t) => {
  const { queue, file, fault } = heldQueue(t);
  mkdirSync(rewriting(file));
  let waits = 0;
  fault.do = ({ name, path }, real) => {
    if (name === 'readdir' && path === `${file}.lock` && ++waits === 2) rmdirSync(rewriting(file));
    return real();
  };
  const id = await queue.enqueue('email');
  assert.ok(waits >= 2);
  assert.deepEqual(statesOf(file), [`${jobId(1)} pending`, `${id} pending`]);
});

test('a job is in the new file, once, if a compaction comes between check and append', async (t) => {
  const { queue, file, other, fault, calls } = twoHandles(t);
  // What is written in one piece is written at once; a large one waits, and others come first.
  const large = 'x'.repeat(100_000);
  fault.do = before(
    (call) => isAppend(call, file),
    async () => {
      await other.queue.compact();
    },
  );
  const id = await queue.enqueue('email', large);
  assert.equal(calls.filter((call) => isAppend(call, file)).length, 2, 'into the old file, then the new one');
  assert.deepEqual(statesOf(file), [`${jobId(1)} pending`, `${id} pending`]);
  assert.equal((await other.queue.getJob(id))?.payload, large);
});

test('a job is in the new file, once, if a compaction read the file before the append and ends after it', async (t) => {
  const { queue, file, other, fault } = twoHandles(t);
  let compacted: Promise<unknown> = Promise.resolve();
  // The other one's own file system: at its rename ours goes on, and it waits for that.
  fault.do = before(
    (call) => isAppend(call, file),
    async () => {
      compacted = other.queue.compact();
      while (!existsSync(rewriting(file))) await new Promise(setImmediate);
    },
  );
  const id = await queue.enqueue('email', 'x'.repeat(100_000));
  await compacted;
  assert.deepEqual(statesOf(file), [`${jobId(1)} pending`, `${id} pending`]);
});

test('a row of an earlier round is synced before it is acknowledged', async (t) => {
  const { queue, file, fault, calls } = twoHandles(t);
  // Somebody says that they rewrite the file, right after the append, and dies before they have begun.
  fault.do = (call, real) => {
    const result = real();
    if (isAppend(call, file)) {
      fault.do = undefined;
      mkdirSync(rewriting(file), { recursive: true });
    }
    return result;
  };
  const id = await queue.enqueue('email');
  assert.deepEqual(statesOf(file), [`${jobId(1)} pending`, `${id} pending`]);
  const names = calls.map(({ name }) => name);
  const append = calls.findIndex((call) => isAppend(call, file));
  assert.ok(names.indexOf('fdatasync', append) > append, names.slice(append).join());
  assert.equal(existsSync(rewriting(file)), false);
});

test('a job that was run and archived while its enqueue stood still is not added again', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(file, line({ id: jobId(1) }));
  const { fs, fault } = faultyFs();
  const { queue, clock } = openTest(t, { file, fs });
  const worker = openTest(t, { file, clock, retention: 0 }).queue;
  const ran: string[] = [];
  // Between the append and the look behind it.
  fault.do = before(
    ({ name, path }) => name === 'read' && path === file,
    async () => {
      await worker.processJobs({ email: (_, { job }) => void ran.push(job.id) });
      clock.advance(1000);
      await worker.compact();
      // The clock was set back meanwhile.
      const anHourAgo = Date.now() / 1000 - 3600;
      for (const path of archiveFiles(systemFs, file)) utimesSync(path, anHourAgo, anHourAgo);
    },
  );
  const id = await queue.enqueue('email', 'x'.repeat(100_000));
  assert.equal(await queue.getJob(id), undefined);
  await worker.processJobs({ email: (_, { job }) => void ran.push(job.id) });
  assert.deepEqual(ran, [jobId(1), id]);
  assert.equal((await queue.getJob(id, { archive: true }))?.status, 'completed');
  assert.deepEqual(rowsOf(file), []);
});

/** Has something else written to the file by a process that is killed in the midst of it, right before an append. */
const dyingBefore = (file: string, fragment: string): Fault =>
  before(
    (call) => isAppend(call, file),
    () => appendFileSync(file, fragment),
  );

const claim = line({ id: jobId(1), status: 'processing', version: 2, attempts: 1, locked_by: 'somebody' });

test('a row that is glued to the fragment of a killed writer is written again, and holds no job for long', async (t) => {
  const { queue, file, other, fault } = twoHandles(t);
  const ids: string[] = [];
  for (const cut of [5, 16, 17, 60, claim.length - 4]) {
    fault.do = dyingBefore(file, claim.slice(0, cut));
    const id = await queue.enqueue('email', cut);
    fault.do = undefined;
    assert.equal((await other.queue.getJob(id))?.payload, cut);
    ids.push(id);
  }
  // The first tick writes the file anew, where the lines are apart again; nothing runs that nobody enqueued.
  const ran: string[] = [];
  const tick = () => other.queue.processJobs({ email: (_, { job }) => void ran.push(job.id) });
  await tick();
  await tick();
  assert.deepEqual(ran.sort(), [jobId(1), ...ids].sort());
  assert.equal(linesOf(file).filter((found) => found.endsWith('\t#torn')).length, 5);
  assert.deepEqual(await other.queue.stats().then(({ total }) => total), 6);
});

test('a row is not lost if its writer was killed right after it was glued to another, nor is a whole other row', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const second = (n: number): string => line({ id: jobId(n), payload: `${n}` });
  writeQueue(
    file,
    line({ id: jobId(1) }),
    claim.slice(0, 70) + second(2),
    line({ id: jobId(3) }).slice(0, -1) + second(4),
    // What supersedes a row that stands by itself.
    line({ id: jobId(5) }),
    line({ id: jobId(6) }).slice(0, 9) +
      line({ id: jobId(5), status: 'cancelled', version: 2, finished_at: 1_893_455_999 }),
  );
  const { queue } = openTest(t, { file });
  assert.equal((await queue.compact()).kept, 5);
  assert.deepEqual(
    statesOf(file).sort(),
    [`${jobId(5)} cancelled`, ...[1, 2, 3, 4].map((n) => `${jobId(n)} pending`)].sort(),
  );
  const before = statesOf(file).sort();
  await queue.compact();
  assert.deepEqual(statesOf(file).sort(), before);
});

test('a commit strikes no row in a file that another process edits', async (t) => {
  const { queue, file, other, fault } = twoHandles(t);
  appendFileSync(file, line({ id: jobId(2) }) + line({ id: jobId(3) }));
  const syncing = deferred();
  const synced = deferred();
  fault.do = before(
    ({ name }) => name === 'fdatasync',
    () => {
      syncing.resolve();
      return synced.promise;
    },
  );
  const cancelled = queue.cancelJob(jobId(1));
  // The lock is free again.
  await syncing.promise;
  await other.store.edit(async () => {
    // In place, as some editors do: another row of the same length moves to where the first one was.
    const { ino } = statSync(file);
    const [header, format, , ...rest] = text(file).split('\n');
    writeFileSync(file, [header, format, ...rest].join('\n'));
    assert.equal(statSync(file).ino, ino);
    const edited = text(file);
    synced.resolve();
    await cancelled;
    assert.equal(text(file), edited);
  });
  assert.deepEqual(statesOf(file), [`${jobId(2)} pending`, `${jobId(3)} pending`]);
});

test('new jobs wait for every caller of one process that needs to be alone', async (t) => {
  const { queue, store, file, calls } = twoHandles(t);
  const tokens = (): number =>
    calls.filter(({ name, path }) => name === 'open' && path.includes('owner.')).length;
  const ids: Promise<string>[] = [];
  const alone = async (): Promise<void> => {
    const before = tokens();
    ids.push(queue.enqueue('email'));
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    assert.equal(tokens(), before, 'no other call tries to get in');
  };
  await Promise.all([store.exclusively(alone), store.exclusively(alone), store.exclusively(alone)]);
  const added = await Promise.all(ids);
  assert.deepEqual(statesOf(file).sort(), [jobId(1), ...added].map((id) => `${id} pending`).sort());
});

test('an error does not say that nothing was written if the lock was missed after the append', async (t) => {
  const { queue, file, fault } = heldQueue(t);
  // Whoever holds it begins to rewrite the file at that very moment.
  fault.do = (call, real) => {
    const result = real();
    if (isAppend(call, file)) {
      fault.do = undefined;
      mkdirSync(rewriting(file));
    }
    return result;
  };
  const error = await rejects(queue.enqueue('email'), 'WRITE_FAILED', `process ${process.pid}`, 'is unknown');
  assert.doesNotMatch(error.message, /nothing was written/);
  // Of what had not begun it is.
  await rejects(queue.enqueue('email'), 'LOCK_TIMEOUT', 'nothing was written');
  assert.equal(rowsOf(file).length, 2);
});
