import type { StoredJob } from '../format/stored-job.js';
import type { ClaimView } from './claim-view.js';

/**
 * What may become of a due job now: it starts, it starts if nothing else runs, it is asked about again at the next
 * look, or it is left out until its row changes.
 */
export type Admission = 'start' | 'alone' | 'later' | 'skip';

/** A rule about all jobs of a type: false if none may start now. */
export interface TypeRule {
  readonly name: string;
  open(view: ClaimView): (type: string) => boolean;
}

/** A rule about one job. */
export interface JobRule {
  readonly name: string;
  open(view: ClaimView): (job: StoredJob) => Admission;
}
