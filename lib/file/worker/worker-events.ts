import { errorMessage } from '../../job/errors.js';
import { callSafely } from '../../job/listeners.js';
import type { Logger } from '../../job/logger.js';
import { EVENT_LEVELS, type EventName, type WorkerEvent } from '../../job/worker-event.js';
import type { Summary } from '../../runner/handler.js';
import type { Wait } from '../admission/start-limits.js';
import type { ChoreContext } from '../chores/chore.js';
import type { Rescued } from '../chores/rescue.js';
import type { Heartbeat, ShortOfRoom } from '../disk/heartbeat.js';
import { brief } from '../format/text.js';
import type { Declared } from '../schedules/declaration.js';
import type { Fired } from '../schedules/firing.js';
import type { Store } from '../store.js';
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
  /** The worker's name in its claims; undefined before it begins to work. */
  worker: string | undefined;
  readonly #logger: Logger;
  readonly #store: Pick<Store, 'clock' | 'listeners'>;
  readonly #left = new Set<string>();
  readonly #paused = new Set<string>();
  /** The lanes, and the errors of the limits file, that were told. */
  readonly #limited = new Set<string>();

  constructor(store: Pick<Store, 'clock' | 'listeners'>, logger: Logger) {
    this.#store = store;
    this.#logger = logger;
  }

  /** Tells that a worker begins to work, and that it has ended. */
  async during(work: Promise<void>): Promise<void> {
    this.#tell({ event: 'worker_start' });
    await work.finally(() => this.#tell({ event: 'worker_stop' }));
  }

  /** Tells of an attempt that goes on. */
  readonly goesOn = (
    event: 'claimed' | 'started' | 'timed_out',
    { id, type, attempts }: ClaimedJob,
  ): void => {
    if (this.#isHeard(event)) this.#tell({ event, id, type, attempt: attempts });
  };

  /** Tells once that due jobs of a type wait because it is paused. */
  paused(type: string): void {
    if (this.#paused.has(type)) return;
    this.#paused.add(type);
    this.#tell({ event: 'paused', type });
  }

  ended({ attempt, verdict, rows }: Ended): void {
    this.summary[verdict.event]++;
    if (verdict.warning !== undefined) this.warn(verdict.warning, attempt.type);
    if (rows.length > 1 && this.#isHeard('added'))
      for (const { id, type } of rows.slice(1)) this.#tell({ event: 'added', id, type });
    if (!this.#isHeard(verdict.event)) return;
    this.#tell({
      event: verdict.event,
      ...this.#about(attempt),
      ...(verdict.error === undefined ? {} : { error: verdict.error }),
      ...(verdict.runAt === undefined ? {} : { runAt: new Date(verdict.runAt) }),
    });
  }

  /** Logs an attempt whose job was cancelled or rescued. Only the log records how it ended. */
  dropped(attempt: ClaimedJob, cancelled: boolean): void {
    if (cancelled) this.summary.cancelled++;
    this.#tell({ event: cancelled ? 'cancelled' : 'dropped', ...this.#about(attempt) });
  }

  rescued({ id, type, attempt, error, failed }: Rescued): void {
    this.summary.rescued++;
    if (failed) this.summary.failed++;
    this.#tell({ event: 'rescued', id, type, attempt, error });
    if (failed) this.#tell({ event: 'failed', id, type, attempt, error });
  }

  /** Logs what came of a schedule's due slots. */
  fired({ name: schedule, type, jobs, skipped }: Fired): void {
    for (const id of jobs) this.#tell({ event: 'fired', schedule, id, type });
    if (skipped !== undefined) this.#tell({ event: 'skipped', schedule, type, message: SKIPPED[skipped] });
  }

  /** Logs a schedule that was declared, or has another spec. */
  declared({ name: schedule, id, nextRun, changed }: Declared): void {
    if (changed) this.#tell({ event: 'scheduled', schedule, id, ...(nextRun && { runAt: nextRun }) });
  }

  /** Logs once that due jobs of a type, or of a group, wait for their rate. */
  rateLimited({ type, group, opensAt }: Wait): void {
    const name = `${type}\t${group}`;
    if (this.#limited.has(name)) return;
    this.#limited.add(name);
    this.#tell({ event: 'rate_limited', type, ...(group !== '' && { group }), runAt: new Date(opensAt) });
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
    this.#tell({ event: 'warning', message, ...(type === undefined ? {} : { type }) });
  }

  #about(attempt: ClaimedJob): Pick<WorkerEvent, 'id' | 'type' | 'attempt' | 'ms'> {
    const { id, type, attempts, startedAt, endedAt } = attempt;
    const ms = startedAt === undefined || endedAt === undefined ? {} : { ms: endedAt - startedAt };
    return { id, type, attempt: attempts, ...ms };
  }

  #isHeard(event: EventName): boolean {
    return this.#logger.levels.includes(EVENT_LEVELS[event]) || this.#store.listeners.hears(event);
  }

  #tell(event: Omit<WorkerEvent, 'time' | 'worker'>): void {
    const { clock, listeners } = this.#store;
    const { worker } = this;
    const told = { time: new Date(clock.now()), ...event, ...(worker !== undefined && { worker }) };
    if (this.#logger.levels.includes(EVENT_LEVELS[event.event])) callSafely(() => this.#logger.tell(told));
    listeners.tell(told);
  }
}
