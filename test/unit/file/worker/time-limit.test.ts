import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PermanentError, RetryAfterError } from '../../../../lib/job/errors.js';
import type { WorkerEvent } from '../../../../lib/job/options.js';
import { obedient, stubborn } from '../../../support/handlers.js';
import { runScript } from '../../../support/processes.js';
import { openTest } from '../../../support/queues.js';
import { settle } from '../../../support/waiting.js';

/*
 * What a time limit does to a handler. Time stands still here unless it is moved.
 */

test('the signal is aborted when the time is up, and the attempt has failed', async (t) => {
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

test('nothing is aborted before the time is up', async (t) => {
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
  test(`a handler that says after its time was up ${what} is obeyed`, async (t) => {
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

test('a handler that returns after its time was up completes its job', async (t) => {
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
        `the handler of job ${id} (email) ignores its signal and goes on; this process does not try the job again before the handler has ended`,
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

test('no other attempt of a job starts in this process while one runs on, and the worker neither spins nor waits', async (t) => {
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
