import assert from 'node:assert/strict';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemProcesses } from '../../../../lib/file/lock/process-id.js';
import type { WorkerEvent } from '../../../../lib/job/options.js';
import { claimed, dead, elsewhere, NOW, over, silent } from '../../../support/claims.js';
import { rejects } from '../../../support/errors.js';
import { FakeClock } from '../../../support/fake-clock.js';
import { temporaryFolder } from '../../../support/folders.js';
import { startScript } from '../../../support/processes.js';
import { jobId, line, statesOf, text, writeQueue } from '../../../support/queue-file.js';
import { fullDisk, openTest } from '../../../support/queues.js';
import { deferred } from '../../../support/waiting.js';

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

test("a job's own limit of attempts counts after a death as well", async (t) => {
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

test('jobs that one dead worker had claimed together are all forgiven, and run alone next', async (t) => {
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

test('the only claim of a dead worker is not forgiven, whatever other workers held', async (t) => {
  const { queue } = over(t, claimed(1), claimed(2, { locked_by: dead(2) }));
  await queue.processJobs({ email: () => {} });
  assert.deepEqual(
    [(await queue.getJob(jobId(1)))?.forgiven, (await queue.getJob(jobId(2)))?.forgiven],
    [0, 0],
  );
});

test('an overdue job is forgiven if its worker may still run another job', async (t) => {
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

test('a worker without a handler for a job does not take it back, because its limit of attempts would be wrong', async (t) => {
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

test('jobs of several types that one dead worker held together are all forgiven, whichever worker takes them back', async (t) => {
  const { queue } = over(t, claimed(1, { type: 'a' }), claimed(2, { type: 'b' }));
  const a = await queue.processJobs({ a: () => {} }, { maxAttempts: 1, logger: () => {} });
  assert.deepEqual([a.rescued, a.completed], [2, 1]);
  const b = await queue.processJobs({ b: () => {} }, { maxAttempts: 1 });
  assert.deepEqual([b.rescued, b.completed, (await queue.getJob(jobId(2)))?.forgiven], [0, 1, 1]);
});

test('a worker that is alive or can not be judged keeps its job until its time limit is long past', async (t) => {
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

test("a job's own time limit decides when it is taken back", async (t) => {
  const { queue, clock } = over(t, claimed(1, { locked_by: elsewhere, started_at: NOW, timeout: 10 }));
  clock.advance(80_000);
  assert.equal((await queue.processJobs({ email: () => {} })).rescued, 0);
  clock.advance(1000);
  assert.equal((await queue.processJobs({ email: () => {} })).rescued, 1);
});

test('the result of a worker whose claim was taken back is dropped', async (t) => {
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

test('a late result does not bring back a job that was archived meanwhile', async (t) => {
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

test('the next worker notices that a worker was killed during a job', async (t) => {
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

test('a cancelled job whose handler goes on does not delay the rescue of others', async (t) => {
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

test('the next worker of the process takes back a job whose result could not be written', async (t) => {
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
