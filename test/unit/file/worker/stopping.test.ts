import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { systemClock } from '../../../../lib/job/clock.js';
import { PermanentError, RetryAfterError } from '../../../../lib/job/errors.js';
import type { WorkerEvent } from '../../../../lib/job/options.js';
import { rejects } from '../../../support/errors.js';
import { faultyFs } from '../../../support/faulty-fs.js';
import { runScript, startScript } from '../../../support/processes.js';
import { rowsOf, statesOf, text } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';
import { deferred, eventually, settle, until } from '../../../support/waiting.js';

/*
 * What stops a handler: its time limit, a cancel, the end of its worker. Time stands still here unless it is moved.
 */

/** A handler that runs until its signal is aborted, and one can tell that it has begun. */
function obedient() {
  const started = deferred();
  const stopped = deferred<{ reason: unknown; name: string }>();
  const handler = async (_: unknown, { signal }: { signal: AbortSignal }): Promise<never> => {
    started.resolve();
    await once(signal, 'abort');
    stopped.resolve({ reason: signal.reason, name: (signal.reason as Error).name });
    throw signal.reason;
  };
  return { started: started.promise, stopped: stopped.promise, handler };
}

/** A handler that hears nothing, and ends when the test says so. */
function stubborn() {
  const started = deferred();
  const end = deferred<unknown>();
  const handler = (): Promise<unknown> => {
    started.resolve();
    return end.promise;
  };
  return { started: started.promise, end, handler };
}

// ---- time limits ----

test('when its time is up the signal is aborted, and the attempt has failed', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('email', {});
  const { started, stopped, handler } = obedient();
  const working = queue.processJobs({ email: handler }, { timeout: '5s' });
  await started;
  clock.advance(4999);
  clock.advance(1);
  assert.equal((await stopped).name, 'TimeoutError');
  assert.equal((await working).retried, 1);
  const job = await queue.getJob(id);
  assert.equal(job?.status, 'pending');
  assert.match(job?.error ?? '', /5000 ms.*time limit/);
  assert.equal(job?.attempts, 1);
});

test('before its time is up nothing is aborted', async (t) => {
  const { queue, clock } = openTest(t);
  await queue.enqueue('email', {});
  const { started, end, handler } = stubborn();
  let signal: AbortSignal | undefined;
  const working = queue.processJobs(
    {
      email: (_, context) => {
        signal = context.signal;
        return handler();
      },
    },
    { timeout: '5s' },
  );
  await started;
  clock.advance(4999);
  assert.equal(signal?.aborted, false);
  end.resolve('in time');
  assert.equal((await working).completed, 1);
  clock.advance(3_600_000);
});

test("a job's own time limit wins, and the default is an hour", async (t) => {
  for (const [own, limit] of [
    ['2s', 2000],
    ['2h', 7_200_000],
    [undefined, 3_600_000],
  ] as const) {
    const { queue, clock } = openTest(t);
    await queue.enqueue('email', {}, own === undefined ? {} : { timeout: own });
    const { started, stopped, handler } = obedient();
    let over = false;
    stopped.then(() => {
      over = true;
    });
    const working = queue.processJobs({ email: handler });
    await started;
    clock.advance(limit - 1);
    await new Promise(setImmediate);
    assert.equal(over, false, own);
    clock.advance(1);
    await stopped;
    assert.equal((await working).retried, 1);
  }
});

for (const [what, error, outcome] of [
  ['that it is final', new PermanentError('no such user'), { failed: 1, retried: 0, wait: undefined }],
  ['when to try again', new RetryAfterError('busy', '7m'), { failed: 0, retried: 1, wait: 420_000 }],
] as const) {
  test(`a handler that says after its time was up ${what} is heeded`, async (t) => {
    t.mock.method(Math, 'random', () => 0);
    const { queue, clock } = openTest(t);
    const id = await queue.enqueue('email', {});
    const { started, end, handler } = stubborn();
    const working = queue.processJobs({ email: handler }, { timeout: '5s', logger: () => {} });
    await started;
    clock.advance(6000);
    end.reject(error);
    const { failed, retried } = await working;
    const job = await queue.getJob(id);
    const wait = job?.status === 'pending' ? Number(job.runAt) - clock.now() : undefined;
    assert.deepEqual({ failed, retried, wait }, outcome);
  });
}

test('a handler that still returns after its time was up has done its work', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('email', {});
  const { started, end, handler } = stubborn();
  const working = queue.processJobs({ email: handler }, { timeout: '5s', grace: '10s' });
  await started;
  clock.advance(5000);
  end.resolve('late, but whole');
  assert.equal((await working).completed, 1);
  assert.equal((await queue.getJob(id))?.result, 'late, but whole');
});

test('an attempt that ignores its abort is recorded as failed when the grace time is over, and its worker goes on', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('email', {});
  const { started, end, handler } = stubborn();
  const events: WorkerEvent[] = [];
  const working = queue.processJobs(
    { email: handler },
    { timeout: '5s', grace: '3s', logger: (event) => events.push(event) },
  );
  await started;
  await queue.enqueue('other', {});
  clock.advance(5000);
  assert.equal((await queue.getJob(id))?.status, 'processing');
  clock.advance(3000);
  const summary = await working;
  assert.deepEqual([summary.retried, summary.unhandled], [1, { other: 1 }]);
  const job = await queue.getJob(id);
  assert.match(job?.error ?? '', /5000 ms.*ignored/);
  assert.deepEqual(
    events.filter(({ type }) => type === 'email').map(({ event, ms, message }) => [event, ms ?? message]),
    [
      [
        'warning',
        `the handler of job ${id} (email) ignores its signal and goes on; this process does not try the job again before it has ended`,
      ],
      ['retried', 8000],
    ],
  );
  // What it still says is nobody's business.
  end.resolve('much too late');
  await settle();
  assert.equal((await queue.getJob(id))?.status, 'pending');
  assert.equal((await queue.getJob(id))?.result, undefined);
  assert.ok(!events.some(({ event }) => event === 'completed'));
});

test('while an attempt runs on, no other of its job starts in this process, and the worker neither spins nor waits for it', async (t) => {
  // In a process of its own: a worker that spins would stop the tests as well.
  const printed = await runScript(
    t,
    `import { mkdtempSync, rmSync } from 'node:fs';
    import { openQueue } from 'lib/index.js';
    const folder = mkdtempSync('/tmp/tsvq-spin-');
    const queue = openQueue(folder + '/queue.tsv');
    const id = await queue.enqueue('stuck', {});
    const runs = [];
    let end;
    const handlers = {
      stuck: (_, { job }) => {
        runs.push(job.attempts);
        return job.attempts === 1 ? new Promise((resolve) => { end = resolve; }) : 'second';
      },
      other: () => 'done',
    };
    const options = { timeout: 20, grace: 20, backoff: [0], logger: () => {} };
    await queue.processJobs(handlers, options);
    const other = await queue.enqueue('other', {});
    await queue.processJobs(handlers, { ...options, linger: 300 });
    console.log(runs.join(), (await queue.getJob(id)).status, (await queue.getJob(other)).status);
    end('first');
    await new Promise(setImmediate);
    await queue.processJobs(handlers, options);
    const job = await queue.getJob(id);
    console.log(runs.join(), job.status, job.result);
    rmSync(folder, { recursive: true });`,
    { timeout: 15_000 },
  );
  assert.equal(printed, '1 pending completed\n1,2 completed second\n');
});

// ---- cancel ----

test('cancelling a running job aborts its signal within a second, and drops what comes of it', async (t) => {
  const { queue, clock, file } = openTest(t);
  const id = await queue.enqueue('email', {});
  const { started, stopped, handler } = obedient();
  const events: WorkerEvent[] = [];
  const working = queue.processJobs({ email: handler }, { logger: (event) => events.push(event) });
  await started;
  const before = clock.now();
  assert.equal(await openTest(t, { file, clock }).queue.cancelJob(id), true);
  let over = false;
  working.then(() => {
    over = true;
  });
  await clock.advanceUntil('it is aborted', () => over, 100);
  assert.equal((await stopped).name, 'AbortError');
  assert.match(String((await stopped).reason), /cancelled/);
  assert.ok(clock.now() - before <= 10_000);
  const summary = await working;
  assert.deepEqual([summary.cancelled, summary.failed, summary.retried, summary.completed], [1, 0, 0, 0]);
  assert.deepEqual(
    events.map(({ event }) => event),
    ['cancelled'],
  );
  assert.deepEqual(statesOf(file), [`${id} cancelled`]);
});

test('the abort comes within a second of the clock', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('email', {});
  const started = deferred<AbortSignal>();
  const working = queue.processJobs({
    email: async (_, { signal }) => {
      started.resolve(signal);
      await once(signal, 'abort');
    },
  });
  const signal = await started.promise;
  await queue.cancelJob(id);
  clock.advance(1000);
  assert.ok(await eventually(() => signal.aborted));
  await working;
});

test('a handler that returns in spite of a cancel changes nothing', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('email', {});
  const { started, end, handler } = stubborn();
  const working = queue.processJobs({ email: handler }, { logger: () => {} });
  await started;
  await queue.cancelJob(id);
  // Also before the worker has noticed.
  end.resolve('sent');
  clock.advance(1000);
  assert.equal((await working).completed, 0);
  const job = await queue.getJob(id);
  assert.deepEqual([job?.status, job?.result], ['cancelled', undefined]);
});

test('a job cancelled after it was claimed and before it began is not begun', async (t) => {
  const { queue, file, clock } = openTest(t);
  const ids = await queue.enqueueMany(Array.from({ length: 3 }, (_, n) => ({ type: 'email', payload: n })));
  const other = openTest(t, { file, clock }).queue;
  const ran: unknown[] = [];
  await queue.processJobs({
    email: async (n) => {
      ran.push(n);
      if (n === 0) assert.equal(await other.cancelJob(ids[2] as string), true);
    },
  });
  assert.deepEqual(ran, [0, 1]);
  assert.equal((await queue.getJob(ids[2] as string))?.status, 'cancelled');
});

for (const linger of [0, '10s']) {
  test(`a job that is cancelled and retried while its first run is still stopping: the second counts, with linger ${linger}`, async (t) => {
    const { queue, clock } = openTest(t);
    const id = await queue.enqueue('email', {});
    const first = stubborn();
    const second = stubborn();
    const runs: number[] = [];
    const ended: number[] = [];
    const overlaps: number[] = [];
    const working = queue.processJobs(
      {
        email: async (_, { job }) => {
          if (ended.length < runs.length) overlaps.push(job.attempts);
          runs.push(job.attempts);
          const result = await (job.attempts === 1 ? first : second).handler();
          ended.push(job.attempts);
          return result;
        },
      },
      { concurrency: 2, linger, logger: () => {} },
    );
    let over = false;
    working.then(() => {
      over = true;
    });
    await first.started;
    assert.equal(await queue.cancelJob(id), true);
    await clock.pass(1000);
    assert.equal(await queue.retryJob(id), true);
    await clock.pass(1000);
    first.end.resolve('of the first');
    await clock.advanceUntil('the second runs', () => runs.length === 2 || over);
    await settle();
    assert.deepEqual([runs, over], [[1, 2], false], 'the worker waits for the second');
    second.end.resolve('of the second');
    await clock.advanceUntil('the worker is done', () => over);
    const job = await queue.getJob(id);
    assert.deepEqual([job?.status, job?.result], ['completed', 'of the second']);
    assert.deepEqual(overlaps, [], 'two runs of one job at once in one process');
  });
}

// ---- shutdown ----

test('at shutdown nothing more is claimed, and what runs may end in its grace time', async (t) => {
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

test('what does not end in its grace time is aborted and given back: due at once, the attempt forgiven', async (t) => {
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

test('a job can be given back at some shutdowns in a row without losing an attempt', async (t) => {
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

test('a handler that hears no abort is given back all the same, soon after', async (t) => {
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

test('after so long nothing more is claimed', async (t) => {
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

test('a listener on the signal goes with the worker', async (t) => {
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

test('a concurrency of several: at shutdown each gets its due', async (t) => {
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

test('closing the queue stops its workers: what runs may end, what waits is given back, then it is closed', async (t) => {
  const { queue, clock, file } = openTest(t);
  const ids = await queue.enqueueMany([{ type: 'email' }, { type: 'email' }]);
  const { started, end, handler } = stubborn();
  const working = queue.processJobs({ email: handler }, { linger: '1h' });
  await started;
  let closed = false;
  const closing = queue.close().then(() => {
    closed = true;
  });
  // What a handler asks for while it comes to its end.
  const late = await queue.enqueue('report');
  assert.equal(closed, false);
  end.resolve('sent');
  const summary = await working;
  await closing;
  assert.deepEqual([summary.completed, summary.claimed - summary.released], [1, 1]);
  await rejects(queue.enqueue('email'), 'CLOSED', file);

  const other = openTest(t, { file, clock }).queue;
  const jobs = await Promise.all([...ids, late].map((id) => other.getJob(id)));
  assert.deepEqual(
    jobs.map((job) => [job?.status, job?.lockedBy]),
    [
      ['completed', undefined],
      ['pending', undefined],
      ['pending', undefined],
    ],
  );
});

test('closing the queue does not wait longer for a job than its grace time, and gives it back', async (t) => {
  const { queue, clock, file } = openTest(t);
  const id = await queue.enqueue('email');
  const { started, handler } = obedient();
  const working = queue.processJobs({ email: handler }, { grace: '10s', logger: () => {} });
  await started;
  const closing = queue.close();
  clock.advance(10_000);
  await closing;
  assert.equal((await working).released, 1);
  const job = await openTest(t, { file, clock }).queue.getJob(id);
  assert.deepEqual([job?.status, job?.attempts, job?.forgiven], ['pending', 1, 1]);
});

test('a worker that is to begin while its queue is being closed does not, and one that is just beginning ends', async (t) => {
  const { queue, clock, file } = openTest(t);
  await queue.enqueueMany([{ type: 'email' }, { type: 'email' }]);
  const { started, end, handler } = stubborn();
  const first = queue.processJobs({ email: handler }, { linger: '1h' });
  await started;
  const ran: unknown[] = [];
  const second = queue.processJobs({ email: () => void ran.push('second') }, { linger: '1h' });
  const closing = queue.close();
  await rejects(queue.processJobs({ email: () => void ran.push('third') }), 'CLOSED', file);
  end.resolve(undefined);
  assert.equal((await first).completed, 1);
  assert.equal((await second).claimed, 0);
  await closing;
  assert.deepEqual(ran, []);
  const { pending, processing } = await openTest(t, { file, clock }).queue.stats();
  assert.deepEqual([pending, processing], [1, 0]);
});

test('a queue that is closed as its worker starts, whenever that is, has none that claims and is left', async (t) => {
  for (let turns = 0; turns < 12; turns++) {
    const { queue, clock, file } = openTest(t);
    await queue.enqueue('email');
    const working = queue.processJobs({ email: () => {} }, { linger: turns % 2 === 0 ? 0 : '1h' });
    for (let n = 0; n < turns; n++) await new Promise(setImmediate);
    await queue.close();
    await working;
    assert.equal((await openTest(t, { file, clock }).queue.stats()).processing, 0, `after ${turns} turns`);
  }
});

for (const retention of ['7d', 0] as const) {
  test(`a cancelled job whose row has been moved out of sight is told, retention ${retention}`, async (t) => {
    const { queue, file, clock } = openTest(t, { retention });
    const other = openTest(t, { file, clock, retention }).queue;
    // So many finished ones that their end is marked.
    await other.enqueueMany(Array.from({ length: 500 }, () => ({ type: 'old', payload: 'x'.repeat(200) })));
    for (const { id } of await other.listJobs()) other.cancelJob(id);
    const id = await other.enqueue('email', {});
    const begun = deferred();
    let reason: unknown;
    const working = queue.processJobs(
      {
        email: async (_, { signal }) => {
          begun.resolve();
          await once(signal, 'abort');
          reason = signal.reason;
        },
      },
      { logger: () => {} },
    );
    await begun.promise;
    await other.cancelJob(id);
    await other.compact();
    await clock.advanceUntil('it is told', () => reason !== undefined);
    assert.match(String(reason), /the job was cancelled/);
    assert.equal((await working).cancelled, 1);
  });
}

test('a look in the midst of an edit in place, when jobs are missing for a moment, stops none of them', async (t) => {
  const { queue, file, clock } = openTest(t);
  const editor = openTest(t, { file, clock }).store;
  await queue.enqueueMany([1, 2, 3].map((payload) => ({ type: 'email', payload })));
  const gate = deferred();
  let begun = 0;
  let aborted = 0;
  const working = queue.processJobs(
    {
      email: async (_, { signal }) => {
        begun++;
        signal.addEventListener('abort', () => aborted++);
        await gate.promise;
      },
    },
    { concurrency: 3, logger: () => {} },
  );
  await until('all run', () => begun === 3);
  await editor.edit(async () => {
    const whole = text(file);
    writeFileSync(file, whole.slice(0, whole.indexOf('\n') + 1));
    for (let looks = 0; looks < 4; looks++) {
      clock.advance(600);
      await settle();
    }
    writeFileSync(file, whole);
  });
  gate.resolve();
  assert.equal((await working).completed, 3);
  assert.equal(aborted, 0);
});
