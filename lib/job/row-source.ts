import type { Job } from './job.js';

/** The jobs that changed since the last read. */
export interface NewRows {
  /** True if these are all jobs, so that jobs read before no longer count. */
  readonly isWhole: boolean;
  /** The jobs as their newest rows say, in any order. They are read lazily: iterate before the next read. */
  readonly jobs: Iterable<Job>;
}

/**
 * The source of a view's jobs: it gives each job whose newest row is new. A queue's engine implements it.
 *
 * @example
 * const rows = rowsOf(queue);
 * for (const { id, status } of (await rows.read()).jobs) board.set(id, status);
 */
export interface RowSource {
  /** Reads the new rows. If the result is whole, jobs that finished long ago may be missing. */
  read(): Promise<NewRows>;
  /** Closes the source. */
  close(): void;
}
