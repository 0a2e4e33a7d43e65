import type { ServedTypes } from '../../runner/served-types.js';
import type { FollowUp } from '../format/follow-ups.js';
import { NO_ATTEMPT_NOTES } from '../format/meta.js';
import type { Change } from '../format/stored-job.js';
import type { NewJobRules } from '../operations/new-job.js';
import type { ClaimedJob } from './claimed-job.js';

/** A job's next state after an attempt, and the name of the ending in the log. */
export interface Verdict {
  readonly event: 'completed' | 'retried' | 'failed' | 'slept' | 'released';
  readonly change: Change;
  readonly error?: string;
  readonly runAt?: number;
  /** What was thrown; undefined if nothing was. */
  readonly thrown?: unknown;
  /** The jobs that the row carries. */
  readonly followUps?: readonly FollowUp[];
  /** A warning that the result was not kept, the backoff failed, or the handler goes on. */
  readonly warning?: string;
}

/** What a worker knows about failures. */
export interface FailureRules {
  readonly types: ServedTypes;
  /** The longest time that waits are forgiven, in ms. */
  readonly maxRetryAfter: number;
  readonly maxInterruptions: number;
  /** What new jobs are checked by. A result may be as large as a payload. */
  readonly newJob: NewJobRules;
}

/** Returns how many attempts are forgiven, how many count, and the limit. */
export function attemptsOf({ attempts, claim, type }: ClaimedJob, { types }: FailureRules) {
  const { forgiven } = claim;
  const limit = claim.maxAttempts ?? types.policyOf(type).maxAttempts;
  return { forgiven, used: attempts - forgiven, limit };
}

/** Returns the change that removes the queue's notes from `meta`, if there are any. */
export const forget = ({ claim }: ClaimedJob): Pick<Change, 'meta'> =>
  claim.row[claim.layout.at.meta] ? { meta: NO_ATTEMPT_NOTES } : {};
