import type { LimitBy, Limits } from '../../job/limits.js';
import type { StoredJob } from '../format/stored-job.js';
import type { ClaimView } from './claim-view.js';

/**
 * A rule's answer for a due job: it starts; it starts if nothing else runs; the rule is asked again at the next pick;
 * or the job is left out until its row changes.
 */
export type Admission = 'start' | 'alone' | 'later' | 'skip';

/** A rule about all jobs of a type. `open` returns a function that is false if none of them may start now. */
export interface TypeRule {
  readonly name: string;
  open(view: ClaimView): (type: string) => boolean;
}

/** A rule about one job. `open` returns a function that answers for a job. */
export interface JobRule {
  readonly name: string;
  open(view: ClaimView): (job: StoredJob) => Admission;
}

/** The jobs that a limit counts together: those of a type, or of a group of a type. */
export interface Lane {
  readonly type: string;
  /** Empty for all jobs of the type. */
  readonly group: string;
}

/** The time of a start that depends on other jobs: the rule is asked again at the next pick. */
export const UNKNOWN: number = Number.POSITIVE_INFINITY;

/** A rule that counts the jobs of a lane. */
export interface LimitRule {
  readonly name: string;
  /** Returns what the limit of a type counts; undefined if the type has no such limit. */
  by(limits: Limits): LimitBy | undefined;
  /**
   * Returns a function that says when the next job of a lane may start, in ms since 1970: in the past if now, or
   * {@link UNKNOWN}. `starting` is how many jobs of the lane start with this look.
   */
  open(view: ClaimView): (lane: Lane, limits: Limits, starting: number) => number;
}
