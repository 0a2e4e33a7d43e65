import type { Check, Evidence } from './check.js';
import { LIMITS } from './children/limits.js';

/*
 * What must be true of types with limits. Rows vanish by compactions, so the workers' journals say when a claim that was
 * run began; a claim whose worker was killed before is known from its job's last row alone.
 */

/** An attempt of a job with a limit. */
interface Attempt {
  readonly id: string;
  readonly type: string;
  readonly group: string;
  /** When it was claimed, in ms since 1970. */
  claimed: number | undefined;
  /** When its handler began and ended, by the monotonic clock in ms. */
  from: number | undefined;
  to: number | undefined;
}

function attemptsOf({ jobs, entries }: Evidence): Attempt[] {
  const attempts = new Map<string, Attempt>();
  const attemptOf = (id: string, n: number | string): Attempt | undefined => {
    const { type = '', group = '' } = jobs.get(id) ?? {};
    if (LIMITS[type] === undefined) return undefined;
    const name = `${id}:${n}`;
    const none = { claimed: undefined, from: undefined, to: undefined };
    const attempt = attempts.get(name) ?? { id, type, group, ...none };
    attempts.set(name, attempt);
    return attempt;
  };
  for (const [id, { attempts: n = '0', started_at: at = '' }] of jobs) {
    const last = n === '0' || at === '' ? undefined : attemptOf(id, n);
    if (last !== undefined) last.claimed = Number(at) * 1000;
  }
  for (const entry of entries) {
    if (entry.e !== 'start' && entry.e !== 'end') continue;
    const attempt = attemptOf(entry.id, entry.attempt);
    if (attempt === undefined) continue;
    if (entry.e === 'end') attempt.to = entry.t;
    else attempt.from = entry.t;
    attempt.claimed = entry.claimed ?? attempt.claimed;
  }
  return [...attempts.values()];
}

/** The attempts that a limit counts together. */
function lanesOf(attempts: readonly Attempt[], type: string, by: 'type' | 'group' = 'type'): Attempt[][] {
  const lanes = new Map<string, Attempt[]>();
  for (const attempt of attempts) {
    if (attempt.type !== type || (by === 'group' && attempt.group === '')) continue;
    const name = by === 'group' ? attempt.group : '';
    lanes.set(name, [...(lanes.get(name) ?? []), attempt]);
  }
  return [...lanes.values()];
}

/** In any stretch of time w, at most burst + w · max / per start. */
const ratesHold: Check = (evidence, fail) => {
  const attempts = attemptsOf(evidence);
  for (const [type, { rateLimit }] of Object.entries(LIMITS)) {
    if (rateLimit === undefined) continue;
    const { max, per, burst = 1, by } = rateLimit;
    const interval = Number(per) / max;
    for (const lane of lanesOf(attempts, type, by)) {
      const starts = lane.flatMap(({ claimed }) => claimed ?? []).sort((a, b) => a - b);
      // When the next one is on time, if the starts are as the rate wants them.
      let onTime = 0;
      for (const start of starts) {
        if (start < onTime - (burst - 1) * interval - 0.01)
          fail(
            `a job of ${type} started ${onTime - (burst - 1) * interval - start} ms too early, at ${start}`,
          );
        onTime = Math.max(onTime, start) + interval;
      }
    }
  }
};

/** At most max handlers run at a time. One whose job is cancelled goes on for a moment. */
const fewRunAtATime: Check = (evidence, fail) => {
  const cancelled = new Set(evidence.of('cancel').map(({ id }) => id));
  const attempts = attemptsOf(evidence).filter(({ id, from, to }) => from && to && !cancelled.has(id));
  for (const [type, { concurrency }] of Object.entries(LIMITS)) {
    if (concurrency === undefined) continue;
    const { max, by } =
      typeof concurrency === 'number' ? { max: concurrency, by: 'type' as const } : concurrency;
    for (const lane of lanesOf(attempts, type, by)) {
      const times = lane.flatMap(({ from = 0, to = 0 }) => [
        { t: from, by: 1 },
        { t: to, by: -1 },
      ]);
      let running = 0;
      for (const { t, by: more } of times.sort((a, b) => a.t - b.t || a.by - b.by)) {
        running += more;
        if (more > 0 && running > max)
          fail(`${running} jobs of ${type} ran at ${t}, and its concurrency is ${max}`);
      }
    }
  }
};

export const LIMIT_CHECKS: readonly Check[] = [ratesHold, fewRunAtATime];
