import { PermanentError, TsvqError } from '../../job/errors.js';
import type { Job } from '../../job/job.js';
import { callSafely } from '../../job/listeners.js';
import type { EndSpan } from '../../job/tracing.js';
import { Attempt, type EnqueueFollowUp } from '../../runner/attempt.js';
import type { AttemptLog } from '../../runner/attempt-log.js';
import type { Handler } from '../../runner/handler.js';
import { Steps } from '../../runner/steps.js';
import { followUpId } from '../format/derived-id.js';
import { encodeFollowUps, type FollowUp } from '../format/follow-ups.js';
import { parseJson } from '../format/parse-json.js';
import type { StoredJob } from '../format/stored-job.js';
import { checkFollowUp } from '../operations/new-job.js';
import { type AttemptTools, encodeResult } from './attempt-tools.js';

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
  readonly #tools: AttemptTools;
  #followUpBytes = 0;
  #job: Job | undefined;
  #steps: Steps | undefined;
  #log: AttemptLog | undefined;
  #endSpan: EndSpan | undefined;

  constructor(claim: StoredJob, isLone: boolean, tools: AttemptTools) {
    super();
    this.claim = claim;
    claim.release();
    this.id = claim.id;
    this.type = claim.type;
    this.attempts = claim.attempts;
    this.version = claim.version;
    this.isLone = isLone;
    this.#tools = tools;
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
      // The next attempt would not run the step again, and the follow-up would be lost.
      this.#steps?.assertOutside(`a follow-up of job ${this.id}`);
      const { now, rules } = this.#tools;
      const { fields, dedupe } = checkFollowUp({ type, payload, options }, now(), rules);
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

  override get steps(): Steps {
    const { now, rules, journal } = this.#tools;
    this.#steps ??= new Steps(this, {
      now,
      journal: journal(this.id),
      encode: (result, name) => encodeResult(result, name, rules),
    });
    return this.#steps;
  }

  override get log(): AttemptLog {
    if (this.#log === undefined) {
      this.#log = this.#tools.log(this.id, this.attempts);
      // A handler that goes on after its end is ignored.
      if (this.endedAt !== undefined) this.#log.end('');
    }
    return this.#log;
  }

  override run(handler: Handler): unknown {
    const { tracing } = this.#tools.rules;
    if (tracing === undefined) return super.run(handler);
    const { id, type, attempts: attempt } = this;
    const onEnd = (end: EndSpan): void => {
      this.#endSpan = end;
    };
    const carrier = this.claim.meta['@trace'];
    return tracing.running({ id, type, attempt, carrier }, onEnd, () => super.run(handler));
  }

  /**
   * Releases what the attempt holds. It is called at its end.
   *
   * @param how how it ended
   * @param error what was thrown; undefined if nothing was
   * @returns the job's newest progress as JSON text; undefined if the attempt has told none
   */
  finish(how: string, error: unknown): string | undefined {
    // A mistake of a tracer must not lose the outcome.
    callSafely(() => this.#endSpan?.(how, error));
    this.#steps?.close();
    this.#log?.end(how);
    return this.#log?.latest;
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
