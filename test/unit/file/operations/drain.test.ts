import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { systemFs } from '../../../../lib/file/disk/fs.js';
import { giveUp } from '../../../../lib/file/lock/overdue.js';
import { type Liveness, systemProcesses } from '../../../../lib/file/lock/process-id.js';
import { jobsRunningHere } from '../../../../lib/file/lock/running-here.js';
import { claimed, dead, elsewhere, NOW, over } from '../../../support/claims.js';
import { rejects } from '../../../support/errors.js';
import { stubborn } from '../../../support/handlers.js';
import { fileOf, jobId, text } from '../../../support/queue-file.js';
import { openTest, type TestQueue } from '../../../support/queues.js';
import { deferred, settle } from '../../../support/waiting.js';

const quiet = { logger: () => {} };

/** Notes when a promise is settled. */
function watched<T>(promise: Promise<T>): { promise: Promise<T>; isSettled: () => boolean } {
  let settled = false;
  const note = (): void => {
    settled = true;
  };
  promise.then(note, note);
  return { promise, isSettled: () => settled };
}

/** Counts how often a queue's store reads the file. */
function countReads({ store }: TestQueue): () => number {
  const read = store.read.bind(store);
  let reads = 0;
  store.read = (needs) => {
    reads++;
    return read(needs);
  };
  return () => reads;
}

test('drain pauses like pause, and says 0 at once if no job of the type runs', async (t) => {
  const { queue, file } = openTest(t);
  await queue.enqueueMany([{ type: 'email' }, { type: 'report' }]);
  assert.deepEqual(await queue.drain({ type: 'email', until: NOW + 3600, by: 'ann' }), { running: 0 });
  assert.equal(text(`${file}.paused`), `email\t${NOW}\t${NOW + 3600}\tann\n`);
  assert.equal((await queue.processJobs({ email: () => {}, report: () => {} })).completed, 1);
  assert.deepEqual(await queue.drain(), { running: 0 });
  assert.deepEqual((await queue.paused()).map(({ type }) => type).sort(), ['*', 'email']);
});

test('drain waits for the running jobs, and resolves after the last of them', async (t) => {
  const { queue, clock, file } = openTest(t);
  const one = stubborn();
  const two = stubborn();
  await queue.enqueueMany([{ type: 'one' }, { type: 'two' }]);
  const working = queue.processJobs({ one: one.handler, two: two.handler }, { concurrency: 2, ...quiet });
  await Promise.all([one.started, two.started]);
  const draining = watched(openTest(t, { file, clock }).queue.drain());
  one.end.resolve(undefined);
  await clock.pass(10_000);
  assert.equal(draining.isSettled(), false, 'one job still runs');
  two.end.resolve(undefined);
  await clock.advanceUntil('it is drained', draining.isSettled);
  assert.deepEqual(await draining.promise, { running: 0 });
  assert.equal((await queue.stats()).processing, 0);
  await working;
});

test('a job that does not end is counted when the time is over, and the pause stays', async (t) => {
  const { queue, clock } = openTest(t);
  const { started, end, handler } = stubborn();
  await queue.enqueue('email');
  const working = queue.processJobs({ email: handler }, quiet);
  await started;
  const draining = watched(queue.drain({ timeout: '5m' }));
  await settle();
  await clock.pass(290_000, 5_000);
  assert.equal(draining.isSettled(), false);
  await clock.pass(11_000);
  assert.deepEqual(await draining.promise, { running: 1 });
  assert.equal((await queue.paused()).length, 1);
  end.resolve(undefined);
  await working;
});

test('setting the clock does not change how long drain waits', async (t) => {
  const { queue, clock } = over(t, claimed(1, { locked_by: elsewhere }));
  const draining = watched(queue.drain({ timeout: '10s' }));
  await settle();
  clock.set(3_600_000);
  await clock.pass(9_000);
  assert.equal(draining.isSettled(), false);
  clock.set(-7_200_000);
  await clock.pass(2_000);
  assert.deepEqual(await draining.promise, { running: 1 });
});

test('with timeout 0 drain looks once: a job that was claimed and not started counts', async (t) => {
  const { queue } = over(t, claimed(1, { locked_by: systemProcesses.self() }));
  assert.deepEqual(await queue.drain({ timeout: 0 }), { running: 1 });
  await queue.cancelJob(jobId(1));
  assert.deepEqual(await queue.drain({ timeout: 0 }), { running: 0 });
});

test('a job whose worker is dead does not count; one whose worker may live does', async (t) => {
  const unnamed = claimed(3, { locked_by: '' });
  const { queue } = over(t, claimed(1), claimed(2, { locked_by: elsewhere }), unnamed);
  assert.deepEqual(await queue.drain({ timeout: 0 }), { running: 2 });
  const allDead = over(t, claimed(1), claimed(2, { locked_by: dead(2) }));
  assert.deepEqual(await allDead.queue.drain({ timeout: 0 }), { running: 0 });
});

test('a job whose worker gave up counts while its handler runs', async (t) => {
  const owner = systemProcesses.self();
  const { queue, store } = over(t, claimed(1, { locked_by: owner }));
  giveUp(owner);
  jobsRunningHere(store).add(jobId(1));
  assert.deepEqual(await queue.drain({ timeout: 0 }), { running: 1 });
  jobsRunningHere(store).delete(jobId(1));
  assert.deepEqual(await queue.drain({ timeout: 0 }), { running: 0 });
});

test("a worker's death ends the wait, although it changes no file", async (t) => {
  let state: Liveness = 'alive';
  const processes = { ...systemProcesses, liveness: () => state };
  const file = fileOf(t, claimed(1));
  const { queue, clock } = openTest(t, { file, processes });
  const draining = watched(queue.drain());
  await settle();
  await clock.pass(5_000);
  assert.equal(draining.isSettled(), false);
  state = 'dead';
  await clock.pass(500);
  await settle();
  assert.equal(draining.isSettled(), true);
  assert.deepEqual(await draining.promise, { running: 0 });
});

test('jobs of other types may go on and start', async (t) => {
  const { queue } = over(t, claimed(1, { type: 'report', locked_by: elsewhere }));
  assert.deepEqual(await queue.drain({ type: 'email', timeout: 0 }), { running: 0 });
  assert.deepEqual(await queue.drain({ type: 'report', timeout: 0 }), { running: 1 });
  assert.deepEqual(await queue.drain({ type: '*', timeout: 0 }), { running: 1 });
});

test('without notifications drain reads the file twice a second', async (t) => {
  const fs = {
    ...systemFs,
    watch: () => {
      throw new Error('no watches left');
    },
  };
  const file = fileOf(t, claimed(1, { locked_by: elsewhere }));
  const opened = openTest(t, { file, fs });
  const { queue, clock } = opened;
  const reads = countReads(opened);
  const draining = watched(queue.drain());
  await settle();
  await clock.pass(10_000);
  assert.ok(reads() >= 20 && reads() <= 22, `it read ${reads()} times`);
  await openTest(t, { file, clock }).queue.cancelJob(jobId(1));
  await clock.pass(500);
  assert.deepEqual(await draining.promise, { running: 0 });
});

test('a notification causes a read soon, and many of them cause one', async (t) => {
  let notify: () => void = () => assert.fail('nothing watches');
  let ended = false;
  const fs = {
    ...systemFs,
    watch: (_folder: string, changed: (name: string | null) => void) => {
      notify = () => changed(null);
      return () => {
        ended = true;
      };
    },
  };
  const opened = openTest(t, { file: fileOf(t, claimed(1, { locked_by: elsewhere })), fs });
  const { queue, clock } = opened;
  const reads = countReads(opened);
  const draining = queue.drain({ timeout: '1m' });
  await settle();
  assert.equal(reads(), 1);
  for (let n = 0; n < 1_000; n++) notify();
  await settle();
  assert.equal(reads(), 1);
  clock.advance(20);
  await settle();
  assert.equal(reads(), 2);
  // A notification during the rest causes no read of its own.
  notify();
  clock.advance(10);
  notify();
  clock.advance(10);
  await settle();
  assert.equal(reads(), 3);
  clock.advance(10);
  await settle();
  assert.equal(reads(), 3);
  await clock.advanceUntil('its time is over', () => ended);
  assert.deepEqual(await draining, { running: 1 });
});

test('rows that are missing while a person edits the file are not taken for ended jobs', async (t) => {
  const { queue, clock, file } = over(t, claimed(1, { locked_by: elsewhere }));
  const draining = watched(queue.drain({ timeout: '1m' }));
  await settle();
  const written = deferred();
  const restored = deferred();
  const editing = openTest(t, { file, clock }).store.edit(async () => {
    const before = readFileSync(file);
    writeFileSync(file, before.subarray(0, before.indexOf(jobId(1))));
    written.resolve();
    await restored.promise;
    writeFileSync(file, before);
  });
  await written.promise;
  clock.advance(500);
  // The wait for the lock takes no time on this clock.
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
  assert.equal(draining.isSettled(), false);
  restored.resolve();
  await editing;
  await clock.pass(2_000);
  assert.equal(draining.isSettled(), false);
  await clock.advanceUntil('its time is over', draining.isSettled);
  assert.deepEqual(await draining.promise, { running: 1 });
});

test('closing the queue ends drain with CLOSED at once, and the pause stays', async (t) => {
  const { queue, clock, file } = over(t, claimed(1, { locked_by: elsewhere }));
  const draining = watched(queue.drain());
  await settle();
  await clock.pass(1_000);
  const closing = queue.close();
  await rejects(draining.promise, 'CLOSED', /the pause stays/);
  await closing;
  assert.equal((await openTest(t, { file, clock }).queue.paused()).length, 1);
});

test('drain on a queue that is about to close is refused, and pauses nothing', async (t) => {
  const { queue, clock, file } = openTest(t);
  await queue.enqueue('email');
  const { started, end, handler } = stubborn();
  const working = queue.processJobs({ email: handler }, quiet);
  await started;
  const closing = queue.close();
  await rejects(queue.drain(), 'CLOSED');
  end.resolve(undefined);
  await working;
  await closing;
  assert.deepEqual(await openTest(t, { file, clock }).queue.paused(), []);
});

test('abandon ends drain with CLOSED, too', async (t) => {
  const { queue } = over(t, claimed(1, { locked_by: elsewhere }));
  const draining = watched(queue.drain());
  await settle();
  await queue.abandon(new Error('it dies'));
  await rejects(draining.promise, 'CLOSED');
  assert.equal((await queue.paused()).length, 1);
});

test('what drain can not use is refused before anything is paused', async (t) => {
  const { queue } = openTest(t);
  await rejects(queue.drain(), 'NOT_A_QUEUE', /no queue file/);
  await queue.enqueue('email');
  await rejects(queue.drain({ timeout: 'soon' }), 'INVALID_ARGUMENT', /^timeout is "soon"/);
  await rejects(queue.drain({ timeout: -1 }), 'INVALID_ARGUMENT', /^timeout is -1/);
  await rejects(queue.drain({ type: 'a\tb' }), 'INVALID_ARGUMENT', /^type is "a\\tb"/);
  await rejects(queue.drain({ until: NOW }), 'INVALID_ARGUMENT', /^until is .* a time in the future/);
  await rejects(queue.drain({ for: '2h' } as never), 'INVALID_ARGUMENT', /options\.for/);
  await rejects(queue.drain('email' as never), 'INVALID_ARGUMENT', /^options is "email"/);
  assert.deepEqual(await queue.paused(), []);
});
