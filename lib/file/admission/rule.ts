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
