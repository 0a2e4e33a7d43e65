import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { test } from 'node:test';
import { runScript } from '../../../support/processes.js';
import { linesOf } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';
import { settle, until } from '../../../support/waiting.js';

/*
 * Jobs start when they are due, also while a worker waits, and also when the clock is set back.
 */

test('a job that was cancelled while it waited for its time is not reported as one without a handler', async (t) => {
  const { queue, clock } = openTest(t);
  const warnings: unknown[] = [];
  const stop = new AbortController();
  const working = queue.processJobs(
    { email: () => {} },
    { linger: '1h', signal: stop.signal, logger: ({ message }) => warnings.push(message) },
  );
  const id = await queue.enqueue('report', 0, { delay: '10s' });
  await clock.pass(2_000);
  await queue.cancelJob(id);
  await clock.pass(10_000);
  stop.abort();
  assert.deepEqual([warnings, (await working).unhandled], [[], {}]);
});

test('a job that becomes due while a worker waits starts on time', async (t) => {
  const { queue, clock } = openTest(t);
  await queue.enqueue('email', 'later', { delay: '30s' });
  const ran: number[] = [];
  const start = clock.now();
  const working = queue.processJobs({ email: () => void ran.push(clock.now() - start) }, { linger: '55s' });
  await clock.advanceUntil('it ran', () => ran.length === 1, 100);
  assert.ok((ran[0] as number) >= 30_000 && (ran[0] as number) < 31_000, String(ran[0]));
  let over = false;
  working.then(() => {
    over = true;
  });
  await clock.advanceUntil('it has gone', () => over, 5000);
});

test('a failed job is tried again by the same worker, when its wait is over', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('email', {});
  const times: number[] = [];
  const working = queue.processJobs(
    {
      email: (_, { job }) => {
        times.push(clock.now() / 1000);
        if (job.attempts < 3) throw new Error('no');
      },
    },
    { linger: '55s', backoff: ['5s', '20s'] },
  );
  let over = false;
  working.then(() => {
    over = true;
  });
  await until('the first has failed', () => times.length === 1);
  await clock.advanceUntil('it has gone', () => over, 200);
  assert.equal((await queue.getJob(id))?.status, 'completed');
  const [first = 0, second = 0, third = 0] = times;
  assert.ok(second - first >= 5 && second - first < 6, times.join());
  assert.ok(third - second >= 20 && third - second < 21, times.join());
});

test('a delayed job that is cancelled and retried is due at once, also for a worker that has long known it', async (t) => {
  const { queue, clock, file } = openTest(t);
  const delays = Array.from({ length: 20 }, (_, n) => 10 + ((n * 7) % 20));
  const [, ...ids] = await queue.enqueueMany([
    { type: 'email', payload: 0 },
    ...delays.map((minutes) => ({ type: 'email', payload: minutes, options: { delay: `${minutes}m` } })),
  ]);
  const ran: number[] = [];
  const stop = new AbortController();
  const working = queue.processJobs(
    { email: (n) => void ran.push(n) },
    { linger: '2h', signal: stop.signal },
  );
  await until('it knows the jobs', () => ran.length === 1);
  const other = openTest(t, { file, clock }).queue;
  const retried = delays.filter((_, n) => n % 3 === 0);
  for (const minutes of retried) {
    const id = ids[delays.indexOf(minutes)] as string;
    await other.cancelJob(id);
    await other.retryJob(id);
  }
  await clock.pass(5000);
  stop.abort();
  await working;
  assert.deepEqual(
    ran.sort((a, b) => a - b),
    [0, ...retried].sort((a, b) => a - b),
  );
});

test('a job that another worker has put off does not hide the jobs after it', async (t) => {
  const { queue, clock, file } = openTest(t);
  const [, first = ''] = await queue.enqueueMany([
    { type: 'email', payload: 0 },
    { type: 'email', payload: 1, options: { delay: '10s' } },
    { type: 'email', payload: 2, options: { delay: '20s' } },
    { type: 'email', payload: 3, options: { delay: '30s' } },
  ]);
  const ran: unknown[] = [];
  const stop = new AbortController();
  const working = queue.processJobs(
    { email: (n) => void ran.push(n) },
    { linger: '2h', signal: stop.signal },
  );
  await until('it knows the jobs', () => ran.length === 1);
  // As if another had run it, and it had failed, and waits for its next attempt.
  const [row = ''] = linesOf(file).filter((one) => one.startsWith(first));
  const fields = row.split('\t');
  fields[5] = String(clock.now() / 1000 + 3600);
  fields[fields.length - 1] = '3';
  appendFileSync(file, `${fields.join('\t')}\n`);
  await clock.pass(35_000);
  stop.abort();
  await working;
  assert.deepEqual(ran, [0, 2, 3]);
});

test('a job that may have killed its worker waits for a running one without blocking the process', async (t) => {
  // In a process of its own: a worker that spins would stop the tests as well.
  const printed = await runScript(
    t,
    `import { mkdtempSync, rmSync } from 'node:fs';
    import { openQueue } from 'lib/index.js';
    import { writeQueue, line, jobId } from 'lib/../test/support/queue-file.js';
    const folder = mkdtempSync('/tmp/tsvq-spin-');
    writeQueue(folder + '/queue.tsv',
      line({ id: jobId(1), type: 'slow', priority: 5 }),
      line({ id: jobId(2), type: 'poison', attempts: 1, version: 3, meta: '{"@lone":true}' }),
      line({ id: jobId(3), type: 'quick' }));
    const queue = openQueue(folder + '/queue.tsv');
    const ran = [];
    const summary = await queue.processJobs({
      slow: () => new Promise((resolve) => setTimeout(resolve, 300)),
      poison: () => void ran.push('poison'),
      quick: () => void ran.push('quick'),
    }, { concurrency: 3, logger: () => {} });
    console.log(summary.completed, ran.sort().join());
    rmSync(folder, { recursive: true });`,
    { timeout: 15_000 },
  );
  assert.equal(printed, '3 poison,quick\n');
});

test('a clock that is set back puts jobs off, and no job is forgotten', async (t) => {
  const { queue, clock } = openTest(t);
  const stop = new AbortController();
  const ran = new Set<unknown>();
  const working = queue.processJobs(
    { email: (n) => void ran.add(n) },
    { linger: Number.POSITIVE_INFINITY, signal: stop.signal },
  );
  await queue.enqueue('email', 'before');
  await clock.advanceUntil('it ran', () => ran.size === 1);
  clock.set(-60_000);
  await queue.enqueue('email', 'delayed', { delay: '2s' });
  await queue.enqueue('email', 'due');
  await clock.advanceUntil('the one that is due ran', () => ran.has('due'));
  assert.ok(!ran.has('delayed'));
  await clock.advanceUntil('the delayed one ran', () => ran.has('delayed'));
  // One small step after each.
  for (let n = 0; n < 30; n++) {
    await queue.enqueue('email', n);
    clock.set(-3);
    await settle();
  }
  await clock.advanceUntil('all ran', () => ran.size === 33);
  stop.abort();
  await working;
});

test('a due job that has no handler is counted once, however often others have tried it', async (t) => {
  const { queue, clock, file } = openTest(t);
  const stop = new AbortController();
  const ran: unknown[] = [];
  const working = queue.processJobs(
    { email: (n) => void ran.push(n) },
    { linger: Number.POSITIVE_INFINITY, signal: stop.signal, logger: () => {} },
  );
  const other = openTest(t, { file, clock }).queue;
  await other.enqueueMany([{ type: 'report' }, { type: 'report' }]);
  let tries = 0;
  const fails = (): never => {
    tries++;
    throw new Error('again');
  };
  // It stays, too, and so compacts nothing meanwhile.
  const failing = other.processJobs(
    { report: fails },
    {
      linger: Number.POSITIVE_INFINITY,
      signal: stop.signal,
      maxAttempts: 9,
      backoff: [1000],
      logger: () => {},
    },
  );
  for (let n = 1; n <= 4; n++) {
    await clock.advanceUntil('both were tried', () => tries >= 2 * n, 100);
    await queue.enqueue('email', n);
    await clock.advanceUntil('it was looked at', () => ran.length === n, 10);
  }
  stop.abort();
  await failing;
  assert.deepEqual((await working).unhandled, { report: 2 });
});

const fails = (error: unknown) => () => {
  throw error;
};

test('a job that waits for its next attempt does not start before its time', async (t) => {
  const { queue, clock } = openTest(t);
  await queue.enqueue('email', {});
  await queue.processJobs({ email: fails(new Error('no')) });
  clock.advance(119_999);
  assert.equal((await queue.processJobs({ email: () => {} })).claimed, 0);
  clock.advance(1);
  assert.equal((await queue.processJobs({ email: () => {} })).completed, 1);
});
