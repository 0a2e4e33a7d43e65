import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Job } from '../../../lib/job/job.js';
import { resolveWorkerOptions, type WorkerOptions } from '../../../lib/job/options.js';
import { checkPolicy, isRetried, mergedPolicy, type Policy, workerPolicy } from '../../../lib/job/policy.js';
import type { StandardSchema } from '../../../lib/job/standard-schema.js';
import { throws } from '../../support/errors.js';

const job = { id: 'a' } as Job;

/** What counts for a type: attempts, time limit, and the wait after the first attempt. */
function counts(policy: Policy, worker: WorkerOptions = {}): number[] {
  const own = checkPolicy('handlers.email', policy);
  const { maxAttempts, timeout, backoff } = mergedPolicy(own, workerPolicy(resolveWorkerOptions(worker)));
  return [maxAttempts, timeout, backoff(1, new Error('no'), job)];
}

test("a type's policy counts before the worker's options, and these before the defaults, option by option", () => {
  const worker = { maxAttempts: 5, timeout: '5m', backoff: ['5s'] };
  const policy = { maxAttempts: 7, timeout: '7m', backoff: ['7s'] };
  const defaults = counts({});
  assert.deepEqual(defaults, [3, 3_600_000, 120_000]);
  const ofWorker = [5, 300_000, 5_000];
  const ofType = [7, 420_000, 7_000];
  assert.deepEqual(counts({}, worker), ofWorker);
  assert.deepEqual(counts(policy, worker), ofType);
  assert.deepEqual(counts(policy), ofType);
  for (const [i, option] of (['maxAttempts', 'timeout', 'backoff'] as const).entries()) {
    const only = { [option]: policy[option] };
    assert.deepEqual(counts(only, worker), ofWorker.with(i, ofType[i] as number), option);
    assert.deepEqual(counts(only), defaults.with(i, ofType[i] as number), option);
    assert.deepEqual(
      counts({ ...policy, [option]: undefined }, worker),
      ofType.with(i, ofWorker[i] as number),
    );
  }
});

test('a policy that can not be used is refused, with the type, the option and the value', () => {
  const circle = (): void => {};
  for (const [policy, message] of [
    [{ maxAttempts: 0 }, 'handlers.email.maxAttempts is 0 (number); it must be a whole number of at least 1'],
    [{ maxAttempts: '3' }, 'handlers.email.maxAttempts is "3" (string)'],
    [{ maxAttempts: null }, 'handlers.email.maxAttempts is null'],
    [{ timeout: 0 }, 'handlers.email.timeout is 0 (number)'],
    [{ timeout: 'long' }, 'handlers.email.timeout is "long"'],
    [{ timeout: '2y' }, 'handlers.email.timeout is "2y"'],
    [{ backoff: 'often' }, 'handlers.email.backoff is "often"'],
    [{ backoff: ['1m', 'x'] }, 'handlers.email.backoff[1] is "x"'],
    [{ backoff: { kind: 'fixed' } }, 'handlers.email.backoff.delay is undefined'],
    [{ retryIf: true }, 'handlers.email.retryIf is true (boolean); it must be a function'],
    [{ schema: circle }, 'handlers.email.schema is'],
    [{ schema: null }, 'handlers.email.schema is null'],
    [{ schema: { parse: circle } }, 'handlers.email.schema is', 'Standard Schema'],
    [{ schema: { '~standard': { version: 2, vendor: 'x', validate: circle } } }, 'handlers.email.schema is'],
    [{ schema: { '~standard': { version: 1, vendor: 'x' } } }, 'handlers.email.schema is'],
  ] as [Policy, ...string[]][]) {
    throws(() => checkPolicy('handlers.email', policy), 'INVALID_ARGUMENT', message as string);
  }
});

test('a schema may be an object or a function', () => {
  const standard = { version: 1, vendor: 'test', validate: (value: unknown) => ({ value }) } as const;
  for (const schema of [{ '~standard': standard }, Object.assign(() => {}, { '~standard': standard })])
    assert.equal(checkPolicy('x', { schema: schema as StandardSchema }).schema, schema);
});

test('the failing function of a backoff is named by its option', () => {
  const { backoff } = checkPolicy('handlers.email', { backoff: () => 'soon' });
  throws(() => backoff?.(1, null, job), 'INVALID_ARGUMENT', 'the result of handlers.email.backoff is "soon"');
});

test('retryIf answers with true or false, and gets the error and the job', () => {
  const error = new Error('no');
  const got: unknown[] = [];
  const answer =
    (said: boolean) =>
    (...args: unknown[]) => {
      got.push(...args);
      return said;
    };
  assert.deepEqual(
    [isRetried(answer(true), error, job), isRetried(answer(false), error, job)],
    [true, false],
  );
  assert.deepEqual(got, [error, job, error, job]);
});

test('an answer of retryIf that is no boolean is reported, and a rejected promise is caught', async () => {
  for (const said of [undefined, null, 0, 'no', Promise.resolve(false), Promise.reject(new Error('x'))])
    throws(
      () => isRetried(() => said as unknown as boolean, null, job),
      'INVALID_ARGUMENT',
      'the result of retryIf is',
    );
  // A rejection that nothing catches would fail this test.
  await new Promise(setImmediate);
});
