import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { PermanentError, RetryAfterError } from '../../../../lib/job/errors.js';
import type { Policy } from '../../../../lib/job/policy.js';
import { fails, obedient, stubborn } from '../../../support/handlers.js';
import { openTest } from '../../../support/queues.js';

/*
 * What retryIf of a type's policy decides, and when it is asked.
 */

/** Runs a job once, whose handler throws this. */
async function failOnce(t: TestContext, error: unknown, retryIf: Policy['retryIf'], maxAttempts = 3) {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('email', { to: 'ann' });
  const warnings: (string | undefined)[] = [];
  const { failed, retried } = await queue.processJobs(
    { email: { handler: fails(error), retryIf, maxAttempts } },
    { logger: ({ event, message }) => event === 'warning' && warnings.push(message) },
  );
  const job = await queue.getJob(id);
  return { id, job, warnings, failed, retried, wait: Number(job?.runAt) - clock.now() };
}

test('true tries the job again, after the usual wait, and false fails it for good', async (t) => {
  const error = new TypeError('no such thing');
  const again = await failOnce(t, error, () => true);
  assert.deepEqual([again.retried, again.job?.status, again.wait], [1, 'pending', 120_000]);
  const never = await failOnce(t, error, () => false);
  assert.deepEqual([never.failed, never.job?.status, never.job?.attempts], [1, 'failed', 1]);
  assert.ok(never.job?.finishedAt);
  const [first, note] = never.job?.error?.split('\n') ?? [];
  assert.deepEqual(
    [first, note],
    ['TypeError: no such thing', "not tried again: the retryIf of the job's type said so"],
  );
  assert.deepEqual([...again.warnings, ...never.warnings], []);
});

test('it gets the error and the job', async (t) => {
  const error = new Error('no');
  const got: unknown[] = [];
  const { id } = await failOnce(t, error, (...args) => {
    const [reason, job] = args;
    got.push(reason, job.id, job.type, job.payload, job.attempts);
    return true;
  });
  assert.deepEqual(got, [error, id, 'email', { to: 'ann' }, 1]);
});

for (const [what, retryIf, message] of [
  ['throws', fails(new Error('my mistake')), 'Error: my mistake'],
  [
    'returns nothing',
    () => undefined,
    'the result of retryIf is undefined (undefined); it must be true or false',
  ],
  ['returns a promise', async () => false, 'the result of retryIf is [object Promise] (object)'],
  ['returns a rejected promise', () => Promise.reject(new Error('later')), 'the result of retryIf is'],
] as [string, () => unknown, string][])
  test(`if it ${what}, the job is tried again, with a warning`, async (t) => {
    const { id, job, retried, warnings, wait } = await failOnce(t, new Error('no'), retryIf as () => boolean);
    assert.deepEqual([retried, job?.status, wait], [1, 'pending', 120_000]);
    assert.equal(warnings.length, 1);
    assert.ok(warnings[0]?.startsWith(`retryIf failed for job ${id} (email), the job is tried again: `));
    assert.ok(warnings[0]?.includes(message), warnings[0]);
  });

test('its mistake and that of a backoff are both told', async (t) => {
  const { queue } = openTest(t);
  await queue.enqueue('email');
  const warnings: (string | undefined)[] = [];
  const handler = fails(new Error('no'));
  await queue.processJobs(
    { email: { handler, retryIf: fails(new Error('one')), backoff: fails(new Error('two')) } },
    { logger: ({ event, message }) => event === 'warning' && warnings.push(message) },
  );
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? '', /retryIf failed [\s\S]*one[\s\S]*; backoff failed [\s\S]*two/);
});

for (const [what, error, maxAttempts, status] of [
  ['a PermanentError', new PermanentError('gone'), 3, 'failed'],
  ['a RetryAfterError', new RetryAfterError('busy', '1m'), 3, 'pending'],
  ['a RetryAfterError that costs an attempt', new RetryAfterError('busy', 'whenever'), 3, 'pending'],
  ['a job without attempts left', new Error('no'), 1, 'failed'],
] as const)
  test(`it is not asked for ${what}`, async (t) => {
    let isAsked = false;
    const retryIf = () => {
      isAsked = true;
      return status !== 'pending';
    };
    const { job } = await failOnce(t, error, retryIf, maxAttempts);
    assert.deepEqual([isAsked, job?.status], [false, status]);
    assert.doesNotMatch(job?.error ?? '', /retryIf/);
  });

test('it is not asked for an uncaught exception that ends the process', async (t) => {
  const { queue } = openTest(t);
  const id = await queue.enqueue('email');
  const { started, end, handler } = stubborn();
  t.after(() => end.resolve(undefined));
  let isAsked = false;
  const retryIf = () => {
    isAsked = true;
    return false;
  };
  const working = queue.processJobs({ email: { handler, retryIf } });
  await started;
  const boom = new Error('boom');
  await queue.abandon(boom);
  assert.equal(await working.catch((error) => error), boom);
  assert.deepEqual([isAsked, (await queue.getJob(id))?.status], [false, 'pending']);
});

test('it is asked for an attempt that its time limit stopped, and one that ignored that', async (t) => {
  for (const kind of [obedient, stubborn]) {
    const { queue, clock } = openTest(t);
    const id = await queue.enqueue('email');
    const { started, handler, ...rest } = kind();
    const asked: unknown[] = [];
    const retryIf = (error: unknown) => {
      asked.push((error as Error).name);
      return false;
    };
    const working = queue.processJobs(
      { email: { handler, retryIf, timeout: '5s' } },
      { grace: '1s', logger: () => {} },
    );
    await started;
    clock.advance(5000);
    clock.advance(1000);
    assert.equal((await working).failed, 1);
    if ('end' in rest) rest.end.resolve(undefined);
    assert.deepEqual([asked, (await queue.getJob(id))?.status], [['TimeLimitError'], 'failed']);
  }
});

test('it is not asked for a job that is given back at shutdown', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('email');
  const { started, handler } = obedient();
  const shutdown = new AbortController();
  const retryIf = () => assert.fail('it is asked');
  const working = queue.processJobs({ email: { handler, retryIf } }, { signal: shutdown.signal });
  await started;
  shutdown.abort();
  clock.advance(10_000);
  assert.equal((await working).released, 1);
  assert.equal((await queue.getJob(id))?.status, 'pending');
});
