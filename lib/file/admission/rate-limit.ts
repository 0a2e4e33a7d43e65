import type { CheckedRate, Limits } from '../../job/limits.js';
import { laneName } from './limits-file.js';
import { type LimitRule, UNKNOWN } from './rule.js';

/** Returns when the next start of a lane is on time, in ms, after `starting` starts now. @param known what the file says */
export function onTime(known: number | undefined, rate: CheckedRate, now: number, starting: number): number {
  // The clock was ahead when that time was written.
  const isWrong = known === undefined || known > now + rate.horizon;
  return Math.max(isWrong ? now : known, now) + starting * rate.interval;
}

/**
 * Of a type, or of each group of a type, at most `max` jobs start in the time `per`, over all workers. The rule is the
 * generic cell rate algorithm (ITU-T I.371): each start puts off the time at which the next one is on time, and a start
 * may come earlier than that by the slack of the burst.
 */
export const rateLimit: LimitRule = {
  name: 'rate-limit',
  by: ({ rateLimit }) => rateLimit?.by,
  open: (view) => {
    const { limits } = view.worker;
    const isRead = view.readLimits();
    return ({ type, group }, { rateLimit }: Limits, starting) => {
      if (rateLimit === undefined) return 0;
      if (!isRead) return UNKNOWN;
      const time = onTime(limits.timeOf(laneName(type, group)), rateLimit, view.now, starting);
      return time - rateLimit.slack;
    };
  },
};
