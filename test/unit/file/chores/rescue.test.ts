import assert from 'node:assert/strict';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemFs } from '../../../../lib/file/disk/fs.js';
import { systemProcesses } from '../../../../lib/file/lock/process-id.js';
import type { WorkerEvent } from '../../../../lib/job/options.js';
import { rejects } from '../../../support/errors.js';
import { FakeClock } from '../../../support/fake-clock.js';
import { bytesOf, faultyFs, isAppend } from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';
import { startScript } from '../../../support/processes.js';
import { jobId, line, statesOf, text, writeQueue } from '../../../support/queue-file.js';
import { fullDisk, openTest } from '../../../support/queues.js';
import { deferred, settle } from '../../../support/waiting.js';

const NOW = Date.UTC(2030, 0, 1) / 1000;
const [host, boot, namespace] = systemProcesses.self().split('.');
const dead = (n = 1): string => `${host}.${boot}.${namespace}.4194305.${n}.aa`;
const elsewhere = 'elsewhere.0.0.17.1.aa';
const silent = `${host}.${boot}.1.17.1.aa`;

/** A job that somebody has claimed. */
const claimed = (n: number, fields: Parameters<typeof line>[0] = {}): string =>
  line({
    id: jobId(n),
    status: 'processing',
    version: 2,
    attempts: 1,
    started_at: NOW - 10,
    locked_by: dead(),
    ...fields,
  });

function over(t: TestContext, ...lines: string[]) {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(file, ...lines);
  return openTest(t, { file });
}

test('the job of a dead worker is taken back at once, and run again', async (t) => {
  const { queue } = over(t, claimed(1));
  const events: WorkerEvent[] = [];
  const summary = await queue.processJobs(
    { email: (_, { job }) => job.attempts },
    { logger: (event) => events.push(event) },
  );
  assert.deepEqual([summary.rescued, summary.completed, summary.failed], [1, 1, 0]);
  const job = await queue.getJob(jobId(1));
  assert.deepEqual([job?.status, job?.result, job?.forgiven], ['completed', 2, 0]);
  const rescued = events.find(({ event }) => event === 'rescued');
  assert.equal(rescued?.id, jobId(1));
  assert.match(rescued?.error ?? '', /worker died.*attempt 1/);
});

test('a death counts as an attempt: a job that kills its worker runs out of them', async (t) => {
  const { queue } = over(t, claimed(1, { attempts: 3 }), line({ id: jobId(2) }));
  const events: WorkerEvent[] = [];
  const summary = await queue.processJobs({ email: () => {} }, { logger: (event) => events.push(event) });
  assert.deepEqual([summary.rescued, summary.failed, summary.completed], [1, 1, 1]);
  // Who waits for failures in the log is told as well.
  assert.deepEqual(
    events
      .filter(({ id }) => id === jobId(1))
      .map(({ event, attempt, error }) => [event, attempt, error?.split(' during')[0]]),
    [
      ['rescued', 3, 'worker died'],
      ['failed', 3, 'worker died'],
    ],
  );
  const job = await queue.getJob(jobId(1));
  assert.equal(job?.status, 'failed');
  assert.match(job?.error ?? '', /worker died/);
  assert.equal(job?.lockedBy, undefined);
  assert.ok(job?.finishedAt);
});

test("a job's own limit of attempts counts for that as well", async (t) => {
  const { queue } = over(
    t,
    claimed(1, { max_attempts: 1 }),
    claimed(2, { max_attempts: 9, attempts: 3, locked_by: dead(2) }),
  );
  await queue.processJobs({ email: () => {} });
  assert.deepEqual(
    [(await queue.getJob(jobId(1)))?.status, (await queue.getJob(jobId(2)))?.status],
    ['failed', 'completed'],
  );
});

test('of jobs that a worker held together, nobody knows which one it was: all are forgiven, and run alone next', async (t) => {
  const { queue } = over(
    t,
    claimed(1, { attempts: 3 }),
    claimed(2, { attempts: 3 }),
    claimed(3, { attempts: 3 }),
  );
  let running = 0;
  let most = 0;
  const summary = await queue.processJobs(
    {
      email: async () => {
        most = Math.max(most, ++running);
        await new Promise(setImmediate);
        running--;
      },
    },
    { concurrency: 5 },
  );
  assert.deepEqual([summary.rescued, summary.failed, summary.completed, most], [3, 0, 3, 1]);
  for (const n of [1, 2, 3]) assert.equal((await queue.getJob(jobId(n)))?.forgiven, 1);
});

test('a claim of a dead worker that was alone is not forgiven, whatever other workers held', async (t) => {
  const { queue } = over(t, claimed(1), claimed(2, { locked_by: dead(2) }));
  await queue.processJobs({ email: () => {} });
  assert.deepEqual(
    [(await queue.getJob(jobId(1)))?.forgiven, (await queue.getJob(jobId(2)))?.forgiven],
    [0, 0],
  );
});

test('beside a job that may still be running, one that is overdue is forgiven as well', async (t) => {
  for (const owner of [systemProcesses.self(), elsewhere]) {
    const { queue, clock } = over(
      t,
      claimed(1, { locked_by: owner, started_at: NOW, timeout: 1, max_attempts: 1 }),
      claimed(2, { locked_by: owner, started_at: NOW }),
    );
    clock.advance(70_000);
    const { rescued, failed, completed } = await queue.processJobs({
      email: (_, { job }) => {
        assert.match(
          job.error ?? '',
          /^worker went silent during attempt 1, beside 1 other jobs \(forgiven\)/,
        );
      },
    });
    assert.deepEqual([rescued, failed, completed], [1, 0, 1], owner);
  }
});

test('who has no handler for a job does not take it back: its limit of attempts would be the wrong one', async (t) => {
  const { queue, file, clock } = over(t, claimed(1, { attempts: 3 }));
  const before = text(file);
  const options = { maxAttempts: 1, linger: '9s', logger: () => {} };
  const reporting = queue.processJobs({ report: () => {} }, options);
  await clock.pass(10_000);
  assert.deepEqual([(await reporting).rescued, text(file)], [0, before]);
  const said: unknown[] = [];
  const logger = ({ message }: { message?: string }): void => void said.push(message);
  assert.equal((await queue.processJobs({ report: () => {} }, { logger })).rescued, 0);
  assert.deepEqual(said, [
    'no handler for a job of type "email" whose worker died; it waits for a worker that has one',
  ]);
  const email = await queue.processJobs({ email: () => {} }, { maxAttempts: 10 });
  assert.deepEqual([email.rescued, email.failed, email.completed], [1, 0, 1]);
});

test('of several types that a worker held together, all are forgiven, whoever takes them back', async (t) => {
  const { queue } = over(t, claimed(1, { type: 'a' }), claimed(2, { type: 'b' }));
  const a = await queue.processJobs({ a: () => {} }, { maxAttempts: 1, logger: () => {} });
  assert.deepEqual([a.rescued, a.completed], [2, 1]);
  const b = await queue.processJobs({ b: () => {} }, { maxAttempts: 1 });
  assert.deepEqual([b.rescued, b.completed, (await queue.getJob(jobId(2)))?.forgiven], [0, 1, 1]);
});

test('a worker that lives or can not be judged keeps its job, until its time limit is long past', async (t) => {
  for (const owner of [systemProcesses.self(), elsewhere, silent, '', 'somebody']) {
    const { queue, clock } = over(t, claimed(1, { locked_by: owner, started_at: NOW }));
    const work = () => queue.processJobs({ email: () => {} });
    assert.equal((await work()).claimed, 0);
    // Twice the limit of an hour, and a minute for the worker to record it.
    clock.advance(2 * 3_600_000 + 60_000);
    assert.equal((await work()).claimed, 0, owner);
    clock.advance(1000);
    assert.deepEqual(
      [(await work()).rescued, (await queue.getJob(jobId(1)))?.status],
      [1, 'completed'],
      owner,
    );
  }
});

test("a job's own time limit decides how long that is", async (t) => {
  const { queue, clock } = over(t, claimed(1, { locked_by: elsewhere, started_at: NOW, timeout: 10 }));
  clock.advance(80_000);
  assert.equal((await queue.processJobs({ email: () => {} })).rescued, 0);
  clock.advance(1000);
  assert.equal((await queue.processJobs({ email: () => {} })).rescued, 1);
});

test('a worker that was taken for dead finds its claim gone, and its result is dropped', async (t) => {
  const { queue, file, clock } = over(t, line({ id: jobId(1), timeout: 10 }));
  const started = deferred();
  const first = deferred<string>();
  const events: string[] = [];
  // A machine that was suspended: its timers stand still, while time went on for the others.
  const working = queue.processJobs(
    {
      email: () => {
        started.resolve();
        return first.promise;
      },
    },
    { logger: ({ event }) => events.push(event) },
  );
  await started.promise;
  const later = new FakeClock(clock.now() + 200_000);
  const other = openTest(t, { file, clock: later, processes: { ...systemProcesses } }).queue;
  assert.equal((await other.processJobs({ email: () => 'of the second' })).rescued, 1);
  first.resolve('of the first');
  assert.equal((await working).completed, 0);
  assert.deepEqual(events, ['dropped']);
  const job = await queue.getJob(jobId(1));
  assert.deepEqual([job?.status, job?.result, job?.attempts], ['completed', 'of the second', 2]);
  assert.equal(statesOf(file).length, 1);
});

test('what went to the archive meanwhile is not brought back by a late result', async (t) => {
  const { queue, file, clock } = over(t, line({ id: jobId(1), timeout: 10 }));
  const started = deferred();
  const first = deferred<string>();
  const events: string[] = [];
  const working = queue.processJobs(
    {
      email: () => {
        started.resolve();
        return first.promise;
      },
    },
    { logger: ({ event }) => events.push(event) },
  );
  await started.promise;
  const later = new FakeClock(clock.now() + 200_000);
  const other = openTest(t, { file, clock: later, processes: { ...systemProcesses } }).queue;
  await other.processJobs({ email: () => 'of the second' });
  later.advance(9 * 24 * 3_600_000);
  assert.equal((await other.compact()).archived, 1);
  first.resolve('of the first');
  await working;
  assert.deepEqual(events, ['dropped']);
  assert.deepEqual(statesOf(file), []);
  assert.equal((await queue.getJob(jobId(1), { archive: true }))?.result, 'of the second');
});

test('a worker that is killed in the midst of a job is noticed by the next', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(file, line({ id: jobId(1) }));
  const { child, said } = startScript(
    t,
    `import { openQueue } from 'lib/index.js';
    await openQueue(${JSON.stringify(file)}).processJobs({ email: () => { console.log('started'); return new Promise(() => {}); } });`,
  );
  await said('started');
  const { queue } = openTest(t, { file, clock: new FakeClock(Date.now()) });
  assert.equal((await queue.processJobs({ email: () => {} })).claimed, 0);
  child.kill('SIGKILL');
  await once(child, 'close');
  const summary = await queue.processJobs({ email: () => 'again' });
  assert.deepEqual([summary.rescued, summary.completed], [1, 1]);
  assert.equal((await queue.getJob(jobId(1)))?.attempts, 2);
});

// ---- how many workers ----

test('one worker too many returns at once, and claims nothing', async (t) => {
  const alive = [1, 2].map((n) => `${systemProcesses.self()}${n}`);
  const { queue } = over(
    t,
    ...alive.map((locked_by, n) => claimed(10 + n, { locked_by })),
    claimed(20, { locked_by: elsewhere }),
    line({ id: jobId(1) }),
  );
  const warnings: WorkerEvent[] = [];
  const summary = await queue.processJobs(
    { email: () => {} },
    { maxWorkers: 3, linger: '1h', logger: (event) => warnings.push(event) },
  );
  assert.deepEqual([summary.claimed, warnings], [0, []]);
  assert.equal((await queue.processJobs({ email: () => {} }, { maxWorkers: 4 })).completed, 1);
});

test('dead workers do not count', async (t) => {
  const { queue } = over(t, claimed(1), claimed(2, { locked_by: dead(2) }), line({ id: jobId(3) }));
  assert.equal((await queue.processJobs({ email: () => {} }, { maxWorkers: 1 })).completed, 3);
});

test('workers that can not be judged from here count for a minute after their last claim', async (t) => {
  const others = [1, 2, 3, 4].map((n) =>
    claimed(10 + n, { locked_by: `elsewhere.0.0.1${n}.1.aa`, started_at: NOW - 30 }),
  );
  const { queue, clock } = over(t, ...others, line({ id: jobId(1) }));
  assert.equal((await queue.processJobs({ email: () => {} })).claimed, 0);
  clock.advance(31_000);
  const summary = await queue.processJobs({ email: () => {} });
  assert.deepEqual([summary.completed, summary.rescued], [1, 0]);
});

test('workers that have been silent for too long hold nobody up', async (t) => {
  const others = [1, 2, 3, 4].map((n) =>
    claimed(10 + n, { locked_by: `elsewhere.0.0.1${n}.1.aa`, started_at: NOW - 3 * 3600 }),
  );
  const { queue } = over(t, ...others, line({ id: jobId(1) }));
  const { rescued, completed } = await queue.processJobs({ email: () => {} }, { logger: () => {} });
  assert.deepEqual([rescued, completed], [4, 5]);
});

test('nor do those whose job is held', async (t) => {
  const { queue } = over(
    t,
    claimed(10, { locked_by: elsewhere, started_at: NOW - 100 * 3600 }),
    `${jobId(10)}\tno row\n`,
    line({ id: jobId(1) }),
  );
  const { rescued, completed } = await queue.processJobs(
    { email: () => {} },
    { maxWorkers: 1, logger: () => {} },
  );
  assert.deepEqual([rescued, completed], [0, 1]);
});

test('a worker whose claims went in by half before others came knows those that did', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file, clock } = openTest(t, { fs });
  await queue.enqueueMany([1, 2].map((payload) => ({ type: 'email', payload, options: { maxAttempts: 1 } })));
  let isCut = false;
  fault.do = (call, real) => {
    const bytes = isAppend(call, file) ? bytesOf(call) : undefined;
    if (!isCut && bytes?.includes('\tprocessing\t')) {
      isCut = true;
      return systemFs.writeSync(call.args[0] as number, bytes.subarray(0, bytes.indexOf(10) + 1), null);
    }
    // The lock is let go of before the commit starts over.
    if (isCut && call.name === 'unlink' && call.path.includes('owner.')) {
      fault.do = undefined;
      real();
      appendFileSync(file, claimed(3, { type: 'other', locked_by: elsewhere, started_at: NOW }));
      return;
    }
    return real();
  };
  const ran: unknown[] = [];
  let over = false;
  const working = queue
    .processJobs(
      { email: (n) => void ran.push(n) },
      { concurrency: 2, maxWorkers: 1, linger: '1m', logger: () => {} },
    )
    .finally(() => {
      over = true;
    });
  await clock.advanceUntil('its time is over', () => over);
  await working;
  assert.deepEqual([isCut, ran.sort()], [true, [1, 2]]);
});

test('of workers that stay, no more are at work at a time, whatever they did before', async (t) => {
  const { queue, file, clock } = openTest(t);
  const stop = new AbortController();
  let gate = deferred();
  t.after(() => {
    stop.abort();
    gate.resolve();
  });
  let running = 0;
  const handler = async (): Promise<void> => {
    running++;
    await gate.promise;
    running--;
  };
  const options = {
    maxWorkers: 1,
    linger: Number.POSITIVE_INFINITY,
    signal: stop.signal,
    logger: () => {},
  };
  const workers = ['a', 'b'].map((type) =>
    openTest(t, { file, clock }).queue.processJobs({ [type]: handler }, options),
  );
  for (let round = 0; round < 2; round++) {
    gate = deferred();
    await queue.enqueue('a');
    await clock.advanceUntil('one is at work', () => running === 1);
    await queue.enqueue('b');
    await clock.pass(5_000);
    assert.equal(running, 1);
    gate.resolve();
    await clock.advanceUntil(
      'the other had its turn',
      async () => (await queue.stats()).completed === 2 * (round + 1),
    );
  }
  stop.abort();
  assert.deepEqual(
    (await Promise.all(workers)).map(({ completed }) => completed),
    [2, 2],
  );
});

test('of several calls on one queue, no more are at work than there may be, though they begin in one commit', async (t) => {
  const { queue } = openTest(t);
  await queue.enqueueMany(Array.from({ length: 8 }, () => ({ type: 'email' })));
  let running = 0;
  let most = 0;
  const email = async () => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 10));
    running--;
  };
  const calls = Array.from({ length: 4 }, () =>
    queue.processJobs({ email }, { maxWorkers: 2, logger: () => {} }),
  );
  await Promise.all(calls);
  assert.equal(most, 2);
});

test('while it has to wait for others, it does not try at each turn', async (t) => {
  const alive = `${systemProcesses.self()}1`;
  const { queue, clock } = over(
    t,
    claimed(10, { locked_by: alive }),
    ...Array.from({ length: 100 }, (_, n) => line({ id: jobId(20 + n), run_at: NOW + n / 10 })),
  );
  const stop = new AbortController();
  t.after(() => stop.abort());
  const { later } = clock;
  let timers = 0;
  Object.assign(clock, {
    later: (ms: number, run: () => void) => {
      timers++;
      return later(ms, run);
    },
  });
  const working = queue.processJobs(
    { email: () => {} },
    { maxWorkers: 1, linger: Number.POSITIVE_INFINITY, signal: stop.signal },
  );
  await clock.pass(10_000, 10);
  stop.abort();
  await working;
  assert.ok(timers < 100, `${timers} timers in 10 s`);
});

test('a cancelled job whose handler goes on keeps nobody from taking back those of the dead', async (t) => {
  const { queue, clock, file } = openTest(t);
  const id = await queue.enqueue('email');
  const { promise, resolve } = deferred();
  const stop = new AbortController();
  t.after(() => {
    stop.abort();
    resolve();
  });
  const working = queue.processJobs(
    { email: () => promise },
    { linger: Number.POSITIVE_INFINITY, signal: stop.signal, logger: () => {} },
  );
  await clock.advanceUntil('it runs', async () => (await queue.getJob(id))?.status === 'processing');
  assert.equal(await queue.cancelJob(id), true);
  appendFileSync(file, `${claimed(1)}\n`);
  await clock.pass(10_000);
  assert.equal((await queue.getJob(jobId(1)))?.status, 'pending');
  stop.abort();
  resolve();
  assert.equal((await working).rescued, 1);
});

test('four overlapping ticks share the work, and a fifth returns', async (t) => {
  const { queue, file, clock } = openTest(t);
  await queue.enqueueMany(Array.from({ length: 9 }, (_, n) => ({ type: 'email', payload: n })));
  const gates = Array.from({ length: 5 }, () => deferred());
  const started = Array.from({ length: 5 }, () => deferred());
  const ran: unknown[] = [];
  const tick = (n: number) =>
    openTest(t, { file, clock }).queue.processJobs(
      {
        email: (payload) => {
          ran.push(payload);
          started[n]?.resolve();
          return gates[n]?.promise;
        },
      },
      { logger: () => {} },
    );
  const ticks = [];
  for (let n = 0; n < 4; n++) {
    ticks.push(tick(n));
    await started[n]?.promise;
  }
  assert.equal((await tick(4)).claimed, 0);
  for (const gate of gates) gate.resolve();
  const summaries = await Promise.all(ticks);
  assert.equal(
    summaries.reduce((sum, { completed }) => sum + completed, 0),
    9,
  );
  assert.equal(new Set(ran).size, 9);
});

test('a worker that is there to stay waits while too many others are at work', async (t) => {
  const alive = `${systemProcesses.self()}1`;
  const { queue, clock } = over(t, claimed(10, { locked_by: alive }), line({ id: jobId(1) }));
  const stop = new AbortController();
  let isOver = false;
  const working = queue
    .processJobs(
      { email: () => {} },
      { maxWorkers: 1, linger: Number.POSITIVE_INFINITY, signal: stop.signal },
    )
    .finally(() => {
      isOver = true;
    });
  await clock.pass(20_000);
  assert.deepEqual([isOver, (await queue.getJob(jobId(1)))?.status], [false, 'pending']);
  assert.equal(await queue.cancelJob(jobId(10)), true);
  await clock.advanceUntil(
    'it has its turn',
    async () => (await queue.getJob(jobId(1)))?.status === 'completed',
  );
  stop.abort();
  assert.equal((await working).completed, 1);
});

test('a worker with nothing to claim is none too many', async (t) => {
  const alive = `${systemProcesses.self()}1`;
  const { queue, clock } = over(t, claimed(10, { locked_by: alive }), claimed(11, { locked_by: dead(2) }));
  const working = queue.processJobs({ other: () => {} }, { maxWorkers: 1, linger: '30s', logger: () => {} });
  let isOver = false;
  working.finally(() => {
    isOver = true;
  });
  await clock.pass(20_000);
  assert.equal(isOver, false);
  await clock.advanceUntil('its time is over', () => isOver);
  assert.equal((await working).rescued, 0);
});

test('what a worker gave up on, since it could not write, the next one in the process takes back', async (t) => {
  const { disk, queue, clock, file } = fullDisk(t);
  const id = await queue.enqueue('email');
  let over = false;
  const working = queue.processJobs(
    {
      email: () => {
        disk.isFull = true;
      },
    },
    { logger: () => {} },
  );
  const failed = rejects(working, 'DISK_FULL').then(() => {
    over = true;
  });
  await clock.advanceUntil('it has given up', () => over, 5_000);
  await failed;
  disk.isFull = false;
  assert.equal((await queue.getJob(id))?.status, 'processing');
  const summary = await openTest(t, { file, clock }).queue.processJobs(
    { email: () => {} },
    { logger: () => {} },
  );
  assert.deepEqual([summary.rescued, summary.completed], [1, 1]);
});

// ---- jobs that have to run alone ----

/** A job whose last worker died with it. */
const suspect = (n: number): string =>
  line({
    id: jobId(n),
    attempts: 1,
    version: 3,
    error: 'worker died during attempt 1; it was x',
    meta: '{"@lone":true}',
    payload: n,
  });

test('a job that has to run alone holds up nobody else while others run', async (t) => {
  const { queue, clock } = over(t, line({ id: jobId(1), type: 'slow' }), suspect(2));
  const ran: unknown[] = [];
  const gate = deferred();
  const begun = deferred();
  const slow = (): Promise<void> => {
    begun.resolve();
    return gate.promise;
  };
  const working = queue.processJobs(
    { slow, email: (n) => void ran.push(n) },
    { concurrency: 3, linger: '1h', logger: () => {} },
  );
  await begun.promise;
  await queue.enqueueMany([5, 6, 7].map((n) => ({ type: 'email', payload: n })));
  await clock.advanceUntil('the others ran', () => ran.length === 3);
  assert.deepEqual(ran, [5, 6, 7]);
  gate.resolve();
  await clock.advanceUntil('it ran as well', () => ran.length === 4);
  assert.deepEqual(ran, [5, 6, 7, 2]);
  await clock.pass(3_600_000, 60_000);
  assert.equal((await working).completed, 5);
});

test('it waits a minute for a moment alone, and then others wait for it', async (t) => {
  const { queue, clock } = over(t, line({ id: jobId(1), type: 'slow' }), suspect(2));
  const ran: unknown[] = [];
  const gates = [deferred(), deferred()];
  let slows = 0;
  const slow = (): Promise<void> | undefined => gates[slows++]?.promise;
  const stop = new AbortController();
  const working = queue.processJobs(
    { slow, email: (n) => void ran.push(n) },
    { concurrency: 2, linger: Number.POSITIVE_INFINITY, signal: stop.signal, logger: () => {} },
  );
  await clock.advanceUntil('the first slow one runs', () => slows === 1);
  await clock.pass(30_000);
  await queue.enqueue('slow');
  await clock.advanceUntil('the second slow one runs', () => slows === 2);
  await clock.pass(31_000);
  await queue.enqueue('email', 3);
  await clock.pass(5_000);
  gates[0]?.resolve();
  await clock.pass(5_000);
  assert.deepEqual(ran, []);
  gates[1]?.resolve();
  await clock.advanceUntil('both ran', () => ran.length === 2);
  assert.deepEqual(ran, [2, 3]);
  stop.abort();
  await working;
});

test('one that others have cancelled meanwhile keeps nobody waiting', async (t) => {
  const { queue, clock } = over(t, line({ id: jobId(1), type: 'slow' }), suspect(2));
  const ran: unknown[] = [];
  const gate = deferred();
  const begun = deferred();
  const stop = new AbortController();
  const slow = (): Promise<void> => {
    begun.resolve();
    return gate.promise;
  };
  const working = queue.processJobs(
    { slow, email: (n) => void ran.push(n) },
    { concurrency: 4, linger: Number.POSITIVE_INFINITY, signal: stop.signal, logger: () => {} },
  );
  await begun.promise;
  await clock.pass(2_000);
  assert.equal(await queue.cancelJob(jobId(2)), true);
  await clock.pass(61_000);
  await queue.enqueue('email', 3);
  await clock.advanceUntil('the next one ran', () => ran.length === 1);
  assert.deepEqual(ran, [3]);
  gate.resolve();
  stop.abort();
  await working;
});

test('a job with a higher priority goes before those that have to run alone, until their minute is over', async (t) => {
  const { queue, clock } = over(t, ...[2, 3, 4].map(suspect));
  const ran: unknown[] = [];
  const gate = deferred();
  const working = queue.processJobs(
    {
      email: (n) => {
        ran.push(n);
        return n === 2 ? gate.promise : undefined;
      },
    },
    { concurrency: 2, logger: () => {} },
  );
  await clock.advanceUntil('the first runs', () => ran.length === 1);
  await queue.enqueue('email', 'urgent', { priority: 100 });
  gate.resolve();
  assert.equal((await working).completed, 4);
  assert.deepEqual(ran, [2, 'urgent', 3, 4]);
});

test('a worker that is never idle comes to one that has to run alone, too', async (t) => {
  // It comes second, and is set aside.
  const { queue, clock } = over(t, line({ id: jobId(1), type: 'quick', run_at: 1 }), suspect(2));
  await queue.enqueueMany(Array.from({ length: 9999 }, (_, n) => ({ type: 'quick', payload: n })));
  let before = 0;
  let quick = 0;
  const { completed } = await queue.processJobs(
    {
      quick: () => {
        // A minute and a bit in a thousand of them.
        if (++quick % 100 === 0) clock.advance(6_500);
      },
      email: () => {
        before = quick;
      },
    },
    { logger: () => {} },
  );
  assert.equal(completed, 10_001);
  assert.ok(before > 900 && before < 8000, `${before} went before it`);
});

test('what a worker gave up on is left alone while its handler still runs, and makes no worker one too many', async (t) => {
  const { disk, queue, clock, file } = fullDisk(t);
  const slow = await queue.enqueue('slow');
  const quick = await queue.enqueue('quick');
  const gate = deferred();
  let over = false;
  const failed = rejects(
    queue.processJobs(
      {
        slow: () => gate.promise,
        quick: () => {
          disk.isFull = true;
        },
      },
      { concurrency: 2, logger: () => {} },
    ),
    'DISK_FULL',
  ).then(() => {
    over = true;
  });
  await clock.advanceUntil('it has given up', () => over, 5_000);
  await failed;
  disk.isFull = false;

  const ran: string[] = [];
  const again = async (): Promise<string[]> => {
    const handlers = { slow: () => void ran.push('slow'), quick: () => void ran.push('quick') };
    await openTest(t, { file, clock }).queue.processJobs(handlers, { maxWorkers: 1, logger: () => {} });
    const jobs = await Promise.all([slow, quick].map((id) => queue.getJob(id)));
    return jobs.map((job) => String(job?.status));
  };
  await queue.enqueue('quick');
  assert.deepEqual(
    [await again(), ran],
    [
      ['processing', 'completed'],
      ['quick', 'quick'],
    ],
  );
  gate.resolve();
  await settle();
  assert.deepEqual(
    [await again(), ran],
    [
      ['completed', 'completed'],
      ['quick', 'quick', 'slow'],
    ],
  );
});
