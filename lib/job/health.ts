/** A pause, as far as a view needs it. */
interface PauseFacts {
  /** A job type, or `*` for all. */
  readonly type: string;
  readonly since: Date;
  readonly until: Date | undefined;
  readonly by: string | undefined;
}

/** What is known of a queue besides its jobs: its worker, and what may keep jobs from running. */
export interface Health {
  /** The queue's file. */
  readonly file: string;
  /** The size of the file. */
  readonly bytes: number;
  /** When a worker last looked at the queue; undefined if never. */
  readonly lastTick: Date | undefined;
  /** Types for which the last worker had no handler. */
  readonly unhandled: readonly string[];
  /** When a worker had to leave due jobs, because `maxWorkers` others were at work; undefined if not lately. */
  readonly crowdedOutAt: Date | undefined;
  /** When a worker started no jobs, because the disk had less room than `minFree`; undefined if not lately. */
  readonly shortOfRoom: { readonly at: Date; readonly free: number; readonly minFree: number } | undefined;
  /** Types that have used up their rate, wholly or in part. */
  readonly limitedTypes: readonly string[];
  readonly pauses: readonly PauseFacts[];
  /** Why this process may not change the queue; undefined if it may. */
  readonly obstacle: string | undefined;
  /** The number of lines that can't be read, and of jobs that are held because of them. */
  readonly unreadable: number;
  readonly held: number;
  /** The number of jobs with a time that a wrong clock gave them. */
  readonly ahead: number;
  /** The number of jobs that dead workers left, and none took back for a while. */
  readonly orphaned: number;
  /** Other problems, each a sentence for people. */
  readonly others: readonly string[];
}
