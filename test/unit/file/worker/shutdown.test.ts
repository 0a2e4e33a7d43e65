import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../../../lib/job/clock.js';
import type { WorkerEvent } from '../../../../lib/job/options.js';
import { faultyFs } from '../../../support/faulty-fs.js';
import { obedient, stubborn } from '../../../support/handlers.js';
import { startScript } from '../../../support/processes.js';
import { rowsOf } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';
import { deferred, settle, until } from '../../../support/waiting.js';

/*
 * What becomes of jobs when their worker is told to stop. Time stands still here unless it is moved.
 */

test('a worker that is told to stop claims nothing more, and lets jobs end in their grace time', async (t) => {
  const { queue, clock } = openTest(t);
  const ids = await queue.enqueueMany([
    { type: 'email', payload: 1 },
    { type: 'email', payload: 2 },
  ]);
  const { started, end, handler } = stubborn();
  const stop = new AbortController();
  const working = queue.processJobs({ email: handler }, { signal: stop.signal, grace: '10s', linger: '1h' });
  await started;
  stop.abort();
  clock.advance(9_999);
  end.resolve('in time');
  const summary = await working;
  assert.deepEqual([summary.claimed, summary.completed, summary.released], [1, 1, 0]);
  const [one, two] = await Promise.all(ids.map((id) => queue.getJob(id)));
  assert.deepEqual([one?.status, two?.status, two?.attempts], ['completed', 'pending', 0]);
});

test('a job that does not end in its grace time is aborted and given back, due at once, its attempt forgiven', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('email', {});
  const { started, stopped, handler } = obedient();
  const stop = new AbortController();
  const events: WorkerEvent[] = [];
  const working = queue.processJobs(
    { email: handler },
    { signal: stop.signal, grace: '10s', logger: (event) => events.push(event) },
  );
  await started;
  stop.abort();
  clock.advance(10_000);
  assert.equal((await stopped).name, 'AbortError');
  const summary = await working;
  assert.deepEqual([summary.released, summary.failed, summary.retried], [1, 0, 0]);
  const job = await queue.getJob(id);
  assert.deepEqual(
    [job?.status, job?.attempts, job?.forgiven, job?.lockedBy, job?.error],
    ['pending', 1, 1, undefined, undefined],
  );
  assert.ok(Number(job?.runAt) <= clock.now());
  assert.deepEqual(
    events.map(({ event }) => event),
    ['released'],
  );
});

test('a job can be given back at several shutdowns in a row without losing an attempt', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('email', {}, { maxAttempts: 1 });
  for (let n = 1; n <= 4; n++) {
    const { started, handler } = obedient();
    const stop = new AbortController();
    const working = queue.processJobs({ email: handler }, { signal: stop.signal, grace: 0 });
    await started;
    stop.abort();
    clock.advance(0);
    await working;
    const job = await queue.getJob(id);
    assert.deepEqual([job?.status, job?.attempts, job?.forgiven], ['pending', n, n]);
  }
  assert.equal((await queue.processJobs({ email: () => {} })).completed, 1);
});

test('a job whose handler ignores the abort is given back soon after', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('email', {});
  const { started, end, handler } = stubborn();
  const stop = new AbortController();
  const working = queue.processJobs(
    { email: handler },
    { signal: stop.signal, grace: '10s', logger: () => {} },
  );
  await started;
  stop.abort();
  clock.advance(10_000);
  clock.advance(1_000);
  assert.equal((await working).released, 1);
  assert.equal((await queue.getJob(id))?.status, 'pending');

  // It runs on in this process: a second run beside it would be two of one job.
  let runs = 0;
  const again = await queue.processJobs({ email: () => void runs++ }, { logger: () => {} });
  assert.deepEqual([runs, again.claimed], [0, 0]);
  end.resolve('at last');
  await settle();
  assert.equal((await queue.processJobs({ email: () => void runs++ })).completed, 1);
});

test('a worker that is told to stop before it began does nothing', async (t) => {
  const { queue } = openTest(t);
  const id = await queue.enqueue('email', {});
  const summary = await queue.processJobs({ email: () => {} }, { signal: AbortSignal.abort() });
  assert.equal(summary.claimed, 0);
  assert.equal((await queue.getJob(id))?.attempts, 0);
});

test('a worker that is told to stop while it waits for the lock claims nothing when it gets it', async (t) => {
  const clock = systemClock as never;
  const { fs, calls } = faultyFs();
  const { queue, file } = openTest(t, { fs, clock });
  const id = await queue.enqueue('email', {});
  const held = deferred();
  const gate = deferred();
  const holding = openTest(t, { file, clock }).store.exclusively(async () => {
    held.resolve();
    await gate.promise;
  });
  await held.promise;
  const stop = new AbortController();
  calls.length = 0;
  const working = queue.processJobs({ email: () => {} }, { signal: stop.signal });
  const tried = () => calls.some(({ name, path }) => name === 'open' && path.startsWith(`${file}.lock/`));
  await until('it waits for the lock', tried);
  stop.abort();
  gate.resolve();
  assert.equal((await working).claimed, 0);
  assert.equal((await queue.getJob(id))?.attempts, 0);
  await holding;
});

test('a worker claims nothing after maxTime', async (t) => {
  const { queue, clock } = openTest(t);
  await queue.enqueueMany(Array.from({ length: 10 }, (_, n) => ({ type: 'email', payload: n })));
  const ran: unknown[] = [];
  const summary = await queue.processJobs(
    {
      email: async (n) => {
        ran.push(n);
        clock.advance(20_000);
        await new Promise(setImmediate);
      },
    },
    { maxTime: '50s' },
  );
  assert.deepEqual(ran, [0, 1, 2]);
  assert.equal(summary.completed, 3);
  assert.equal((await queue.stats()).pending, 7);
  assert.equal((await queue.stats()).processing, 0);
});

test('a worker removes its listener from the signal when it ends', async (t) => {
  const { queue } = openTest(t);
  const { signal } = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listeners++;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listeners--;
    removeEventListener.apply(signal, args);
  };
  for (let n = 0; n < 3; n++) {
    await queue.enqueue('email', {});
    await queue.processJobs({ email: () => {} }, { signal });
  }
  assert.equal(listeners, 0);
});

test('a worker script that is stopped by SIGTERM gives its job back, and ends by itself', async (t) => {
  const { queue, file } = openTest(t);
  const id = await queue.enqueue('email', {});
  const { child, ended, said } = startScript(
    t,
    `import { openQueue } from 'lib/index.js';
    const stop = new AbortController();
    process.once('SIGTERM', () => stop.abort());
    // The file's times are of a clock that stands at another year.
    const queue = openQueue(${JSON.stringify(file)}, { retention: Infinity });
    await queue.retryJob('x');
    const id = await queue.enqueue('real', {});
    const summary = await queue.processJobs(
      { real: (_, { signal }) => {
        console.log('started');
        return new Promise((resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      } },
      { signal: stop.signal, grace: 50, logger: () => {} },
    );
    const job = await queue.getJob(id);
    console.log(summary.released, job.status, job.attempts, job.forgiven);`,
  );
  await said('started');
  child.kill('SIGTERM');
  const { code, stdout } = await ended;
  assert.deepEqual([code, stdout], [0, 'started\n1 pending 1 1\n']);
  assert.equal((await queue.getJob(id))?.status, 'pending');
});

test('each of several running jobs is recorded or given back at shutdown', async (t) => {
  const { queue, clock, file } = openTest(t);
  const ids = await queue.enqueueMany([
    { type: 'quick' },
    { type: 'obedient' },
    { type: 'stubborn' },
    { type: 'throws' },
  ]);
  const quick = stubborn();
  const stopping = obedient();
  const deaf = stubborn();
  const failing = stubborn();
  const stop = new AbortController();
  const working = queue.processJobs(
    { quick: quick.handler, obedient: stopping.handler, stubborn: deaf.handler, throws: failing.handler },
    { concurrency: 4, signal: stop.signal, grace: '5s', logger: () => {} },
  );
  await Promise.all([quick.started, stopping.started, deaf.started, failing.started]);
  stop.abort();
  quick.end.resolve(1);
  failing.end.reject(new Error('its own fault'));
  await until(
    'the first results are in',
    () => rowsOf(file).filter(({ status }) => status === 'processing').length === 2,
  );
  clock.advance(5000);
  clock.advance(1000);
  const summary = await working;
  assert.deepEqual([summary.completed, summary.retried, summary.released], [1, 1, 2]);
  const jobs = await Promise.all(ids.map((id) => queue.getJob(id)));
  assert.deepEqual(
    jobs.map((job) => [job?.status, job?.forgiven]),
    [
      ['completed', 0],
      ['pending', 1],
      ['pending', 1],
      ['pending', 0],
    ],
  );
});
