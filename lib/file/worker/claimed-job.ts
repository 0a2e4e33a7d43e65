import { PermanentError, TsvqError } from '../../job/errors.js';
import type { Job } from '../../job/job.js';
import { Attempt, type EnqueueFollowUp } from '../../runner/attempt.js';
import { followUpId } from '../format/derived-id.js';
import { encodeFollowUps, type FollowUp } from '../format/follow-ups.js';
import { parseJson } from '../format/parse-json.js';
import type { StoredJob } from '../format/stored-job.js';
import { checkFollowUp, type NewJobRules } from '../operations/new-job.js';

/** The most bytes of a job's follow-ups. The completion's row has all of them in one column. */
const MOST_FOLLOW_UPS = 128 * 1024 * 1024;

/** The list that all jobs without follow-ups share. */
const NONE: FollowUp[] = [];

/** A job that this worker has claimed: one attempt, from its claim to its ending. */
export class ClaimedJob extends Attempt {
  override readonly id: string;
  override readonly type: string;
  readonly attempts: number;
  /** The version of the claim's row. */
  readonly version: number;
  /** The row that claims the job. */
  readonly claim: StoredJob;
  /** True if the job may have killed its last worker. Then it runs alone. */
  readonly isLone: boolean;
  followUps: FollowUp[] = NONE;
  /** True if a follow-up has a key, so that it may be a duplicate. */
  hasKeyedFollowUps = false;
  readonly #now: () => number;
  readonly #newJobRules: NewJobRules;
  #followUpBytes = 0;
  #job: Job | undefined;

  constructor(claim: StoredJob, isLone: boolean, now: () => number, newJobRules: NewJobRules) {
    super();
    this.claim = claim;
    claim.release();
    this.id = claim.id;
    this.type = claim.type;
    this.attempts = claim.attempts;
    this.version = claim.version;
    this.isLone = isLone;
    this.#now = now;
    this.#newJobRules = newJobRules;
  }

  override get timeLimit(): number {
    return this.claim.claimTimeout ?? 0;
  }

  override get job(): Job {
    this.#job ??= this.claim.toJob();
    return this.#job;
  }

  override get enqueue(): EnqueueFollowUp {
    return (type, payload, options) => {
      if (this.endedAt !== undefined)
        throw new TsvqError('CLOSED', `job ${this.id} is over, so it can't enqueue any more`);
      const { fields, dedupe } = checkFollowUp({ type, payload, options }, this.#now(), this.#newJobRules);
      const bytes = this.#followUpBytes + Buffer.byteLength(encodeFollowUps([fields]));
      if (bytes > MOST_FOLLOW_UPS) {
        throw new TsvqError(
          'PAYLOAD_TOO_LARGE',
          `the follow-ups of job ${this.id} have more than ${MOST_FOLLOW_UPS} bytes together; ` +
            'let one of them enqueue the rest.',
        );
      }
      this.#followUpBytes = bytes;
      if (this.followUps === NONE) this.followUps = [];
      this.followUps.push(fields);
      if (dedupe !== undefined) {
        this.hasKeyedFollowUps = true;
        return undefined;
      }
      return followUpId(this.id, this.attempts, this.followUps.length - 1);
    };
  }

  /**
   * Returns the payload.
   *
   * @throws PermanentError if the payload isn't JSON after an edit, or has a number that JavaScript can't hold
   */
  override payload(): unknown {
    try {
      return parseJson(this.claim.payload, 'payload');
    } catch (cause) {
      if (cause instanceof TsvqError) throw new PermanentError(`in the file, ${cause.message}`);
      throw new PermanentError('the payload in the file is not JSON', { cause });
    }
  }
}
