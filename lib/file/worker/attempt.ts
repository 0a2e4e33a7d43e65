import { PermanentError, TsvqError } from '../../job/errors.js';
import type { Job } from '../../job/job.js';
import type { EnqueueOptions } from '../../job/job-options.js';
import type { HandlerContext } from '../../runner/handler.js';
import type { NewJobFields } from '../format/columns.js';
import { encodeFollowUps, followUpId } from '../format/follow-ups.js';
import { parseJson } from '../format/parse-json.js';
import type { StoredJob } from '../format/stored-job.js';
import { checkJob } from '../operations/enqueue.js';

/** Why an attempt's signal was aborted. */
export type StopReason = 'cancelled' | 'timeout' | 'shutdown';

/** The most bytes of follow-ups: the completion's row holds them too, in one field. */
const MOST_FOLLOW_UPS = 128 * 1024 * 1024;

/** The list that all attempts without follow-ups share. */
const NONE: NewJobFields[] = [];

/** The key under which a context keeps its attempt. */
const ATTEMPT = Symbol('attempt');

const getter = (get: (attempt: Attempt) => unknown): PropertyDescriptor => ({
  get(this: { readonly [ATTEMPT]: Attempt }) {
    return get(this[ATTEMPT]);
  },
  enumerable: true,
});

/** The getters of all contexts. Own ones would prevent a shared V8 shape, at several times the cost. */
const GETTERS: readonly (readonly [keyof HandlerContext, PropertyDescriptor])[] = [
  ['job', getter(({ job }) => job)],
  ['signal', getter(({ signal }) => signal)],
  ['enqueue', getter(({ enqueue }) => enqueue)],
];

/** One claimed job, from its claim row to its outcome. */
export class Attempt {
  readonly id: string;
  readonly type: string;
  readonly attempts: number;
  /** The claim's version. */
  readonly version: number;
  /** The row that claims it. */
  readonly claim: StoredJob;
  /** True if the job's last worker died with it: it runs alone. */
  readonly suspect: boolean;
  followUps: NewJobFields[] = NONE;
  /** When its handler was called, in ms; undefined before. */
  startedAt: number | undefined;
  stopped: StopReason | undefined;
  /** Cancels the timer of its time limit. */
  cancelTimer: (() => void) | undefined;
  /** When it ended, in ms. From then on its outcome is fixed, and what the handler does is ignored. */
  endedAt: number | undefined;
  readonly #now: () => number;
  readonly #maxPayload: number;
  #followUpBytes = 0;
  #controller: AbortController | undefined;
  #job: Job | undefined;

  constructor(claim: StoredJob, suspect: boolean, now: () => number, maxPayload: number) {
    this.claim = claim;
    claim.release();
    this.id = claim.id;
    this.type = claim.type;
    this.attempts = claim.attempts;
    this.version = claim.version;
    this.suspect = suspect;
    this.#now = now;
    this.#maxPayload = maxPayload;
  }

  /** Returns the handler's context: getters, as most handlers use none; own, so that copies have them. */
  context(): HandlerContext {
    const context = Object.defineProperty({}, ATTEMPT, { value: this });
    for (const [name, getter] of GETTERS) Object.defineProperty(context, name, getter);
    return context as HandlerContext;
  }

  get job(): Job {
    this.#job ??= this.claim.toJob();
    return this.#job;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.stopped) this.#controller.abort(stopError(this.stopped));
    }
    return this.#controller.signal;
  }

  get enqueue(): (type: string, payload?: unknown, options?: EnqueueOptions) => string {
    return (type, payload, options) => {
      if (this.endedAt !== undefined)
        throw new TsvqError('CLOSED', `job ${this.id} is over, so it can't enqueue any more`);
      const job = checkJob({ type, payload, options }, this.#now(), this.#maxPayload);
      const bytes = this.#followUpBytes + Buffer.byteLength(encodeFollowUps([job]));
      if (bytes > MOST_FOLLOW_UPS) {
        throw new TsvqError(
          'PAYLOAD_TOO_LARGE',
          `the follow-ups of job ${this.id} have more than ${MOST_FOLLOW_UPS} bytes together; ` +
            'let one of them enqueue the rest.',
        );
      }
      this.#followUpBytes = bytes;
      if (this.followUps === NONE) this.followUps = [];
      this.followUps.push(job);
      return followUpId(this.id, this.attempts, this.followUps.length - 1);
    };
  }

  /**
   * Returns the payload.
   *
   * @throws PermanentError if an edit or another program left no JSON, or a number that JavaScript can't hold
   */
  payload(): unknown {
    try {
      return parseJson(this.claim.payload, 'payload');
    } catch (cause) {
      if (cause instanceof TsvqError) throw new PermanentError(`in the file, ${cause.message}`);
      throw new PermanentError('the payload in the file is not JSON', { cause });
    }
  }

  stop(reason: StopReason): void {
    this.stopped ??= reason;
    this.#controller?.abort(stopError(this.stopped));
  }
}

const REASONS: Record<StopReason, string> = {
  cancelled: 'the job was cancelled',
  timeout: 'the time limit of the job has passed',
  shutdown: 'the worker is shutting down',
};

const stopError = (reason: StopReason): DOMException =>
  new DOMException(REASONS[reason], reason === 'timeout' ? 'TimeoutError' : 'AbortError');
