import { isFinal, type Status } from '../../job/job.js';
import type { LineKind } from '../format/line.js';

/**
 * A line of the old file.
 *
 * - `superseded`: a row that another supersedes, but that isn't struck yet
 * - `duplicate`: a row with the id and version of an earlier one
 * - `obsolete`: a comment that an earlier compaction made, or that power loss left of a strike
 * - `newest`: its job's newest row
 */
export type OldLine =
  | { readonly kind: Exclude<LineKind, 'row'> | 'superseded' | 'duplicate' | 'obsolete' }
  | {
      readonly kind: 'newest';
      readonly status: Status;
      readonly isHeld: boolean;
      /** In ms; NaN if unreadable. */
      readonly finishedAt: number;
    };

/**
 * Where a compaction puts a line.
 *
 * - `drop`: nowhere, because it no longer counts
 * - `sealed`: among the finished jobs, with which the new file begins
 * - `open`: in the open part, which comes after them
 * - `archive`: in the archive of its month
 * - `aside`: in the new file as a comment, so that nothing a person left there is lost
 */
export type Destination = 'drop' | 'sealed' | 'open' | 'archive' | 'aside';

/** Decides where a line goes. @param oldest jobs that finished before this time, in ms, are archived */
export function destinationOf(line: OldLine, oldest: number): Destination {
  switch (line.kind) {
    case 'struck':
    case 'superseded':
    case 'obsolete':
      return 'drop';
    case 'torn':
    case 'duplicate':
      return 'aside';
    case 'comment':
    case 'blank':
    case 'unreadable':
      return 'open';
    case 'newest':
      // A held job stays where workers look.
      if (!isFinal(line.status) || line.isHeld) return 'open';
      return line.finishedAt < oldest ? 'archive' : 'sealed';
  }
}
