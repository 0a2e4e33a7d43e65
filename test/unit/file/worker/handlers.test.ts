import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { rejects } from '../../../support/errors.js';
import { temporaryFolder } from '../../../support/folders.js';
import { jobId, line, writeQueue } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

/*
 * Which handlers a worker takes, what it does with jobs that have none, and what a handler gets.
 */

test('jobs of a type without a handler stay pending, block no other job, and are named once', async (t) => {
  const { queue, file } = openTest(t);
  await queue.enqueueMany([
    { type: 'unknown', options: { priority: 9 } },
    { type: 'unknown', options: { priority: 9 } },
    { type: 'email' },
    { type: 'other' },
    { type: 'email' },
  ]);
  const warnings: (string | undefined)[] = [];
  const summary = await queue.processJobs(
    { email: () => {} },
    { logger: ({ event, message }) => event === 'warning' && warnings.push(message) },
  );
  assert.equal(summary.completed, 2);
  assert.deepEqual(summary.unhandled, { unknown: 2, other: 1 });
  assert.equal(warnings.length, 2);
  assert.match(warnings.join('\n'), /"unknown"[\s\S]*"other"|"other"[\s\S]*"unknown"/);
  const stats = await queue.stats();
  assert.deepEqual(stats.unhandled.sort(), ['other', 'unknown']);
  assert.deepEqual(
    (await queue.listJobs({ type: 'unknown' })).map(({ status, attempts }) => `${status} ${attempts}`),
    ['pending 0', 'pending 0'],
  );

  // The same where nothing else is to be done.
  const again: (string | undefined)[] = [];
  const idle = await openTest(t, { file }).queue.processJobs(
    { email: () => {} },
    { logger: ({ message }) => again.push(message) },
  );
  assert.deepEqual(idle.unhandled, { unknown: 2, other: 1 });
  assert.equal(again.length, 2);
});

test('a superseded row that is not struck yet is not reported as a job without a handler', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const fields = { id: jobId(1), type: 'email' };
  writeQueue(file, line(fields), line({ ...fields, status: 'completed', version: 3 }));
  const said: unknown[] = [];
  const logger = (event: unknown): void => void said.push(event);
  const { unhandled } = await openTest(t, { file }).queue.processJobs({ report: () => {} }, { logger });
  assert.deepEqual([unhandled, said], [{}, []]);
});

test('a logger is not called under the lock, also if another worker was quicker and more jobs are picked there', async (t) => {
  const { queue, store, file } = openTest(t);
  const other = openTest(t, { file });
  const taken = await queue.enqueue('email');
  await queue.enqueue('sms');
  const update = store.update.bind(store);
  // Between the pick and the lock.
  store.update = async (reads, decide) => {
    store.update = update;
    assert.equal(await other.queue.cancelJob(taken), true);
    return update(reads, decide);
  };
  const said: unknown[] = [];
  const logger = ({ event, message }: { event: string; message?: string }): void => {
    said.push(event, message, store.lock.holders());
  };
  const { unhandled } = await queue.processJobs({ email: () => {} }, { concurrency: 1, logger });
  assert.deepEqual(said, ['warning', 'no handler for jobs of type "sms"; they stay pending', []]);
  assert.deepEqual(unhandled, { sms: 1 });
});

test('a type may be called like a property of every object', async (t) => {
  for (const type of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
    for (const beside of [[], [{ type: 'email' }]]) {
      const { queue } = openTest(t);
      const [id = ''] = await queue.enqueueMany([{ type }, ...beside]);
      const warnings: (string | undefined)[] = [];
      const summary = await queue.processJobs(
        { email: () => {} },
        { logger: ({ event, message }) => event === 'warning' && warnings.push(message) },
      );
      assert.deepEqual(Object.entries(summary.unhandled), [[type, 1]], `${type}, ${beside.length} beside it`);
      assert.equal(warnings.length, 1);
      assert.ok(warnings[0]?.includes(type));
      const handlers = Object.fromEntries([[type, () => 'done']]);
      assert.equal((await queue.processJobs(handlers)).completed, 1);
      assert.equal((await queue.getJob(id))?.result, 'done');
    }
  }
});

test('handlers that can not be used are refused', async (t) => {
  const { queue } = openTest(t);
  for (const [handlers, ...message] of [
    [undefined, 'handlers is'],
    [null, 'handlers is'],
    [() => {}, 'handlers is'],
    ['email', 'handlers is "email"'],
    [{ email: 5 }, 'handlers.email is 5'],
    [{ email: null }, 'handlers.email is null'],
    [[], 'handlers is'],
    [new Map([['email', () => {}]]), 'handlers is'],
    [
      new (class {
        email(): void {}
      })(),
      'handlers is',
    ],
    [{ 'a\tb': () => {} }, 'the name of a handler'],
    [{ pending: () => {} }, 'the name of a handler'],
  ] as [Record<string, () => void>, ...string[]][]) {
    await rejects(queue.processJobs(handlers), 'INVALID_ARGUMENT', ...message);
  }
});

test('a handler that is undefined counts as missing', async (t) => {
  const { queue } = openTest(t);
  await queue.enqueue('email', {});
  const summary = await queue.processJobs({ email: undefined }, { logger: () => {} });
  assert.deepEqual(summary.unhandled, { email: 1 });
});

test('a handler gets the payload, the job as it was claimed, and a signal that is not aborted', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('email', { to: 'ann' }, { maxAttempts: 5, timeout: '1m', priority: 2 });
  await queue.processJobs({
    email: (payload, { job, signal, enqueue }) => {
      assert.deepEqual(payload, { to: 'ann' });
      assert.deepEqual(
        [
          job.id,
          job.type,
          job.status,
          job.attempts,
          job.maxAttempts,
          job.timeout,
          job.priority,
          job.startedAt?.getTime(),
          job.payload,
        ],
        [id, 'email', 'processing', 1, 5, 60_000, 2, clock.now(), { to: 'ann' }],
      );
      assert.ok(job.lockedBy?.split('.').includes(String(process.pid)));
      assert.ok(signal instanceof AbortSignal && !signal.aborted);
      assert.equal(typeof enqueue, 'function');
      return 'ok';
    },
  });
  assert.equal((await queue.getJob(id))?.result, 'ok');
});

test('a handler that changes its payload changes no other attempt', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('email', { n: 1 });
  const handlers = {
    email: (payload: { n: number }, { job }: { job: { payload: unknown } }) => {
      assert.equal(payload.n, 1);
      payload.n = 2;
      assert.deepEqual(job.payload, { n: 1 });
      throw new Error('no');
    },
  };
  await queue.processJobs(handlers);
  clock.advance(120_000);
  await queue.processJobs(handlers);
  assert.deepEqual((await queue.getJob(id))?.payload, { n: 1 });
  assert.match((await queue.getJob(id))?.error ?? '', /^Error: no/);
});
