import { TsvqError } from '../job/errors.js';
import type { Recurrence } from '../job/schedule-spec.js';
import { type CronTimes, cronTimes } from './cron.js';

const HOUR = 3_600_000;
const FIELDS = ['minute', 'hour', 'day of the month', 'month', 'day of the week'] as const;

/** The slots of a schedule, in ms. */
export interface Slots {
  /** Returns the first slot after this time; undefined if there is none. */
  next(after: number): number | undefined;
  /** Returns the last slot after `from` and until `to`; undefined if there is none. */
  last(from: number, to: number): number | undefined;
}

/**
 * Returns the slots of a schedule. Loads croner if it has a cron expression.
 *
 * @param where the text before option names in errors
 * @throws TsvqError `INVALID_ARGUMENT` for an expression or time zone that can't be used
 */
export function slotsOf(recurrence: Recurrence, where = ''): Slots {
  const { every, startAt = 0, endAt = Number.POSITIVE_INFINITY } = recurrence;
  const times = every === undefined ? timesOf(recurrence, where) : timesEvery(every, startAt);
  const within = (slot: number | undefined): number | undefined =>
    slot === undefined || slot > endAt ? undefined : slot;
  return {
    next: (after) => within(times.next(Math.max(after, startAt - 1))),
    last: (from, to) => {
      const until = Math.min(to, endAt);
      const first = Math.max(from, startAt - 1);
      return until <= first ? undefined : lastOf(times, first, until, every);
    },
  };
}

/** Returns slots at anchor + k · every. */
const timesEvery = (every: number, anchor: number): CronTimes => ({
  next: (after) => anchor + (Math.floor((after - anchor) / every) + 1) * every,
});

/** Looks back in steps that grow, because a schedule may be due each minute, or once in years. */
function lastOf(times: CronTimes, from: number, to: number, every: number | undefined): number | undefined {
  for (let back = every ?? HOUR; ; back *= 8) {
    const start = Math.max(from, to - back);
    let last: number | undefined;
    for (let slot = times.next(start); slot !== undefined && slot <= to; slot = times.next(slot)) last = slot;
    if (last !== undefined || start === from) return last;
  }
}

/** The times that were made last, by zone and expression, because thousands of schedules may share a few. */
const made = new Map<string, CronTimes>();
const MOST_KEPT = 1_000;

function timesOf(recurrence: Recurrence, where: string): CronTimes {
  const key = `${recurrence.timezone}\t${recurrence.cron}`;
  const known = made.get(key);
  if (known !== undefined) return known;
  if (made.size === MOST_KEPT) made.clear();
  const times = checkedTimes(recurrence, where);
  made.set(key, times);
  return times;
}

function checkedTimes({ cron = '', timezone }: Recurrence, where: string): CronTimes {
  const wrong = (option: string, value: string, what: string, cause?: unknown): TsvqError =>
    new TsvqError('INVALID_ARGUMENT', `${where}${option} is ${JSON.stringify(value)}${what}`, { cause });
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: timezone });
  } catch (cause) {
    const what = ", which is no known time zone; it must be a name like 'Europe/Berlin' or 'UTC'";
    throw wrong('timezone', timezone, what, cause);
  }
  let times: CronTimes;
  try {
    times = cronTimes(cron, timezone);
  } catch (cause) {
    if (cause instanceof TsvqError) throw cause;
    const what = `, which is no cron expression${wrongField(cron)}; see the table of fields in docs/schedules.md`;
    throw wrong('cron', cron, what, cause);
  }
  if (times.next(0) === undefined)
    throw wrong('cron', cron, ', which never comes: no month has such a day; correct day or month');
  return times;
}

/** Says which field of an expression is wrong. Croner's own messages count some of them from 0. */
function wrongField(cron: string): string {
  const fields = cron.trim().split(/\s+/);
  if (fields.length !== FIELDS.length) return '';
  const alone = (at: number): string => fields.map((field, i) => (i === at ? field : '*')).join(' ');
  for (const [at, name] of FIELDS.entries()) {
    try {
      cronTimes(alone(at), 'UTC');
    } catch {
      return `: ${JSON.stringify(fields[at])} is no ${name}`;
    }
  }
  return '';
}

/** What is due of a schedule. */
export interface DueSlots {
  /** The slots to make jobs for, in order. */
  readonly slots: readonly number[];
  /** The slot from which on none is dealt with yet; undefined if none comes any more. */
  readonly next: number | undefined;
}

/**
 * Returns what is due of a schedule at `now`.
 *
 * @param first the slot from which on none was dealt with, not after `now` @param most how many slots it may return
 */
export function dueSlots(
  recurrence: Recurrence,
  slots: Slots,
  { first, now, most }: { first: number; now: number; most: number },
): DueSlots {
  const oldest = now - recurrence.catchUpWithin;
  if (recurrence.catchUp === 'last') {
    const last = slots.last(first, now) ?? first;
    return { slots: last >= oldest ? [last] : [], next: slots.next(now) };
  }
  const due: number[] = [];
  let slot: number | undefined = first >= oldest ? first : slots.next(Math.max(first, oldest - 1));
  while (slot !== undefined && slot <= now && due.length < most) {
    due.push(slot);
    slot = slots.next(slot);
  }
  return { slots: due, next: slot };
}
