import type { LimitBy, Limits } from '../../job/limits.js';
import type { ClaimView } from './claim-view.js';
import { concurrency } from './concurrency.js';
import { laneName } from './limits-file.js';
import { onTime, rateLimit } from './rate-limit.js';
import { type Lane, type LimitRule, UNKNOWN } from './rule.js';

const RULES: readonly LimitRule[] = [concurrency, rateLimit];

/** A lane whose next job may start at `opensAt`, in ms since 1970. */
export interface Wait extends Lane {
  readonly opensAt: number;
}

/** A job, as far as its limits need it. */
interface Limited {
  readonly id: string;
  readonly type: string;
  readonly group: string;
}

/** The answers of the limits of all types, for one view of the queue. It counts the jobs that start. */
export class StartLimits {
  /** The lanes that wait for their rate, by name. */
  readonly waits: Map<string, Wait> = new Map();
  readonly #view: ClaimView;
  readonly #asked = new Map<LimitRule, ReturnType<LimitRule['open']>>();
  /** The jobs that start, and how many of each lane. */
  readonly #ids = new Set<string>();
  readonly #starting = new Map<string, number>();

  constructor(view: ClaimView) {
    this.#view = view;
  }

  /** Returns when the next job of a type may start, as far as all jobs of the type are counted together. */
  ofType(type: string): number {
    const limits = this.#limitsOf(type);
    if (limits === undefined) return 0;
    // Such a job is claimed only if it starts next, because others could start instead of it meanwhile.
    if (this.#ids.size >= this.#view.mostLimited) return UNKNOWN;
    return this.#ask({ type, group: '' }, limits, 'type', RULES);
  }

  /** Returns when the next job of a group may start, as far as the group is counted by itself. */
  ofGroup(type: string, group: string): number {
    const limits = this.#limitsOf(type);
    return limits === undefined || group === '' ? 0 : this.#ask({ type, group }, limits, 'group', RULES);
  }

  /** True if a job may start now. @param hasStart true if its start was written before, so that its rate allows it */
  admits({ id, type, group }: Limited, hasStart: boolean): boolean {
    const limits = this.#limitsOf(type);
    if (limits === undefined || this.#ids.has(id)) return true;
    if (this.#ids.size >= this.#view.mostLimited) return false;
    const rules = hasStart ? [concurrency] : RULES;
    const asType = this.#ask({ type, group: '' }, limits, 'type', rules);
    const asGroup = group === '' ? 0 : this.#ask({ type, group }, limits, 'group', rules);
    return Math.max(asType, asGroup) <= this.#view.now;
  }

  /** Counts a job of a type with limits that starts. */
  start({ id, type, group }: Limited): void {
    if (this.#ids.has(id)) return;
    this.#ids.add(id);
    for (const name of new Set([laneName(type, ''), laneName(type, group)]))
      this.#starting.set(name, (this.#starting.get(name) ?? 0) + 1);
  }

  /** Writes the starts of these jobs, before their claims. Call it under the lock. @throws TsvqError like the store's */
  save(jobs: readonly Limited[]): void {
    const { now, worker } = this.#view;
    const starts = new Map<string, number>();
    const times = new Map<string, number>();
    for (const { type, group } of jobs) {
      const rate = this.#limitsOf(type)?.rateLimit;
      if (rate === undefined || (rate.by === 'group' && group === '')) continue;
      const name = laneName(type, rate.by === 'group' ? group : '');
      const starting = (starts.get(name) ?? 0) + 1;
      starts.set(name, starting);
      times.set(name, onTime(worker.limits.timeOf(name), rate, now, starting));
    }
    if (times.size > 0) worker.limits.write(times, now);
  }

  #limitsOf(type: string): Limits | undefined {
    return this.#view.worker.types.limitsOf(type);
  }

  #ask(lane: Lane, limits: Limits, by: LimitBy, rules: readonly LimitRule[]): number {
    const name = laneName(lane.type, lane.group);
    const starting = this.#starting.get(name) ?? 0;
    for (const rule of rules) {
      if (rule.by(limits) !== by) continue;
      let ask = this.#asked.get(rule);
      if (ask === undefined) {
        ask = rule.open(this.#view);
        this.#asked.set(rule, ask);
      }
      const opensAt = ask(lane, limits, starting);
      if (opensAt <= this.#view.now) continue;
      if (opensAt < UNKNOWN) this.waits.set(name, { ...lane, opensAt });
      return opensAt;
    }
    return 0;
  }
}
