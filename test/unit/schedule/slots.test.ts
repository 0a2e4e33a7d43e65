import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ScheduleTimes } from '../../../lib/job/schedule-spec.js';
import { nextRuns } from '../../../lib/schedule/next-runs.js';
import { checkRecurrence, noteOf, recurrenceIn } from '../../../lib/schedule/recurrence.js';
import { dueSlots, slotsOf } from '../../../lib/schedule/slots.js';
import { throws } from '../../support/errors.js';

function due(spec: ScheduleTimes, first: string, now: string, most = 100) {
  const recurrence = checkRecurrence(spec, '');
  const { slots, next } = dueSlots(recurrence, slotsOf(recurrence), {
    first: Date.parse(first),
    now: Date.parse(now),
    most,
  });
  return { slots: slots.map(iso), next: next === undefined ? undefined : iso(next) };
}

const iso = (ms: number): string => new Date(ms).toISOString().slice(0, 19);
const runs = (spec: ScheduleTimes, count: number, from: string): string[] =>
  nextRuns(spec, count, `${from}Z`).map((time) => iso(time.getTime()));

test('every counts from 1970, so that 15 minutes are the quarters of an hour', () => {
  assert.deepEqual(runs({ every: '15m' }, 2, '2030-01-01T00:07:00'), [
    '2030-01-01T00:15:00',
    '2030-01-01T00:30:00',
  ]);
});

test('every counts from startAt if there is one, and its first slot is then', () => {
  const spec = { every: '90s', startAt: '2030-01-01T00:00:10Z' };
  assert.deepEqual(runs(spec, 2, '2029-01-01T00:00:00'), ['2030-01-01T00:00:10', '2030-01-01T00:01:40']);
});

test('the slots of cron begin at startAt and end at endAt', () => {
  const spec = { cron: '0 * * * *', startAt: '2030-01-01T05:00:00Z', endAt: '2030-01-01T06:30:00Z' };
  assert.deepEqual(runs(spec, 5, '2029-01-01T00:00:00'), ['2030-01-01T05:00:00', '2030-01-01T06:00:00']);
});

test('after three weeks off, last makes up for the last slot, or none that is older than its limit', () => {
  const daily = { cron: '0 3 * * *' };
  const [from, to] = ['2030-01-01T03:00:00Z', '2030-01-22T10:00:00Z'];
  const next = '2030-01-23T03:00:00';
  assert.deepEqual(due(daily, from, to), { slots: ['2030-01-22T03:00:00'], next });
  assert.deepEqual(due({ ...daily, catchUpWithin: '5m' }, from, to), { slots: [], next });
});

test('after three weeks off, all makes up for the slots of a day', () => {
  const spec = { cron: '0 */12 * * *', catchUp: 'all', overlap: 'queue' } as const;
  assert.deepEqual(due(spec, '2030-01-01T00:00:00Z', '2030-01-22T13:00:00Z'), {
    slots: ['2030-01-22T00:00:00', '2030-01-22T12:00:00'],
    next: '2030-01-23T00:00:00',
  });
});

test('all makes up for as many slots at a time as it may, and the next one stays due', () => {
  const spec = { every: '1m', catchUp: 'all', overlap: 'allow' } as const;
  assert.deepEqual(due(spec, '2030-01-01T00:00:00Z', '2030-01-01T01:00:00Z', 2), {
    slots: ['2030-01-01T00:00:00', '2030-01-01T00:01:00'],
    next: '2030-01-01T00:02:00',
  });
});

test('a tick that is 61 s late still makes up for a slot within 5 minutes; one that is 6 minutes late does not', () => {
  const spec = { cron: '0 3 * * *', catchUpWithin: '5m' };
  const first = '2030-01-01T03:00:00Z';
  assert.equal(due(spec, first, '2030-01-01T03:01:01Z').slots.length, 1);
  assert.equal(due(spec, first, '2030-01-01T03:06:00Z').slots.length, 0);
});

test('a slot that was due by an earlier declaration counts, whatever the expression says', () => {
  assert.deepEqual(due({ cron: '0 4 * * *' }, '2030-01-01T02:30:00Z', '2030-01-01T03:00:00Z'), {
    slots: ['2030-01-01T02:30:00'],
    next: '2030-01-01T04:00:00',
  });
});

test('the last slot in thirty years is found without a look at each, whether they are seconds or years apart', () => {
  for (const spec of [{ every: '1s' }, { cron: '* * * * *' }, { cron: '0 0 29 2 *' }]) {
    const { slots, next } = due(spec, '2000-02-29T00:00:00Z', '2030-01-01T00:00:30Z');
    assert.equal(slots.length, 1, JSON.stringify(spec));
    assert.ok(next !== undefined);
  }
});

test('a recurrence is read from the file as it was declared', () => {
  const specs: ScheduleTimes[] = [
    { cron: '30 2 * * *' },
    { cron: '30 2 * * *', timezone: 'Europe/Berlin', overlap: 'cancel', jitter: '90s', catchUpWithin: '5m' },
    { every: '1h', startAt: '2030-01-01T00:00:00Z', endAt: '2031-01-01T00:00:00Z' },
    { every: '1h', catchUp: 'all', overlap: 'allow', catchUpWithin: Number.POSITIVE_INFINITY },
  ];
  for (const spec of specs) {
    const recurrence = checkRecurrence(spec, '');
    assert.deepEqual(recurrenceIn(JSON.parse(JSON.stringify(noteOf(recurrence)))), recurrence);
  }
  assert.deepEqual(noteOf(checkRecurrence(specs[1] as ScheduleTimes, '')), {
    cron: '30 2 * * *',
    timezone: 'Europe/Berlin',
    catchUpWithin: 300,
    overlap: 'cancel',
    jitter: 90,
  });
});

test('a recurrence that an edit damaged is none', () => {
  for (const note of [{}, { cron: 5 }, { every: 0.5 }, { cron: '* * * * *', overlap: 'both' }])
    assert.equal(recurrenceIn(note), undefined);
});

for (const [what, spec, ...message] of [
  ['neither cron nor every', {}, 'neither cron nor every'],
  ['both', { cron: '* * * * *', every: '1s' }, 'both cron and every'],
  ['six fields', { cron: '0 0 * * * *' }, 'cron is "0 0 * * * *"', 'six fields', 'use every'],
  ['four fields', { cron: '* * * *' }, 'cron is "* * * *"', 'five fields'],
  ['no field', { cron: '' }, 'cron is ""'],
  ['a date', { cron: '2030-01-01T00:00:00' }, 'five fields'],
  ['a number', { cron: 5 }, 'cron is 5'],
  ['an hour that no day has', { cron: '0 25 * * *' }, 'cron is "0 25 * * *"', 'no cron expression'],
  ['an H', { cron: 'H * * * *' }, 'no cron expression', '"H" is no minute'],
  ['a range that ends before it begins', { cron: '0 22-2 * * *' }, '"22-2" is no hour;'],
  ['a day that no month has', { cron: '0 0 32 * *' }, '"32" is no day of the month'],
  ['a month that no year has', { cron: '0 0 1 13 *' }, '"13" is no month'],
  ['a weekday that no week has', { cron: '0 0 * * 8' }, '"8" is no day of the week'],
  ['a name that is none', { cron: '@every' }, 'no cron expression'],
  ['a day that never comes', { cron: '0 0 31 2 *' }, 'never comes'],
  ['an unknown zone', { cron: '* * * * *', timezone: 'Mars/Base' }, 'timezone is "Mars/Base"'],
  ['an empty zone', { cron: '* * * * *', timezone: '' }, 'timezone is ""'],
  ['every with a zone', { every: '1h', timezone: 'UTC' }, 'timezone', 'every'],
  ['less than a second', { every: 500 }, 'every is 500', "'1s'"],
  ['a fraction of a second', { every: 1500 }, 'every is 1500'],
  [
    'an overlap that is none',
    { every: '1h', overlap: 'no' },
    'overlap is "no"',
    'skip, queue, cancel, allow',
  ],
  ['a catch-up that is none', { every: '1h', catchUp: 'none' }, 'catchUp is "none"', 'last, all'],
  ['all with skip', { every: '1h', catchUp: 'all' }, 'overlap is "skip", the default', 'all'],
  ['all with cancel', { every: '1h', catchUp: 'all', overlap: 'cancel' }, 'overlap is "cancel"'],
  ['an end before the start', { every: '1h', startAt: 100, endAt: 50 }, 'endAt is 50', 'startAt'],
  ['a jitter without a unit', { every: '1h', jitter: 'much' }, 'jitter is "much"'],
] as const) {
  test(`${what} is refused, with the option and its value`, () => {
    throws(() => nextRuns(spec as ScheduleTimes, 1), 'INVALID_ARGUMENT', ...message);
  });
}

test('nextRuns checks what it is asked for', () => {
  throws(() => nextRuns({ every: '1h' }, 0), 'INVALID_ARGUMENT', 'count is 0');
  throws(() => nextRuns({ every: '1h' }, 1, 'soon'), 'INVALID_ARGUMENT', 'from is "soon"');
  assert.equal(nextRuns({ every: '1d' }, 3, new Date(0)).length, 3);
});

test('nextRuns refuses what is no object, and ends before times that a Date does not hold', () => {
  for (const wrong of [null, undefined, 'x'])
    throws(() => nextRuns(wrong as unknown as ScheduleTimes, 1), 'INVALID_ARGUMENT', 'it must be an object');
  const times = nextRuns({ every: '1000000d' }, 200, 0);
  assert.equal(times.length, 100);
  assert.ok(times.every((time) => Number.isFinite(time.getTime())));
});
