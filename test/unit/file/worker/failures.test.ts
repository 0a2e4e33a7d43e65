import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PermanentError, RetryAfterError } from '../../../../lib/job/errors.js';
import type { WorkerEvent, WorkerOptions } from '../../../../lib/job/options.js';
import { rejects } from '../../../support/errors.js';
import { fails } from '../../../support/handlers.js';
import { jobId, line, rowsOf, writeQueue } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

/*
 * What becomes of a job whose handler fails: its attempts, its waits, its error.
 */

test('a job that fails waits for its next attempt with its error, and fails for good when no attempt is left', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('email', {});
  const seen: unknown[] = [];
  for (let attempt = 1; attempt <= 3; attempt++) {
    const { claimed, retried, failed } = await queue.processJobs({
      email: fails(new Error(`no ${attempt}`)),
    });
    const job = await queue.getJob(id);
    seen.push([
      claimed,
      retried,
      failed,
      job?.status,
      job?.attempts,
      job?.error?.split('\n')[0],
      (Number(job?.runAt) - clock.now()) / 1000,
    ]);
    clock.advance(240_000);
  }
  assert.deepEqual(seen, [
    [1, 1, 0, 'pending', 1, 'Error: no 1', 120],
    [1, 1, 0, 'pending', 2, 'Error: no 2', 240],
    [1, 0, 1, 'failed', 3, 'Error: no 3', 0],
  ]);
  assert.equal((await queue.processJobs({ email: () => {} })).claimed, 0);
});

test("a job's own limit of attempts wins over the worker's", async (t) => {
  const { queue, clock } = openTest(t);
  const [once = '', often = '', plain = ''] = await queue.enqueueMany([
    { type: 'email', options: { maxAttempts: 1 } },
    { type: 'email', options: { maxAttempts: 4 } },
    { type: 'email' },
  ]);
  for (let n = 0; n < 5; n++) {
    await queue.processJobs({ email: fails(new Error('no')) }, { maxAttempts: 2 });
    clock.advance(3_600_000);
  }
  const attempts = await Promise.all(
    [once, often, plain].map(async (id) => (await queue.getJob(id))?.attempts),
  );
  assert.deepEqual(attempts, [1, 4, 2]);
});

for (const [name, error] of [
  ['PermanentError', new PermanentError('the address is gone')],
  [
    'an error of that name from another copy of the package',
    Object.assign(new Error('the address is gone'), { name: 'PermanentError' }),
  ],
] as const) {
  test(`${name} fails a job for good at its first attempt`, async (t) => {
    const { queue } = openTest(t);
    const id = await queue.enqueue('email', {});
    assert.equal((await queue.processJobs({ email: fails(error) })).failed, 1);
    const job = await queue.getJob(id);
    assert.deepEqual([job?.status, job?.attempts], ['failed', 1]);
    assert.match(job?.error ?? '', /^PermanentError: the address is gone\n +at /);
  });
}

test('a RetryAfterError may ask for a duration, and a time that has passed is now', async (t) => {
  for (const [delay, wait] of [
    ['10m', 600_000],
    [-5, 0],
    [1e20, 365.25 * 24 * 3_600_000],
  ] as const) {
    t.mock.method(Math, 'random', () => 0);
    const { queue, clock } = openTest(t);
    const id = await queue.enqueue('email', {});
    await queue.processJobs({ email: fails(new RetryAfterError('busy', delay)) }, { maxAttempts: 2 });
    // What is due at once has been tried again at once.
    const job = await queue.getJob(id);
    assert.deepEqual(
      [job?.status, Number(job?.runAt) - clock.now()],
      [wait > 0 ? 'pending' : 'failed', wait],
    );
  }
});

test('a RetryAfterError that asks for no time waits as long as the default backoff, and its worker says so', async (t) => {
  for (const delay of [Number.NaN, 'soon', undefined as unknown as number]) {
    const { queue, clock } = openTest(t);
    const id = await queue.enqueue('email', {});
    const events: WorkerEvent[] = [];
    const logger = (event: WorkerEvent): void => void events.push(event);
    await queue.processJobs({ email: fails(new RetryAfterError('busy', delay)) }, { logger, backoff: [0] });
    const job = await queue.getJob(id);
    assert.deepEqual([job?.status, Number(job?.runAt) - clock.now()], ['pending', 120_000], String(delay));
    const warning = events.find(({ event }) => event === 'warning');
    assert.match(warning?.message ?? '', /the delay of a RetryAfterError is/);
  }
});

for (const [name, backoff, waits] of [
  ['the default', undefined, [120, 240, 480]],
  ['a formula', { base: '1s', factor: 3, max: '10s' }, [3, 9, 10]],
  ['a table', ['5s', '1m'], [5, 60, 60]],
  ['a function', (attempts: number) => attempts * 1000, [1, 2, 3]],
] as [string, WorkerOptions['backoff'], number[]][]) {
  test(`the waits between attempts follow ${name}`, async (t) => {
    const { queue, clock } = openTest(t);
    const id = await queue.enqueue('email', {}, { maxAttempts: 10 });
    for (const wait of waits) {
      await queue.processJobs({ email: fails(new Error('no')) }, backoff === undefined ? {} : { backoff });
      assert.equal(Number((await queue.getJob(id))?.runAt) - clock.now(), wait * 1000);
      clock.advance(wait * 1000);
    }
  });
}

test('a backoff function that fails costs neither the job nor the worker: the default is used, with a warning', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('email', {});
  const messages: (string | undefined)[] = [];
  await queue.processJobs(
    { email: fails(new Error('no')) },
    { backoff: fails(new Error('my mistake')), logger: ({ message }) => messages.push(message) },
  );
  assert.equal(Number((await queue.getJob(id))?.runAt) - clock.now(), 120_000);
  assert.ok(messages.some((message) => message?.includes('my mistake')));
});

test('the default backoff does not wait for ever, not even after a thousand attempts', async (t) => {
  const { queue, clock, file } = openTest(t);
  writeQueue(file, line({ id: jobId(1), attempts: 1100, max_attempts: 2000 }));
  const { claimed } = await queue.processJobs(
    { email: fails(new Error('no')) },
    { backoff: fails(new Error('my mistake')), logger: () => {} },
  );
  assert.equal(claimed, 1);
  const runAt = (await queue.getJob(jobId(1)))?.runAt.getTime() ?? 0;
  assert.equal(runAt, clock.now() + 365.25 * 24 * 3_600_000);
});

test('an invalid backoff is refused, whether a job is due or not', async (t) => {
  const { queue } = openTest(t);
  const refused = (): Promise<unknown> =>
    rejects(
      queue.processJobs({ email: () => {} }, { backoff: 'soon' as unknown as [] }),
      'INVALID_ARGUMENT',
      'backoff',
    );
  await refused();
  const id = await queue.enqueue('email', {});
  await refused();
  assert.equal((await queue.getJob(id))?.attempts, 0);
});

test('whatever a handler throws fails its attempt, and no other', async (t) => {
  for (const thrown of [
    undefined,
    null,
    5,
    'text',
    { code: 1 },
    Object.create(null),
    Symbol('x'),
    new Error('x'.repeat(1e5)),
    new Proxy({}, { get: fails(new Error('no')) }),
  ]) {
    const { queue } = openTest(t);
    const [bad = '', good = ''] = await queue.enqueueMany([{ type: 'bad' }, { type: 'good' }]);
    const summary = await queue.processJobs({ bad: fails(thrown), good: () => 1 });
    assert.deepEqual([summary.retried, summary.completed], [1, 1]);
    const job = await queue.getJob(bad);
    assert.ok(job?.status === 'pending' && job.error && job.error.length < 10_000);
    assert.equal((await queue.getJob(good))?.status, 'completed');
  }
});

test('the file keeps the message and the first frames of the stack, in one field', async (t) => {
  const { queue, file } = openTest(t);
  const id = await queue.enqueue('email', {});
  await queue.processJobs({ email: fails(new Error('line one\nline two\twith a tab')) });
  const [row] = rowsOf(file);
  assert.match(row?.error ?? '', /^Error: line one\\nline two\\twith a tab\\n {4}at /);
  const error = (await queue.getJob(id))?.error ?? '';
  assert.match(error, /^Error: line one\nline two\twith a tab\n {4}at /);
  assert.ok(error.split('\n').length <= 5);
});
