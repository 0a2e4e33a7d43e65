import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../../../lib/job/clock.js';
import { faultyFs } from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';
import { openTest } from '../../../support/queues.js';
import { settle, until } from '../../../support/waiting.js';

test('a lingering worker runs jobs that are enqueued while it waits, here or elsewhere, and then ends', async (t) => {
  const { queue, clock, file } = openTest(t);
  const other = openTest(t, { file, clock }).queue;
  const ran: unknown[] = [];
  const working = queue.processJobs({ email: (n) => void ran.push(n) }, { linger: '55s' });
  let over = false;
  working.then(() => {
    over = true;
  });
  await queue.enqueue('email', 1);
  await clock.advanceUntil('the first ran', () => ran.length === 1);
  await other.enqueue('email', 2);
  await clock.advanceUntil('the second ran', () => ran.length === 2);
  assert.equal(over, false);
  await clock.advanceUntil('it has gone', () => over, 5000);
  assert.deepEqual([(await working).completed, ran], [2, [1, 2]]);
});

test('a lingering worker is notified by the file system, so a job starts at once and not at the next look', async (t) => {
  const { queue, clock, file } = openTest(t);
  await queue.enqueue('email', 0);
  const ran: unknown[] = [];
  const stop = new AbortController();
  const working = queue.processJobs(
    { email: (n) => void ran.push(n) },
    { linger: '1h', signal: stop.signal },
  );
  await until('it waits', () => ran.length === 1);
  await settle();
  const from = clock.now();
  await openTest(t, { file, clock }).queue.enqueue('email', 1);
  await until('it ran', () => {
    // It may still be resting after its last look.
    clock.advance(0.01);
    return ran.length === 2;
  });
  assert.ok(clock.now() - from < 400, 'before the next look');
  stop.abort();
  await working;
});

test('a lingering worker is notified by the file system about a folder that was made later', async (t) => {
  const { queue, clock, file } = openTest(t, { file: join(temporaryFolder(t), 'data', 'queue.tsv') });
  const other = openTest(t, { file, clock }).queue;
  const ran: unknown[] = [];
  const stop = new AbortController();
  const working = queue.processJobs(
    { email: (n) => void ran.push(n) },
    { linger: '1h', signal: stop.signal },
  );
  await clock.pass(2_000);
  await other.enqueue('email', 0);
  await clock.advanceUntil('it has looked', () => ran.length === 1);
  for (let n = 1; n <= 3; n++) {
    await settle();
    const from = clock.now();
    await other.enqueue('email', n);
    await until('it ran', () => {
      clock.advance(0.01);
      return ran.length === n + 1;
    });
    assert.ok(clock.now() - from < 400, 'before the next look');
  }
  stop.abort();
  await working;
});

test('a lingering worker looks twice a second if the system has no watches left', async (t) => {
  const { fs, fault } = faultyFs((call, real) => {
    if (call.name === 'watch') throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
    return real();
  });
  const { queue, clock, file } = openTest(t, { fs });
  await queue.enqueue('email', 0);
  const ran: unknown[] = [];
  const stop = new AbortController();
  const working = queue.processJobs(
    { email: (n) => void ran.push(n) },
    { linger: '1h', signal: stop.signal },
  );
  await until('it waits', () => ran.length === 1);
  await settle();
  await openTest(t, { file, clock }).queue.enqueue('email', 1);
  clock.advance(1000);
  await until('it ran', () => ran.length === 2);
  stop.abort();
  await working;
  assert.ok(fault);
});

test('an endless worker stops when it is told to, and takes no lock while there is nothing to do', async (t) => {
  const { fs, calls } = faultyFs();
  const { queue, clock } = openTest(t, { fs });
  await queue.enqueue('email', 0);
  const stop = new AbortController();
  let done = 0;
  const options = { linger: Number.POSITIVE_INFINITY, signal: stop.signal };
  const working = queue.processJobs({ email: () => void done++ }, options);
  await clock.advanceUntil('the job is done', () => done === 1);
  await clock.pass(1000);
  calls.length = 0;
  await clock.pass(60_000, 500);
  stop.abort();
  assert.equal((await working).completed, 1);
  const locks = calls.filter(({ name, path }) => name === 'unlink' && path.includes('.lock/owner.')).length;
  assert.ok(locks <= 1, `${locks} times in a minute`);
});

test('a lingering worker notes the time of its looks', async (t) => {
  const { queue, clock } = openTest(t);
  await queue.enqueue('email', 0);
  const stop = new AbortController();
  const working = queue.processJobs({ email: () => {} }, { linger: '1h', signal: stop.signal });
  const from = clock.now();
  await clock.pass(120_000, 500);
  assert.ok(Number((await queue.stats()).lastTick) > from + 60_000);
  stop.abort();
  await working;
});

test('a queue that is made while a worker waits for it is seen', async (t) => {
  const { queue, clock, file } = openTest(t);
  const ran: unknown[] = [];
  const stop = new AbortController();
  const working = queue.processJobs(
    { email: (n) => void ran.push(n) },
    { linger: '1h', signal: stop.signal },
  );
  await new Promise(setImmediate);
  await openTest(t, { file, clock }).queue.enqueue('email', 1);
  await clock.advanceUntil('it ran', () => ran.length === 1);
  stop.abort();
  await working;
});

test('a worker inside a web process starts a job within milliseconds of its enqueue', async (t) => {
  // On the real clock: what counts is that nothing waits for a timer.
  const { queue } = openTest(t, { clock: systemClock });
  const stop = new AbortController();
  let started = 0;
  const working = queue.processJobs(
    { email: () => void started++ },
    { linger: Number.POSITIVE_INFINITY, signal: stop.signal },
  );
  await queue.enqueue('email', 0);
  await until('the first ran', () => started === 1);
  const waits: number[] = [];
  for (let n = 2; n <= 6; n++) {
    const before = performance.now();
    await queue.enqueue('email', n);
    await until('it ran', () => started === n);
    waits.push(performance.now() - before);
  }
  stop.abort();
  await working;
  // The look twice a second would be 250 ms on average; a loaded machine may delay one or the other.
  assert.ok(Math.min(...waits) < 200, waits.join());
});

test('a clock that is set back makes no worker linger longer', async (t) => {
  const { queue, clock } = openTest(t);
  await queue.enqueue('email', {});
  let over = false;
  const working = queue.processJobs({ email: () => {} }, { linger: '55s' }).then(() => {
    over = true;
  });
  await clock.pass(10_000);
  clock.set(-3_600_000);
  await clock.pass(50_000);
  assert.ok(over);
  await working;
});

test('calls of processJobs in a loop, without a pause, do not keep the process from other work', async (t) => {
  const { queue } = openTest(t, { clock: systemClock });
  const stop = new AbortController();
  const options = { linger: Number.POSITIVE_INFINITY, signal: stop.signal };
  const working = queue.processJobs(
    { email: () => new Promise((resolve) => setImmediate(resolve)) },
    options,
  );
  const id = await queue.enqueue('email', 0);
  while ((await queue.getJob(id))?.status !== 'completed') {}
  let turn = false;
  setImmediate(() => {
    turn = true;
  });
  while (!turn) await queue.processJobs({});
  stop.abort();
  await working;
});
