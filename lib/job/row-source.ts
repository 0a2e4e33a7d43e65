import type { Job } from './job.js';

/** What became of jobs since the last read. */
export interface NewRows {
  /** True if these are all jobs: what was read before no longer counts. */
  readonly isWhole: boolean;
  /** The jobs as their newest rows say, in no order. They are read as they are asked for: ask before the next read. */
  readonly jobs: Iterable<Job>;
}

/**
 * What views read: each job whose newest row is new. A queue's engine implements it.
 *
 * @example
 * const rows = rowsOf(queue);
 * for (const { id, status } of (await rows.read()).jobs) board.set(id, status);
 */
export interface RowSource {
  /** Reads what is new. If it is all jobs, finished ones may be missing that were finished long ago. */
  read(): Promise<NewRows>;
  /** Ends it. */
  close(): void;
}
