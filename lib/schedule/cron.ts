import type { Cron as CronClass } from 'croner';
import { dependency } from '../job/dependency.js';

/** A time zone's clock may jump over a whole day, and croner looks no further than some hours; in ms. */
const LONG_JUMP = 12 * 3_600_000;

/** The times of a cron expression, in ms. */
export interface CronTimes {
  /** Returns the first time after this one; undefined if there is none. */
  next(after: number): number | undefined;
}

/**
 * Reads a cron expression of five fields, or a nickname like `@daily`. Its times follow Debian's rule where a time
 * zone's clock jumps. An expression is fixed if neither minute nor hour has a `*`. Fixed times that the clock skips come
 * once, at the moment of the jump; those that it repeats come in the first pass only. All others follow the clock.
 *
 * @throws Error if croner refuses the expression
 */
export function cronTimes(expression: string, timezone: string): CronTimes {
  const { Cron } = dependency<{ Cron: typeof CronClass }>('croner', () => require('croner'));
  const options = { mode: '5-part', fixedTimeRule: 'no-wildcard' } as const;
  const cron = new Cron(expression, { ...options, timezone });
  const next = (after: number): number | undefined => cron.nextRun(new Date(after))?.getTime();
  if (timezone === 'UTC' || !isFixed(expression)) return { next };
  const clock = zoneClock(timezone);
  /** The same times on a clock that never jumps. */
  const plain = new Cron(expression, { ...options, timezone: 'UTC' });
  return {
    next: (after) => {
      const time = next(after);
      if (time === undefined || Math.abs(clock(time) - time - (clock(after) - after)) < LONG_JUMP)
        return time;
      // Between the two, the clock jumped over a day or so. If it skipped a fixed time, that one comes right then.
      const jump = jumpBetween(clock, after, time);
      const skipped = plain.nextRun(new Date(clock(jump - 1)))?.getTime() ?? Number.POSITIVE_INFINITY;
      return jump > after && skipped < clock(jump) ? jump : time;
    },
  };
}

const isFixed = (expression: string): boolean => {
  const [minute = '', hour = ''] = expression.trim().split(/\s+/);
  return !minute.startsWith('@hourly') && !/[*?]/.test(minute + hour);
};

/** Returns the function that gives a zone's local time as if it were UTC, in ms. */
export function zoneClock(timezone: string): (time: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    hourCycle: 'h23',
    ...({ year: 'numeric', month: 'numeric', day: 'numeric' } as const),
    ...({ hour: 'numeric', minute: 'numeric', second: 'numeric' } as const),
  });
  return (time) => {
    const part = Object.fromEntries(
      format.formatToParts(time).map(({ type, value }) => [type, Number(value)]),
    );
    const { year = 0, month = 1, day, hour, minute, second } = part;
    return Date.UTC(year, month - 1, day, hour, minute, second) + (((time % 1000) + 1000) % 1000);
  };
}

/** Returns the first ms after a jump of the clock. @param from before the jump @param to after it */
function jumpBetween(clock: (time: number) => number, from: number, to: number): number {
  const offset = clock(from) - from;
  let [before, after] = [from, to];
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (Math.abs(clock(middle) - middle - offset) < LONG_JUMP) before = middle;
    else after = middle;
  }
  return after;
}
