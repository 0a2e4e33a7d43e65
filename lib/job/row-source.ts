import type { Health } from './health.js';
import type { Job, Status } from './job.js';
import type { JobState } from './job-event.js';
import type { Progress } from './progress.js';
import type { RecordedStep } from './step.js';

/** What a view keeps of a job, as its newest row says. Times in ms since 1970; NaN if there is none. */
export interface JobFacts {
  readonly status: Status;
  readonly type: string;
  /** Without those that don't count, because a person has retried the job, say. */
  readonly attempts: number;
  /** True for a failed job that a person has seen; see {@link Queue.dismissJob}. */
  readonly isDismissed: boolean;
  readonly createdAt: number;
  readonly runAt: number;
  readonly startedAt: number;
  readonly finishedAt: number;
  /** The job's last error; empty if there is none. */
  readonly error: string;
}

/** What a {@link RowSource} tells. */
export interface RowSink {
  /** All that was told before no longer counts. */
  reset(): void;
  /** A job is new, or its newest row is. The facts may only be read during the call. @param key stays the job's until a reset */
  put(key: number, facts: JobFacts): void;
  /** A job is forgotten. It may not have been told before. */
  drop(key: number): void;
}

/** The jobs whose rows have a text. */
export interface Found {
  /** In no particular order. */
  readonly keys: readonly number[];
  /** True if there may be more, because the search stopped at its limit. These keys then are of the newest rows. */
  readonly hasMore: boolean;
}

/** A job as one of its rows has it. */
export type JobVersion = Job & JobState;

/** The end of a job that is in the archive by now. Times in ms since 1970; NaN if there is none. */
export type ArchivedEnd = Pick<JobFacts, 'type' | 'status' | 'startedAt' | 'finishedAt'>;

/** What a queue says of the jobs around one, which decides when it starts. Times in ms. */
export interface JobSurroundings {
  /** How many due jobs start before it. */
  readonly ahead: number;
  /** How many jobs of its type run. */
  readonly runningOfType: number;
  /** Until when its type or group waits for its rate at the latest; undefined if it doesn't. */
  readonly rateUntil: Date | undefined;
  /** True if an unreadable line has its id. */
  readonly isHeld: boolean;
  /** When another worker takes it back although its own may live; undefined if it doesn't run. */
  readonly overdueAt: number | undefined;
}

/**
 * The source of a view's jobs: it tells its sink of each job whose newest row is new. A queue's engine implements it.
 *
 * @example
 * const rows = rowsOf(queue, board);
 * await rows.read();
 * console.log(board.size);
 */
export interface RowSource {
  /** Reads what is new, and tells the sink. */
  read(): Promise<void>;
  /** False while the sink knows only some of the jobs: another file has taken the place of the one before. */
  readonly isWhole: boolean;
  /** Returns jobs by their keys, as they are now; undefined for one that has changed since the last {@link read}. */
  jobs(keys: readonly number[]): (Job | undefined)[];
  /** Returns a job's key by its id; undefined if there is no such job. */
  keyOf(id: string): number | undefined;
  /**
   * Finds jobs whose id, type, payload, error, result, key, group or labels have a text, upper and lower case apart.
   *
   * @param limit how many jobs it finds at most
   */
  search(text: string, limit: number): Promise<Found>;
  /**
   * Returns a job as each of its rows has it that is still there, by version; none for a schedule. It may read the
   * whole file.
   */
  history(id: string): Promise<readonly JobVersion[]>;
  /** Returns the steps of a job that are recorded, in their order. */
  steps(id: string): Promise<readonly RecordedStep[]>;
  /** Finds archived jobs that ended after a time, by id. @param since in ms since 1970 */
  archivedEnds(since: number): Promise<Map<string, ArchivedEnd>>;
  /** Returns what the running attempt of a job has said last of how far it is; undefined if it has said nothing. */
  progress(job: Job): Progress | undefined;
  /** Returns the newest lines of a job's log; '' if there is none. @param bytes how many bytes at most */
  log(id: string, bytes: number): Promise<string>;
  /** Looks at the jobs around one. */
  surroundings(job: Job): Promise<JobSurroundings>;
  /** Gathers what is known besides the jobs. @param patience after how long a dead worker's job counts as left, in ms */
  health(patience: number): Promise<Health>;
  /** Says if a worker lives, by its name in a job; undefined if that can't be told from here. */
  isAlive(worker: string): boolean | undefined;
  /** Closes the source. */
  close(): void;
}
