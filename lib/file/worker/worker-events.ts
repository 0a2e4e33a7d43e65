import { isPromise } from 'node:util/types';
import { errorMessage } from '../../job/errors.js';
import type { ResolvedWorkerOptions, WorkerEvent } from '../../job/options.js';
import type { Summary } from '../../runner/handler.js';
import type { Wait } from '../admission/start-limits.js';
import type { ChoreContext } from '../chores/chore.js';
import type { Rescued } from '../chores/rescue.js';
import type { Heartbeat, ShortOfRoom } from '../disk/heartbeat.js';
import { brief } from '../format/text.js';
import type { Declared } from '../schedules/declaration.js';
import type { Fired } from '../schedules/firing.js';
import type { ClaimedJob } from './claimed-job.js';
import type { Ended } from './turn.js';

const SKIPPED = { overlap: 'an earlier job of the schedule is not over', late: 'the slot is too old' };

/** What a worker works with. */
export interface WorkerContext extends Pick<ChoreContext, 'store' | 'ping'> {
  readonly events: WorkerEvents;
}

/** Counts what a worker does and calls its logger. */
export class WorkerEvents {
  readonly summary: Summary = {
    claimed: 0,
    completed: 0,
    retried: 0,
    failed: 0,
    cancelled: 0,
    rescued: 0,
    slept: 0,
    released: 0,
    unhandled: {},
  };
  /** When due jobs last waited because `maxWorkers` others were at work, in ms since 1970. */
  crowdedOutAt: number | undefined;
  /** True if the last commit failed. */
  isFailing = false;
  /** When the disk was last found to have too little room. */
  shortOfRoom: ShortOfRoom | undefined;
  readonly #options: ResolvedWorkerOptions;
  readonly #left = new Set<string>();
  /** The lanes, and the errors of the limits file, that were told. */
  readonly #limited = new Set<string>();

  constructor(options: ResolvedWorkerOptions) {
    this.#options = options;
  }

  ended({ attempt, verdict }: Ended): void {
    this.summary[verdict.event]++;
    if (verdict.warning !== undefined) this.warn(verdict.warning, attempt.type);
    if (this.#options.quiet) return;
    this.#log({
      event: verdict.event,
      ...this.#about(attempt),
      ...(verdict.error === undefined ? {} : { error: verdict.error }),
      ...(verdict.runAt === undefined ? {} : { runAt: new Date(verdict.runAt) }),
    });
  }

  /** Logs an attempt whose job was cancelled or rescued. Only the log records how it ended. */
  dropped(attempt: ClaimedJob, cancelled: boolean): void {
    if (cancelled) this.summary.cancelled++;
    this.#log({ event: cancelled ? 'cancelled' : 'dropped', ...this.#about(attempt) });
  }

  rescued({ id, type, attempt, error, failed }: Rescued): void {
    this.summary.rescued++;
    if (failed) this.summary.failed++;
    this.#log({ event: 'rescued', id, type, attempt, error });
    if (failed) this.#log({ event: 'failed', id, type, attempt, error });
  }

  /** Logs what came of a schedule's due slots. */
  fired({ name: schedule, type, jobs, skipped }: Fired): void {
    for (const id of jobs) this.#log({ event: 'fired', schedule, id, type });
    if (skipped !== undefined) this.#log({ event: 'skipped', schedule, type, message: SKIPPED[skipped] });
  }

  /** Logs a schedule that was declared, or has another spec. */
  declared({ name: schedule, id, nextRun, changed }: Declared): void {
    if (changed) this.#log({ event: 'scheduled', schedule, id, ...(nextRun && { runAt: nextRun }) });
  }

  /** Logs once that due jobs of a type, or of a group, wait for their rate. */
  rateLimited({ type, group, opensAt }: Wait): void {
    const name = `${type}\t${group}`;
    if (this.#limited.has(name)) return;
    this.#limited.add(name);
    this.#log({ event: 'rate_limited', type, ...(group !== '' && { group }), runAt: new Date(opensAt) });
  }

  /** Warns once that jobs with a rate limit can't start. */
  limitsFailed(error: unknown): void {
    const message = `jobs with a rate limit wait: ${errorMessage(error)}`;
    if (this.#limited.has(message)) return;
    this.#limited.add(message);
    this.warn(message);
  }

  /** Counts due jobs of a type without a handler, and warns once. */
  unhandled(type: string, jobs: number): void {
    const { unhandled } = this.summary;
    if (!Object.hasOwn(unhandled, type)) {
      this.warn(`no handler for jobs of type ${JSON.stringify(brief(type))}; they stay pending`, type);
    }
    // Not an assignment, because a type may be called __proto__.
    Object.defineProperty(unhandled, type, {
      value: jobs,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }

  /** Warns once of a dead worker's job without a handler. */
  left(type: string): void {
    if (this.#left.has(type)) return;
    this.#left.add(type);
    const name = JSON.stringify(brief(type));
    this.warn(
      `no handler for a job of type ${name} whose worker died; it waits for a worker that has one`,
      type,
    );
  }

  /** Returns the content of the heartbeat. */
  get heartbeat(): Omit<Heartbeat, 'at'> {
    const { summary, crowdedOutAt, shortOfRoom } = this;
    return { unhandled: Object.keys(summary.unhandled), crowdedOutAt, shortOfRoom };
  }

  /** Warns of a failed commit. */
  commitFailed(error: unknown): void {
    this.isFailing = true;
    this.warn(`a commit failed, and is tried again: ${(error as Error).message}`);
  }

  warn(message: string, type?: string): void {
    this.#log({ event: 'warning', message, ...(type === undefined ? {} : { type }) });
  }

  #about(attempt: ClaimedJob): Pick<WorkerEvent, 'id' | 'type' | 'attempt' | 'ms'> {
    const { id, type, attempts, startedAt, endedAt } = attempt;
    const ms = startedAt === undefined || endedAt === undefined ? {} : { ms: endedAt - startedAt };
    return { id, type, attempt: attempts, ...ms };
  }

  #log(event: WorkerEvent): void {
    // A logger that throws, or whose promise is rejected, must not lose a job.
    try {
      const told: unknown = this.#options.logger(event);
      // Promise.prototype.then works for a promise of any realm, and calls no overridden method.
      if (isPromise(told)) Promise.prototype.then.call(told, undefined, () => {});
    } catch {}
  }
}
