import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { count, duration, instant } from '../../../lib/job/checks.js';
import { resolveEnqueueOptions } from '../../../lib/job/job-options.js';
import { DEFAULTS, resolveWorkerOptions } from '../../../lib/job/options.js';
import { resolveQueueOptions } from '../../../lib/job/queue-options.js';
import { throws } from '../../support/errors.js';

const NOW = Date.UTC(2030, 0, 1);

test('durations are milliseconds, or words for them', () => {
  for (const [given, ms] of [
    [0, 0],
    [1500, 1500],
    [0.5, 0.5],
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
    ['500ms', 500],
    ['90s', 90_000],
    ['10m', 600_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
    ['1.5h', 5_400_000],
    ['2 hours', 7_200_000],
    ['100', 100],
  ] as const) {
    assert.equal(duration('delay', given), ms, String(given));
  }
});

test('an invalid duration is refused, with its name, its value and valid ones', () => {
  for (const given of [
    -1,
    Number.NaN,
    '',
    '  ',
    '-5m',
    'soon',
    '10 parsecs',
    'x'.repeat(200),
    null,
    true,
    {},
    [5],
    5n,
  ]) {
    throws(() => duration('delay', given), 'INVALID_ARGUMENT', /^delay is /, '10m');
  }
  throws(() => duration('delay', 'soon'), 'INVALID_ARGUMENT', 'delay is "soon" (string)');
  throws(() => duration('delay', -1), 'INVALID_ARGUMENT', 'delay is -1 (number)');
});

test('a value that has no text of its own is refused like any other', () => {
  for (const given of [Object.create(null), Symbol('x'), { toString: 5, valueOf: 5 }]) {
    throws(() => duration('delay', given), 'INVALID_ARGUMENT', /^delay is /);
    throws(() => instant('runAt', given), 'INVALID_ARGUMENT', /^runAt is /);
    throws(() => count('limit', given), 'INVALID_ARGUMENT', /^limit is /);
  }
});

test('points in time are Dates, ISO strings with an offset, or Unix seconds', () => {
  for (const [given, ms] of [
    [new Date(5), 5],
    [0, 0],
    [1_700_000_000, 1_700_000_000_000],
    [1_700_000_000.5, 1_700_000_000_500],
    [1_700_000_000.123456, 1_700_000_000_123],
    ['2030-01-01T00:00:00Z', NOW],
    ['2030-01-01T00:00:00.250Z', NOW + 250],
    ['2030-01-01T02:00:00+02:00', NOW],
    ['2029-12-31T19:00:00-0500', NOW],
    ['2030-01-01 00:00Z', NOW],
    ['2030-01-01t00:00:00z', NOW],
  ] as const) {
    assert.equal(instant('runAt', given), ms, String(given));
  }
});

test('a number that looks like milliseconds is refused, and the message says so', () => {
  for (const given of [100_000_000_001, Date.UTC(2024, 0, 1), 1e15]) {
    throws(() => instant('runAt', given), 'INVALID_ARGUMENT', `runAt is ${given}`, 'looks like milliseconds');
  }
});

test('an invalid point in time is refused; so is one without an offset, which means another time elsewhere', () => {
  for (const given of [
    '2030-01-01T00:00:00',
    '2030-01-01',
    '2030-01-01 09:00',
    'tomorrow',
    '',
    '1700000000',
    '2030-13-01T00:00:00Z',
    '2030-01-01T25:00:00Z',
    Number.NaN,
    -1,
    Number.POSITIVE_INFINITY,
    new Date(Number.NaN),
    new Date(-1),
    null,
    true,
    {},
  ]) {
    throws(() => instant('runAt', given), 'INVALID_ARGUMENT', /^runAt is /);
  }
});

test('a time too far in the future is refused by the name of the option that was given', () => {
  throws(() => resolveEnqueueOptions({ runAt: 1e11 }, NOW), 'INVALID_ARGUMENT', /^runAt is /);
  throws(() => resolveEnqueueOptions({ runAt: new Date(1e14) }, NOW), 'INVALID_ARGUMENT', /^runAt is /);
  throws(
    () => resolveEnqueueOptions({ delay: Number.POSITIVE_INFINITY }, NOW),
    'INVALID_ARGUMENT',
    /^delay is Infinity/,
  );
});

test('a job is due now without options', () => {
  assert.deepEqual(resolveEnqueueOptions({}, NOW), {
    runAt: NOW,
    priority: 0,
    maxAttempts: undefined,
    timeout: undefined,
    dedupe: undefined,
  });
});

test('a delay counts from now, and 0 is now', () => {
  assert.equal(resolveEnqueueOptions({ delay: '10m' }, NOW).runAt, NOW + 600_000);
  assert.equal(resolveEnqueueOptions({ delay: 0 }, NOW).runAt, NOW);
  assert.equal(resolveEnqueueOptions({ runAt: 5 }, NOW).runAt, 5000);
});

test('options that exclude each other, or say nothing, are refused', () => {
  throws(() => resolveEnqueueOptions({ delay: 5, runAt: 5 }, NOW), 'INVALID_ARGUMENT', 'delay is 5', 'runAt');
  throws(() => resolveEnqueueOptions({ timeout: 0 }, NOW), 'INVALID_ARGUMENT', 'timeout is 0');
  throws(
    () => resolveEnqueueOptions({ timeout: Number.POSITIVE_INFINITY }, NOW),
    'INVALID_ARGUMENT',
    'timeout is Infinity',
  );
  for (const priority of [Number.NaN, Number.POSITIVE_INFINITY, '5', null]) {
    throws(
      () => resolveEnqueueOptions({ priority: priority as number }, NOW),
      'INVALID_ARGUMENT',
      'priority is',
    );
  }
  for (const maxAttempts of [0, -1, 1.5, Number.POSITIVE_INFINITY, '3', null]) {
    throws(
      () => resolveEnqueueOptions({ maxAttempts: maxAttempts as number }, NOW),
      'INVALID_ARGUMENT',
      'maxAttempts is',
    );
  }
});

test('a misspelt option is refused, with the valid ones', () => {
  throws(
    () => resolveEnqueueOptions({ dealy: 5 } as object, NOW),
    'INVALID_ARGUMENT',
    'options.dealy',
    'delay',
  );
  throws(
    () => resolveQueueOptions({ durabilty: 'os' } as object),
    'INVALID_ARGUMENT',
    'durabilty',
    'durability',
  );
  throws(() => resolveWorkerOptions({ retries: 5 } as object), 'INVALID_ARGUMENT', 'retries', 'maxAttempts');
  for (const options of [null, 5, 'sync', undefined]) {
    throws(() => resolveEnqueueOptions(options as unknown as object, NOW), 'INVALID_ARGUMENT', 'options is');
  }
});

test('every accepted time limit fits into a file', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, noNaN: true, max: 1e12 }), (timeout) => {
      let accepted: number | undefined;
      try {
        accepted = resolveEnqueueOptions({ timeout }, NOW).timeout;
      } catch {
        return;
      }
      // In the file it stands in seconds, to the millisecond; 0 would mean none.
      assert.ok(Math.round(accepted as number) >= 1, `accepted ${timeout}`);
    }),
    { examples: [[0.4]] },
  );
});

test('an option that is undefined takes its default', () => {
  const options = { maxAttempts: undefined, timeout: undefined, signal: undefined, logger: undefined };
  const resolved = resolveWorkerOptions(options as object);
  assert.equal(resolved.maxAttempts, 3);
  assert.equal(resolved.timeout, 3_600_000);
});

test('worker options have their documented defaults', () => {
  const resolved = resolveWorkerOptions({});
  const { maxAttempts, concurrency, backoff, linger, maxTime, maxWorkers, timeout, grace, signal } = resolved;
  const { maxRetryAfter, maxInterruptions } = resolved;
  assert.deepEqual([maxRetryAfter, maxInterruptions], [86_400_000, 10]);
  assert.deepEqual(
    { maxAttempts, concurrency, backoff, linger, maxTime, maxWorkers, timeout, grace, signal },
    {
      maxAttempts: 3,
      concurrency: 1,
      backoff: DEFAULTS.backoff,
      linger: 0,
      maxTime: Number.POSITIVE_INFINITY,
      maxWorkers: 4,
      timeout: 3_600_000,
      grace: 10_000,
      signal: undefined,
    },
  );
  assert.deepEqual(resolved.logger.levels, ['warn']);
});

test('worker options that can not be used are refused', () => {
  for (const [options, ...message] of [
    [{ concurrency: 0 }, 'concurrency is 0'],
    [{ maxWorkers: 0 }, 'maxWorkers is 0'],
    [{ maxAttempts: 0 }, 'maxAttempts is 0'],
    [{ maxRetryAfter: 'soon' }, 'maxRetryAfter is "soon"'],
    [{ maxRetryAfter: -1 }, 'maxRetryAfter is -1'],
    [{ maxInterruptions: -1 }, 'maxInterruptions is -1'],
    [{ maxInterruptions: 1.5 }, 'maxInterruptions is 1.5'],
    [{ timeout: 0 }, 'timeout is 0'],
    [{ timeout: Number.POSITIVE_INFINITY }, 'timeout is Infinity'],
    [{ linger: 'long' }, 'linger is "long"'],
    [{ grace: -1 }, 'grace is -1'],
    [{ signal: {} }, 'signal is', 'AbortSignal'],
    [{ logger: true }, 'logger is true', 'function'],
  ] as [object, ...string[]][]) {
    throws(() => resolveWorkerOptions(options), 'INVALID_ARGUMENT', ...message);
  }
});
