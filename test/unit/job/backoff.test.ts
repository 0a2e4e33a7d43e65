import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { resolveBackoff } from '../../../lib/job/backoff.js';
import type { BackoffOption } from '../../../lib/job/backoff-option.js';
import type { Job } from '../../../lib/job/job.js';
import { throws } from '../../support/errors.js';

const job = { id: 'a' } as Job;
const waits = (option: BackoffOption | undefined, count = 4, random = () => 0.5): number[] =>
  Array.from({ length: count }, (_, i) =>
    resolveBackoff('backoff', option, random)(i + 1, new Error('no'), job),
  );

test('the default doubles from two minutes, as dbbasic-queue does', () => {
  assert.deepEqual(waits(undefined), [120_000, 240_000, 480_000, 960_000]);
});

test('a formula is base times factor to the power of the attempts, capped', () => {
  assert.deepEqual(waits({ base: '1s', factor: 2, max: '6s' }), [2000, 4000, 6000, 6000]);
  assert.deepEqual(waits({ base: 500, factor: 1 }), [500, 500, 500, 500]);
  assert.deepEqual(waits({ base: '2s', factor: 2 }, 2), [4000, 8000]);
  assert.deepEqual(waits({ factor: 3 }, 2), [180_000, 540_000]);
  assert.deepEqual(waits({ base: 0 }), [0, 0, 0, 0]);
});

test('a formula may say its kind', () => {
  assert.deepEqual(
    waits({ kind: 'exponential', base: '2s', factor: 2, max: '20s' }),
    [4000, 8000, 16_000, 20_000],
  );
});

test('a fixed backoff waits the same each time', () => {
  assert.deepEqual(waits({ kind: 'fixed', delay: '5m' }, 3), [300_000, 300_000, 300_000]);
  assert.deepEqual(waits({ kind: 'fixed', delay: 0 }, 2), [0, 0]);
});

test('a polynomial one waits n⁴ + 5 seconds by default, as in Django, and is capped', () => {
  const seconds = (option: BackoffOption, count = 4) => waits(option, count).map((ms) => ms / 1000);
  assert.deepEqual(seconds({ kind: 'polynomial' }, 5), [6, 21, 86, 261, 630]);
  assert.deepEqual(seconds({ kind: 'polynomial', max: '2m' }), [6, 21, 86, 120]);
  assert.deepEqual(seconds({ kind: 'polynomial', base: '2s', power: 2, plus: 0 }), [2, 8, 18, 32]);
  assert.deepEqual(seconds({ kind: 'polynomial', power: 0, plus: '1m' }, 2), [61, 61]);
});

test('no wait is longer than a year, after however many attempts', () => {
  const wait = resolveBackoff('backoff', { base: '1h', factor: 10 })(5000, new Error('no'), job);
  assert.equal(wait, 365.25 * 24 * 3_600_000);
});

test('a table gives its waits one after another, and then repeats the last one', () => {
  assert.deepEqual(waits(['1m', 300_000, '30m'], 5), [60_000, 300_000, 1_800_000, 1_800_000, 1_800_000]);
});

test('a function gets the attempts, the error and the job', () => {
  const seen: unknown[] = [];
  const error = new Error('no');
  const backoff = resolveBackoff('backoff', (...args) => {
    seen.push(...args);
    return '5s';
  });
  assert.equal(backoff(2, error, job), 5000);
  assert.deepEqual(seen, [2, error, job]);
});

test('a function that gives no duration is reported as such', () => {
  for (const value of [
    -1,
    'soon',
    undefined,
    Number.NaN,
    Promise.resolve(5),
    Promise.reject(new Error('x')),
    // The test would fail of a rejection that is not handled.
    Object.assign(Promise.reject(new Error('x')), { catch: () => {} }),
  ]) {
    throws(
      () => resolveBackoff('backoff', () => value as number)(1, null, job),
      'INVALID_ARGUMENT',
      'the result of backoff',
    );
  }
});

test('jitter stays within its share, on both sides', () => {
  const option = { base: '1s', factor: 1, jitter: 0.2 };
  assert.equal(waits(option, 1, () => 0)[0], 800);
  assert.ok(Math.abs((waits(option, 1, () => 1 - Number.EPSILON)[0] as number) - 1200) < 0.001);
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 30 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (attempts, jitter) => {
        const wait = resolveBackoff('backoff', { base: '1s', max: '1h', jitter })(attempts, null, job);
        const plain = Math.min(1000 * 2 ** attempts, 3_600_000);
        assert.ok(wait >= plain * (1 - jitter) - 0.001 && wait <= plain * (1 + jitter) + 0.001, `${wait}`);
      },
    ),
  );
});

test('a jitter that is a time is added or taken away, whatever the wait', () => {
  for (const jitter of ['10s', 10_000]) {
    for (const option of [
      { kind: 'fixed', delay: '1m', jitter },
      { kind: 'polynomial', base: 0, plus: '1m', jitter },
      { base: '1m', factor: 1, jitter },
    ] as const) {
      assert.deepEqual(
        waits(option, 1, () => 0),
        [50_000],
      );
      assert.deepEqual(
        waits(option, 1, () => 0.5),
        [60_000],
      );
      assert.ok(Math.abs((waits(option, 1, () => 1 - Number.EPSILON)[0] as number) - 70_000) < 0.001);
    }
  }
  assert.deepEqual(
    waits({ kind: 'fixed', delay: 100, jitter: 1.5 }, 1, () => 0),
    [98.5],
  );
  assert.deepEqual(
    waits({ kind: 'fixed', delay: 100, jitter: 1 }, 1, () => 0),
    [0],
  );
});

test('no wait is negative, nor above a year, whatever the jitter', () => {
  const year = 365.25 * 24 * 3_600_000;
  assert.deepEqual(
    waits({ kind: 'fixed', delay: '5s', jitter: '10s' }, 1, () => 0),
    [0],
  );
  assert.deepEqual(
    waits({ kind: 'fixed', delay: '1y', jitter: '10s' }, 1, () => 0.99),
    [year],
  );
  assert.deepEqual(waits({ kind: 'fixed', delay: Number.POSITIVE_INFINITY }, 1), [year]);
  assert.deepEqual(waits({ kind: 'polynomial', power: 1000 }, 3), [6000, year, year]);
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (delay, jitter, random) => {
      const [wait = -1] = waits({ kind: 'fixed', delay, jitter }, 1, () => random);
      assert.ok(wait >= 0 && wait <= delay + Math.max(jitter, delay), `${wait}`);
    }),
  );
});

test('an invalid backoff is refused when the worker starts, not when a job fails', () => {
  for (const [option, message] of [
    [{ base: -1 }, 'backoff.base is -1'],
    [{ factor: -1 }, 'backoff.factor is -1'],
    [{ factor: 'two' }, 'backoff.factor is "two"'],
    [{ max: 'never' }, 'backoff.max is "never"'],
    [{ jitter: -0.1 }, 'backoff.jitter is -0.1'],
    [{ jitter: '2y' }, 'backoff.jitter is "2y"'],
    [{ jitter: 'some' }, 'backoff.jitter is "some"'],
    [{ bsae: 5 }, 'backoff.bsae'],
    [
      { kind: 'linear' },
      "backoff.kind is \"linear\" (string); it must be 'exponential', 'fixed' or 'polynomial'",
    ],
    [{ kind: 'fixed' }, 'backoff.delay is undefined'],
    [{ kind: 'fixed', delay: 'x' }, 'backoff.delay is "x"'],
    [
      { kind: 'fixed', delay: 5, base: 5 },
      'backoff.base is 5 (number); it must be left out: the options are kind',
    ],
    [{ kind: 'polynomial', factor: 2 }, 'backoff.factor is 2'],
    [{ kind: 'polynomial', power: -1 }, 'backoff.power is -1'],
    [{ kind: 'polynomial', plus: 'x' }, 'backoff.plus is "x"'],
    [{ kind: 'polynomial', base: -1 }, 'backoff.base is -1'],
    [[], 'backoff is [] (object); it must be a table'],
    [['1m', 'x'], 'backoff[1] is "x"'],
    [[-5], 'backoff[0] is -5'],
    ['1m', 'backoff is "1m" (string); it must be a list of waits like [\'5m\'], an object'],
    [null, 'backoff is null'],
  ] as [BackoffOption, string][]) {
    throws(() => resolveBackoff('backoff', option), 'INVALID_ARGUMENT', message);
  }
});
