import type { StoredJob } from '../format/stored-job.js';
import { busy } from './busy.js';
import type { ClaimView } from './claim-view.js';
import { handler } from './handler.js';
import { held } from './held.js';
import { lone } from './lone.js';
import { minFree } from './min-free.js';
import { paused } from './paused.js';
import type { Admission, JobRule, TypeRule } from './rule.js';
import { StartLimits } from './start-limits.js';
import { workerLimit } from './worker-limit.js';

/** The rules that are asked first. They need only a type, so jobs that must wait are not read. */
const TYPE_RULES: readonly TypeRule[] = [handler, paused, minFree, workerLimit];
const JOB_RULES: readonly JobRule[] = [held, busy, lone];

/** The answers of all rules of admission, for one view of the queue. */
export class Admissions {
  readonly view: ClaimView;
  readonly limits: StartLimits;
  /** The types whose jobs may not start now, by the rule that says so. */
  readonly #refused = new Map<string, string[]>();
  readonly #types: { name: string; admits: (type: string) => boolean }[];
  readonly #jobs: ((job: StoredJob) => Admission)[];
  readonly #known = new Map<string, boolean>();

  constructor(view: ClaimView) {
    this.view = view;
    this.limits = new StartLimits(view);
    this.#types = TYPE_RULES.map((rule) => ({ name: rule.name, admits: rule.open(view) }));
    this.#jobs = JOB_RULES.map((rule) => rule.open(view));
  }

  /** True if a due job waits because `maxWorkers` others are at work. */
  get isCrowdedOut(): boolean {
    return this.#refused.has(workerLimit.name);
  }

  /** The types that have due jobs, and are paused. */
  get pausedTypes(): readonly string[] {
    return this.#refused.get(paused.name) ?? [];
  }

  /** True if jobs of the type may start now. */
  readonly ofType = (type: string): boolean =>
    this.#isOpen(type) && (!this.isLimited(type) || this.limits.ofType(type) <= this.view.now);

  /** Returns when the next job of a group of the type may start, in ms; see {@link StartLimits.ofGroup}. */
  readonly ofGroup = (type: string, group: string): number => this.limits.ofGroup(type, group);

  /** True if the type has limits. Each of its jobs is then asked for by itself, because it counts for the next one. */
  readonly isLimited = (type: string): boolean => {
    const { types } = this.view.worker;
    return types.hasLimits && types.limitsOf(type) !== undefined;
  };

  /**
   * Returns the answer for a job. `skip` and `later` count before `alone`, and `alone` before `start`.
   *
   * @param hasStart true if the job's start was written to the limits file before
   */
  of(job: StoredJob, hasStart: boolean = false): Admission {
    const { type } = job;
    if (!this.#isOpen(type) || (this.isLimited(type) && !this.limits.admits(job, hasStart))) return 'later';
    let answer: Admission = 'start';
    for (const admit of this.#jobs) {
      const said = admit(job);
      if (said === 'start') continue;
      if (said !== 'alone') return said;
      answer = said;
    }
    return answer;
  }

  #isOpen(type: string): boolean {
    let answer = this.#known.get(type);
    if (answer === undefined) {
      const refusing = this.#types.find(({ admits }) => !admits(type));
      if (refusing !== undefined)
        this.#refused.set(refusing.name, [...(this.#refused.get(refusing.name) ?? []), type]);
      answer = refusing === undefined;
      this.#known.set(type, answer);
    }
    return answer;
  }
}
