import { isFinal, type Status } from '../../job/job.js';
import type { Retention } from '../../job/retention.js';
import type { LineKind } from '../format/line.js';
import { mayBeDropped } from './purge.js';

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
      /** True if a purge takes it out of the file. */
      readonly isPurged: boolean;
      /** True if the job is finished, and callers no longer see it. */
      readonly isForgotten: boolean;
    };

/** The rules by which finished jobs leave the file. */
export interface LeavingRules {
  /** The time of the compaction, in ms. */
  readonly now: number;
  readonly retention: Retention;
  /** False if jobs past their retention time are dropped. */
  readonly archive: boolean;
}

/**
 * Where a compaction puts a line.
 *
 * - `drop`: nowhere, because it no longer counts, or is not to be kept
 * - `sealed`: among the finished jobs, with which the new file begins
 * - `open`: in the open part, which comes after them
 * - `archive`: in the archive of its month
 * - `aside`: in the new file as a comment, so that nothing a person left there is lost
 */
export type Destination = 'drop' | 'sealed' | 'open' | 'archive' | 'aside';

/** Decides where a line goes. */
export function destinationOf(line: OldLine, { now, retention, archive }: LeavingRules): Destination {
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
      if (line.isHeld) return 'open';
      if (line.isPurged) return 'drop';
      if (!isFinal(line.status)) return 'open';
      // The sealed part has none, so that its jobs are counted without a look at each.
      if (line.isForgotten) return mayBeDropped(line.finishedAt, now) ? 'drop' : 'open';
      if (!(line.finishedAt < now - retention[line.status])) return 'sealed';
      if (archive) return 'archive';
      return mayBeDropped(line.finishedAt, now) ? 'drop' : 'sealed';
  }
}
