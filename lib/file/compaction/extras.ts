import type { Layout } from '../format/layout.js';
import type { JobIndex } from '../index/job-index.js';

/** New jobs that a compaction writes into the new file. So either all of them are added, or none. */
export interface Additions {
  /** The most bytes that they take. */
  readonly bytes: number;
  /** Yields their rows as lines, in pieces, for a file with these columns. @param index the old file's index */
  lines(index: JobIndex, layout: Layout): AsyncIterable<Buffer>;
}

/** What a compaction does besides rewriting the file. */
export interface Extras {
  readonly additions?: Additions | undefined;
  /** True to move lines that don't count to a file next to the queue; see {@link AsideFile}. */
  readonly aside?: AsideRule | undefined;
}

/** Which lines are moved aside. */
export interface AsideRule {
  /** True to move also lines that hold a job, which then goes on as its last readable row says. */
  readonly includesHeld: boolean;
}
