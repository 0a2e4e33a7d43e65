import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../../lib/job/clock.js';

/** The longest that Node's timers take; a longer one fires at once. */
const LONGEST = 2 ** 31 - 1;
const DAYS_60 = 60 * 24 * 3_600_000;

test('a wait that is too long for one timer is made of several', async (t) => {
  const steps: number[] = [];
  const cleared: unknown[] = [];
  t.mock.method(globalThis, 'setTimeout', (run: () => void, ms: number) => {
    steps.push(ms);
    const timer = { unref() {} };
    if (steps.length < 10) queueMicrotask(() => void (cleared.includes(timer) || run()));
    return timer;
  });
  t.mock.method(globalThis, 'clearTimeout', (timer: unknown) => void cleared.push(timer));
  await new Promise<void>((resolve) => systemClock.later(DAYS_60, resolve, true));
  assert.deepEqual(steps, [LONGEST, LONGEST, DAYS_60 - 2 * LONGEST]);

  steps.length = 0;
  let rang = false;
  const cancel = systemClock.later(DAYS_60, () => {
    rang = true;
  });
  await undefined;
  assert.equal(steps.length, 2);
  cancel();
  for (let turns = 0; turns < 5; turns++) await undefined;
  assert.deepEqual([steps.length, rang], [2, false]);
});
