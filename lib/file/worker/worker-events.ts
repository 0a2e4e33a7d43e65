import { isPromise } from 'node:util/types';
import type { ResolvedWorkerOptions, WorkerEvent } from '../../job/options.js';
import type { Summary } from '../../runner/handler.js';
import type { Rescued } from '../chores/rescue.js';
import { writeHeartbeat } from '../disk/heartbeat.js';
import { describePlace, placeOf } from '../disk/place.js';
import { brief } from '../format/text.js';
import type { Store } from '../store.js';
import type { Attempt } from './attempt.js';
import type { Ended } from './batch.js';

/** Counts what a worker does, and tells its logger. */
export class WorkerEvents {
  readonly summary: Summary = {
    claimed: 0,
    completed: 0,
    retried: 0,
    failed: 0,
    cancelled: 0,
    rescued: 0,
    released: 0,
    unhandled: {},
  };
  readonly #options: ResolvedWorkerOptions;
  readonly #left = new Set<string>();

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

  /** Somebody cancelled the job, or has taken it: what came of the attempt is written nowhere but in the log. */
  dropped(attempt: Attempt, cancelled: boolean): void {
    if (cancelled) this.summary.cancelled++;
    this.#log({ event: cancelled ? 'cancelled' : 'dropped', ...this.#about(attempt) });
  }

  rescued({ id, type, attempt, error, failed }: Rescued): void {
    this.summary.rescued++;
    if (failed) this.summary.failed++;
    this.#log({ event: 'rescued', id, type, attempt, error });
    if (failed) this.#log({ event: 'failed', id, type, attempt, error });
  }

  /** How many due jobs there are of a type that has no handler; it is named once. */
  unhandled(type: string, jobs: number): void {
    const { unhandled } = this.summary;
    if (!Object.hasOwn(unhandled, type)) {
      this.warn(`no handler for jobs of type ${JSON.stringify(brief(type))}; they stay pending`, type);
    }
    // Not by assignment: a type may be called __proto__.
    Object.defineProperty(unhandled, type, {
      value: jobs,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }

  /** A job whose worker died, and no handler for its type; told once. */
  left(type: string): void {
    if (this.#left.has(type)) return;
    this.#left.add(type);
    const name = JSON.stringify(brief(type));
    this.warn(
      `no handler for a job of type ${name} whose worker died; it waits for a worker that has one`,
      type,
    );
  }

  /** Notes that a worker has looked. With the first note of a queue it warns of the place, if there is reason to. */
  tick(
    { fs, realPath, clock, options }: Store,
    unhandled: string[] = Object.keys(this.summary.unhandled),
  ): void {
    if (!writeHeartbeat(fs, realPath, { at: clock.now(), unhandled }) || options.anyFileSystem) return;
    const place = placeOf(fs, realPath);
    if (place !== undefined) this.warn(describePlace(place, realPath));
  }

  warn(message: string, type?: string): void {
    this.#log({ event: 'warning', message, ...(type === undefined ? {} : { type }) });
  }

  #about(attempt: Attempt): Pick<WorkerEvent, 'id' | 'type' | 'attempt' | 'ms'> {
    const { id, type, attempts, startedAt, endedAt } = attempt;
    const ms = startedAt === undefined || endedAt === undefined ? {} : { ms: endedAt - startedAt };
    return { id, type, attempt: attempts, ...ms };
  }

  #log(event: WorkerEvent): void {
    // A logger that fails is no reason to lose a job, nor one that returns a promise which is rejected.
    try {
      const told: unknown = this.#options.logger(event);
      // Whatever realm it is of, and without a look at what it may have for a catch of its own.
      if (isPromise(told)) Promise.prototype.then.call(told, undefined, () => {});
    } catch {}
  }
}
