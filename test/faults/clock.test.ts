import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { test } from 'node:test';
import { systemProcesses } from '../../lib/file/lock/process-id.js';
import type { Clock } from '../../lib/job/clock.js';
import type { Handlers } from '../../lib/runner/handler.js';
import { FakeClock } from '../support/fake-clock.js';
import { rowsOf } from '../support/queue-file.js';
import { openTest } from '../support/queues.js';
import { deferred, until } from '../support/waiting.js';

/*
 * The clock is set while timers go by another one. See also "a clock that is set back does no harm" in
 * test/unit/file/operations/enqueue.test.ts, and "the clock of this machine does not matter for an owner that can not
 * be judged" in test/unit/file/lock/lock.test.ts.
 */

const HOUR = 3_600_000;
const YEAR = 365 * 24 * HOUR;

/** The time that a machine shows: that of a steady clock, off by so much. */
function settable(): { clock: Clock; steady: FakeClock; set: (by: number) => void } {
  const steady = new FakeClock();
  let off = 0;
  return {
    clock: { ...steady, now: () => steady.now() + off },
    steady,
    set: (by) => {
      off += by;
    },
  };
}

test('jobs keep their order, wait until their time, and none is lost, after the clock was set back an hour', async (t) => {
  const { clock, steady, set } = settable();
  const { queue, file } = openTest(t, { clock: clock as FakeClock });
  const before = await queue.enqueue('email', 1);
  set(-HOUR);
  const after = await queue.enqueue('email', 2);
  const ran: unknown[] = [];
  const tick = () => queue.processJobs({ email: (payload) => void ran.push(payload) });
  await tick();
  assert.deepEqual(ran, [2]);
  steady.advance(HOUR);
  await tick();
  assert.deepEqual(ran, [2, 1]);
  assert.deepEqual(
    new Set(rowsOf(file).map(({ id, status }) => `${id} ${status}`)),
    new Set([before, after].map((id) => `${id} completed`)),
  );
});

test('a wait for the lock does not get longer if the clock is set back an hour meanwhile', async (t) => {
  const { clock, steady, set } = settable();
  const holder = openTest(t);
  await holder.queue.enqueue('email');
  const waiting = openTest(t, { file: holder.file, clock: clock as FakeClock, lockTimeout: 2000 });
  await holder.store.exclusively(async () => {
    let over: unknown;
    waiting.queue.enqueue('email').catch((error) => {
      over = error.code;
    });
    const started = steady.now();
    while (steady.now() - started < 500) await new Promise(setImmediate);
    assert.equal(over, undefined);
    set(-HOUR);
    await until('the wait is over', () => over);
    assert.equal(over, 'LOCK_TIMEOUT');
    // Sleeping moves this clock on.
    assert.ok(steady.now() - started < 5000, `${steady.now() - started} ms`);
  });
});

test('a lingering worker takes jobs back from dead workers although the clock was set back an hour', async (t) => {
  const { clock, steady, set } = settable();
  const { queue, file } = openTest(t, { clock: clock as FakeClock });
  await queue.enqueue('hold');
  await queue.enqueue('email', undefined, { priority: -1 });
  const stop = new AbortController();
  const held = deferred();
  const ran: string[] = [];
  const working = queue.processJobs(
    { email: () => void ran.push('email'), hold: () => held.promise },
    { linger: Infinity, signal: stop.signal, concurrency: 1, logger: () => {} },
  );
  await steady.advanceUntil('it holds a job', () =>
    rowsOf(file).some(({ status }) => status === 'processing'),
  );
  set(-HOUR);
  // Another worker claims, and dies.
  const dead = systemProcesses.self().replace(/\.\d+\.(\d+)\.([0-9a-f]+)$/, '.99999999.$1.$2');
  const other = openTest(t, { file, clock: clock as FakeClock });
  const id = await other.queue.enqueue('email', 'of the dead');
  const row = rowsOf(file).find((one) => one.id === id) as Record<string, string>;
  const claim = { ...row, status: 'processing', attempts: '1', locked_by: dead, version: '2' };
  appendFileSync(file, `${Object.values(claim).join('\t')}\n`);
  held.resolve();
  await steady.advanceUntil(
    'it is taken back',
    async () => (await queue.getJob(id))?.status !== 'processing',
  );
  stop.abort();
  await steady.pass(1000);
  await working;
});

test('a running job counts as overdue after the clock was set forward a year; its result is dropped, and it runs again when its first run has ended', async (t) => {
  const { clock, set } = settable();
  const { queue, file } = openTest(t, { clock: clock as FakeClock });
  const id = await queue.enqueue('slow');
  const later = await queue.enqueue('email', undefined, { delay: '30d' });
  const held = deferred<string>();
  const begun = deferred();
  const events: string[] = [];
  const attempts: number[] = [];
  const handlers: Handlers = {
    slow: (_, { job }) => {
      attempts.push(job.attempts);
      begun.resolve();
      return job.attempts === 1 ? held.promise : 'second';
    },
    email: () => {},
  };
  const first = queue.processJobs(handlers, { logger: ({ event }) => void events.push(event) });
  await begun.promise;
  set(YEAR);
  const other = openTest(t, { file, clock: clock as FakeClock });
  const { completed, rescued } = await other.queue.processJobs(handlers);
  // What was delayed is due. In one process the job does not start while its first run goes on; in another it does.
  assert.deepEqual({ completed, rescued, attempts }, { completed: 1, rescued: 1, attempts: [1] });
  held.resolve('first');
  await first;
  await other.queue.processJobs(handlers);
  assert.deepEqual([attempts, events[0]], [[1, 2], 'dropped']);
  const job = await queue.getJob(id);
  assert.deepEqual([job?.status, job?.attempts, job?.result], ['completed', 2, 'second']);
  assert.equal((await queue.getJob(later))?.status, 'completed');
});
