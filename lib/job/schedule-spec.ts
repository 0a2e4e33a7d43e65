import type { Duration } from './checks.js';
import type { DefaultJobs, TypeOf } from './job.js';
import type { EnqueueOptions } from './job-options.js';

/** What happens at a slot while an earlier job of the schedule waits or runs; see {@link ScheduleTimes.overlap}. */
export type Overlap = 'skip' | 'queue' | 'cancel' | 'allow';

/** Which slots that passed while no worker ran are made up for; see {@link ScheduleTimes.catchUp}. */
export type CatchUp = 'last' | 'all';

/**
 * A recurring job: what is enqueued, and when. It needs either `cron` or `every`. Each time at which it is due is a slot.
 *
 * @example
 * const nightly: ScheduleSpec = { type: 'backup', cron: '30 2 * * *', timezone: 'Europe/Berlin' };
 */
export type ScheduleSpec<Jobs = DefaultJobs, T extends TypeOf<Jobs> = TypeOf<Jobs>> = {
  [K in T]: { /** The type of its jobs. */ type: K } & ScheduledPayload<Jobs[K]> & ScheduleTimes;
}[T];

/** The payload of a schedule's jobs. It may be left out if its type allows undefined. */
type ScheduledPayload<Payload> = undefined extends Payload ? { payload?: Payload } : { payload: Payload };

/** When a schedule is due, and how its jobs run; see {@link ScheduleSpec}. */
export interface ScheduleTimes {
  /**
   * A cron expression: minute, hour, day of the month, month, day of the week; or `@hourly`, `@daily`, `@midnight`,
   * `@weekly`, `@monthly`, `@yearly`. Names, lists, ranges and steps work, and so do `L`, `W` and `#`. If both days are
   * restricted, either is enough.
   */
  cron?: string | undefined;
  /** Instead of `cron`: the time between two slots, in whole seconds. They are counted from `startAt`, otherwise from 1970. */
  every?: Duration | undefined;
  /** The IANA time zone of `cron`. Default `'UTC'`. */
  timezone?: string | undefined;
  /**
   * What comes of slots that passed while no worker ran: `'last'` makes up for the last one, `'all'` for each, up to
   * 100 in a commit. Default `'last'`.
   */
  catchUp?: CatchUp | undefined;
  /** Slots older than this are passed over. Default: no limit with `'last'`, `'1d'` with `'all'`. */
  catchUpWithin?: Duration | undefined;
  /**
   * What happens at a slot while an earlier job of the schedule waits or runs: the slot is skipped (`'skip'`), its job
   * waits for the end of the earlier ones (`'queue'`), the earlier ones are cancelled (`'cancel'`), or all run
   * (`'allow'`). Default `'skip'`.
   */
  overlap?: Overlap | undefined;
  /**
   * Each job starts up to so much later than its slot, to spread load. How much depends only on the name and the slot.
   * Default 0.
   */
  jitter?: Duration | undefined;
  /** No slot comes before this time. Default: none. */
  startAt?: Date | string | number | undefined;
  /** No slot comes after this time. Default: none. */
  endAt?: Date | string | number | undefined;
  /** Options of its jobs. */
  options?: Pick<EnqueueOptions, 'priority' | 'maxAttempts' | 'timeout' | 'group' | 'meta'> | undefined;
}

/** A schedule as it was when read. */
export interface Schedule {
  readonly name: string;
  /** The id of its row. */
  readonly id: string;
  /** What was declared, with times as Dates and durations in ms. */
  readonly spec: ScheduleSpec;
  /** The next slot; undefined if there is none: it is paused, or past its end. */
  readonly nextRun: Date | undefined;
  /** The slot that was dealt with last. */
  readonly lastSlot: Date | undefined;
  /** The job of that slot; undefined if the slot was skipped. */
  readonly lastJob: string | undefined;
  /** Why that slot has no job: an earlier job of the schedule was not over, or the slot was older than `catchUpWithin`. */
  readonly skipped: 'overlap' | 'late' | undefined;
  /** How many jobs it has made, those by hand not counted. */
  readonly fired: number;
  readonly paused: boolean;
}

/** When a schedule is due, and what a slot comes to: a checked {@link ScheduleSpec}. Times and durations in ms. */
export interface Recurrence {
  readonly cron: string | undefined;
  readonly every: number | undefined;
  readonly timezone: string;
  readonly catchUp: CatchUp;
  readonly catchUpWithin: number;
  readonly overlap: Overlap;
  readonly jitter: number;
  readonly startAt: number | undefined;
  readonly endAt: number | undefined;
}
