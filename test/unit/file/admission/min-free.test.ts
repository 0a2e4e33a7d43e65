import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { readHeartbeat } from '../../../../lib/file/disk/heartbeat.js';
import type { WorkerEvent } from '../../../../lib/job/options.js';
import { faultyFs } from '../../../support/faulty-fs.js';
import { fileOf, jobId, line, statesOf } from '../../../support/queue-file.js';
import { openTest, type TestOptions } from '../../../support/queues.js';
import { deferred } from '../../../support/waiting.js';

const MIN_FREE = 1000;

/** A queue on a disk with so many free bytes, with what a worker on it warns of. */
function onDisk(t: TestContext, free: number, options: TestOptions = {}) {
  const disk = { free, looks: 0 };
  const { fs } = faultyFs((call, real) => {
    if (call.name !== 'statfs') return real();
    disk.looks++;
    return { type: 0, free: disk.free };
  });
  const made = openTest(t, { fs, minFree: MIN_FREE, ...options });
  const warnings: string[] = [];
  const logger = ({ event, message }: WorkerEvent): void => {
    if (event === 'warning') warnings.push(message as string);
  };
  return { ...made, disk, warnings, logger };
}

test('with fewer free bytes than minFree no job is claimed, and no attempt is used up', async (t) => {
  const { queue, disk, warnings, logger } = onDisk(t, MIN_FREE - 1);
  const id = await queue.enqueue('email');
  const email = (): void => {};
  const { claimed, unhandled } = await queue.processJobs({ email }, { logger });
  assert.deepEqual([claimed, unhandled], [0, {}]);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] as string, /no job starts.*999 free bytes, fewer than minFree, 1000/);
  const job = await queue.getJob(id);
  assert.deepEqual([job?.status, job?.attempts], ['pending', 0]);
  disk.free = MIN_FREE;
  assert.equal((await queue.processJobs({ email }, { logger })).completed, 1);
  assert.equal(warnings.length, 1);
});

test('a lingering worker warns once, and goes on within a second when there is room', async (t) => {
  const { queue, clock, disk, warnings, logger } = onDisk(t, 0);
  await queue.enqueue('email');
  let runs = 0;
  const worker = queue.processJobs({ email: () => void runs++ }, { linger: '1h', logger });
  await clock.pass(5000);
  assert.deepEqual([runs, warnings.length], [0, 1]);
  disk.free = MIN_FREE;
  await clock.pass(1000);
  assert.equal(runs, 1);
  disk.free = 0;
  await queue.enqueue('email');
  await clock.pass(2000);
  assert.deepEqual([runs, warnings.length], [1, 1]);
  await queue.close();
  await worker;
});

test('a job that runs when the disk gets full is recorded', async (t) => {
  const { queue, disk, logger, file } = onDisk(t, MIN_FREE);
  const ids = await queue.enqueueMany([{ type: 'email' }, { type: 'email' }]);
  const begun = deferred();
  const end = deferred();
  const email = async (): Promise<void> => {
    begun.resolve();
    await end.promise;
  };
  const worker = queue.processJobs({ email }, { logger });
  await begun.promise;
  disk.free = 0;
  end.resolve();
  assert.equal((await worker).completed, 1);
  assert.deepEqual(statesOf(file).sort(), [`${ids[0]} completed`, `${ids[1]} pending`].sort());
});

test('no schedule fires without room, and its slot comes when there is', async (t) => {
  for (const linger of [0, '1h']) {
    const { queue, clock, disk, warnings, logger } = onDisk(t, 0);
    await queue.schedule('hourly', { type: 'email', every: '1h' });
    clock.advance(3_600_000);
    let runs = 0;
    const work = () => queue.processJobs({ email: () => void runs++ }, { linger, logger });
    const worker = work();
    if (linger === 0) assert.equal((await worker).claimed, 0);
    else await clock.pass(3000);
    assert.deepEqual([runs, warnings.length, (await queue.stats()).total], [0, 1, 0]);
    disk.free = MIN_FREE;
    if (linger === 0) await work();
    else await clock.pass(1000);
    assert.equal(runs, 1);
    await queue.close();
    await worker;
  }
});

test('the disk is asked once for each pick, and not at all without minFree', async (t) => {
  const many = Array.from({ length: 100 }, (_, n) => line({ id: jobId(n), type: `type ${n % 10}` }));
  const run = async (minFree: number): Promise<number> => {
    const { queue, disk, logger } = onDisk(t, MIN_FREE, { file: fileOf(t, ...many), minFree });
    const handlers = Object.fromEntries(many.map((_, n) => [`type ${n}`, () => {}]));
    const before = disk.looks;
    assert.equal((await queue.processJobs(handlers, { concurrency: 100, logger })).completed, 100);
    return disk.looks - before;
  };
  const [off, on] = [await run(0), await run(1)];
  assert.ok(on > off && on <= off + 20, `${off} without, ${on} with`);
});

test('the heartbeat says that a worker started nothing, and for how long ago that counts', async (t) => {
  const { queue, clock, store, disk, logger } = onDisk(t, 5);
  const noted = () => readHeartbeat(store.fs, store.realPath)?.shortOfRoom;
  await queue.enqueue('email');
  const at = clock.now();
  await queue.processJobs({ email: () => {} }, { logger });
  assert.deepEqual(noted(), { at, free: 5, minFree: MIN_FREE });
  // The notes of a worker with other work, or none, stand beside it.
  disk.free = MIN_FREE;
  clock.advance(60_000);
  await queue.processJobs({ email: () => {} }, { logger });
  assert.deepEqual(noted(), { at, free: 5, minFree: MIN_FREE });
  clock.advance(60_000);
  await queue.processJobs({ email: () => {} }, { logger });
  assert.equal(noted(), undefined);
});

test('a file system that does not tell its room counts as one with room', async (t) => {
  const { fs } = faultyFs((call, real) => (call.name === 'statfs' ? undefined : real()));
  const { queue } = openTest(t, { fs, minFree: MIN_FREE });
  await queue.enqueue('email');
  assert.equal((await queue.processJobs({ email: () => {} })).completed, 1);
});
