import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { test } from 'node:test';
import { systemFs } from '../../../../lib/file/disk/fs.js';
import { systemProcesses } from '../../../../lib/file/lock/process-id.js';
import type { WorkerEvent } from '../../../../lib/job/options.js';
import { claimed, dead, elsewhere, NOW, over } from '../../../support/claims.js';
import { rejects } from '../../../support/errors.js';
import { bytesOf, faultyFs, isAppend } from '../../../support/faulty-fs.js';
import { jobId, line } from '../../../support/queue-file.js';
import { fullDisk, openTest } from '../../../support/queues.js';
import { deferred, settle } from '../../../support/waiting.js';

/*
 * How many workers may be active at once, and which of them count.
 */

test('claims nothing while maxWorkers others are active', async (t) => {
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

test('does not count dead workers', async (t) => {
  const { queue } = over(t, claimed(1), claimed(2, { locked_by: dead(2) }), line({ id: jobId(3) }));
  assert.equal((await queue.processJobs({ email: () => {} }, { maxWorkers: 1 })).completed, 3);
});

test('counts a worker that can not be judged from here for a minute after its last claim', async (t) => {
  const others = [1, 2, 3, 4].map((n) =>
    claimed(10 + n, { locked_by: `elsewhere.0.0.1${n}.1.aa`, started_at: NOW - 30 }),
  );
  const { queue, clock } = over(t, ...others, line({ id: jobId(1) }));
  assert.equal((await queue.processJobs({ email: () => {} })).claimed, 0);
  clock.advance(31_000);
  const summary = await queue.processJobs({ email: () => {} });
  assert.deepEqual([summary.completed, summary.rescued], [1, 0]);
});

test('does not count a worker that has been silent for too long', async (t) => {
  const others = [1, 2, 3, 4].map((n) =>
    claimed(10 + n, { locked_by: `elsewhere.0.0.1${n}.1.aa`, started_at: NOW - 3 * 3600 }),
  );
  const { queue } = over(t, ...others, line({ id: jobId(1) }));
  const { rescued, completed } = await queue.processJobs({ email: () => {} }, { logger: () => {} });
  assert.deepEqual([rescued, completed], [4, 5]);
});

test('does not count a worker whose job is held', async (t) => {
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

test('a worker whose claims were written in part before another worker came runs all of its own', async (t) => {
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

test('no more than maxWorkers lingering workers run jobs at a time, whatever they did before', async (t) => {
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
  const workers = [1, 2].map(() =>
    openTest(t, { file, clock }).queue.processJobs({ email: handler }, options),
  );
  for (let round = 0; round < 2; round++) {
    gate = deferred();
    await queue.enqueue('email');
    await clock.advanceUntil('one is at work', () => running === 1);
    await queue.enqueue('email');
    await clock.pass(5_000);
    assert.equal(running, 1);
    gate.resolve();
    await clock.advanceUntil(
      'both jobs had their turn',
      async () => (await queue.stats()).completed === 2 * (round + 1),
    );
  }
  stop.abort();
  const [one, other] = await Promise.all(workers);
  assert.equal((one?.completed ?? 0) + (other?.completed ?? 0), 4);
});

test('no more than maxWorkers calls on one queue run jobs at a time, although they claim in one commit', async (t) => {
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

test('a worker that waits for others does not try to claim at each turn', async (t) => {
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

test('a lingering worker waits while maxWorkers others are active', async (t) => {
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

test('counts no worker that has nothing to claim', async (t) => {
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

test('a job whose result could not be written is left alone while its handler runs, and does not count for maxWorkers', async (t) => {
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
