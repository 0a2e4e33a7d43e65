import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { cronTimes } from '../../../lib/schedule/cron.js';
import { root } from '../../support/folders.js';

/** Times of expressions around real clock changes, made by looking at every minute. */
const cases = readFileSync(join(root, 'test/fixtures/dst-cases.tsv'), 'utf8')
  .trimEnd()
  .split('\n')
  .slice(2)
  .map((line) => line.split('\t') as [string, string, string, string, string, string?]);

/** Lets this process be in another time zone until the test ends. */
function setHostZone(t: TestContext, zone: string, january: number): void {
  const before = process.env.TZ;
  process.env.TZ = zone;
  t.after(() => {
    if (before === undefined) delete process.env.TZ;
    else process.env.TZ = before;
  });
  assert.equal(new Date(2030, 0, 1).getTimezoneOffset(), january);
}

function timesBetween(expression: string, zone: string, from: number, to: number): number[] {
  const { next } = cronTimes(expression, zone);
  const times: number[] = [];
  for (let time = next(from - 1); time !== undefined && time < to; time = next(time)) times.push(time / 1000);
  return times;
}

for (const [host, january] of [
  ['UTC', 0],
  ['Australia/Sydney', -660],
  ['America/Los_Angeles', 480],
] as const) {
  test(`where the clock changes, times follow Debian's rule, on a host in ${host}`, (t) => {
    setHostZone(t, host, january);
    assert.equal(cases.length, 396);
    for (const [zone, from, to, expression, count, expected = ''] of cases) {
      const times = timesBetween(expression, zone, Date.parse(from), Date.parse(to));
      const text = times.length > 40 ? digest(times) : times.join(',');
      assert.deepEqual([times.length, text], [Number(count), expected], `${expression} in ${zone}, ${from}`);
    }
  });

  test(`a host in ${host} makes no difference to a schedule in UTC`, (t) => {
    setHostZone(t, host, january);
    const day = Date.UTC(2030, 9, 6);
    assert.deepEqual(timesBetween('30 2 * * *', 'UTC', day, day + 86_400_000), [(day + 9_000_000) / 1000]);
  });
}

const digest = (times: number[]): string =>
  `sha256:${createHash('sha256').update(times.join('\n')).digest('hex')}`;

const dates = (expression: string, from: string, count: number): string[] => {
  const { next } = cronTimes(expression, 'UTC');
  const found: string[] = [];
  for (let time = next(Date.parse(from)); time !== undefined && found.length < count; time = next(time)) {
    found.push(new Date(time).toISOString().slice(0, 16));
  }
  return found;
};

test('29 February comes in leap years only, and 2100 is none', () => {
  assert.deepEqual(dates('0 0 29 2 *', '2096-01-01', 2), ['2096-02-29T00:00', '2104-02-29T00:00']);
});

test('if day of month and day of week are restricted, either is enough', () => {
  assert.deepEqual(dates('0 0 13 * 5', '2026-02-01', 4), [
    '2026-02-06T00:00',
    '2026-02-13T00:00',
    '2026-02-20T00:00',
    '2026-02-27T00:00',
  ]);
});

test('LW is the last weekday of a month', () => {
  assert.deepEqual(dates('0 0 LW * *', '2026-01-01', 2), ['2026-01-30T00:00', '2026-02-27T00:00']);
});

test('a name stands for its expression', () => {
  assert.deepEqual(dates('@weekly', '2026-01-01', 1), ['2026-01-04T00:00']);
});
