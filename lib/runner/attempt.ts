import type { Duration, Instant } from '../job/checks.js';
import type { Job } from '../job/job.js';
import type { EnqueueOptions } from '../job/job-options.js';
import type { AttemptLog } from './attempt-log.js';
import type { Handler, HandlerContext } from './handler.js';
import type { Run, Steps } from './steps.js';

/** The reason why an attempt's signal was aborted. */
export type StopReason = 'cancelled' | 'timeout' | 'shutdown' | 'sleep';

/** Adds a follow-up of a job. @returns its id; undefined if it has a key, because it may be a duplicate */
export type EnqueueFollowUp = (
  type: string,
  payload?: unknown,
  options?: EnqueueOptions,
) => string | undefined;

/** The key under which a context keeps its attempt. */
const ATTEMPT = Symbol('attempt');

const getter = (get: (attempt: Attempt) => unknown): PropertyDescriptor => ({
  get(this: { readonly [ATTEMPT]: Attempt }) {
    return get(this[ATTEMPT]);
  },
  enumerable: true,
});

/**
 * The getters of all contexts, for what is costly to make. Getters for each context would prevent a shared V8 shape, at
 * several times the cost.
 */
const GETTERS: readonly (readonly [keyof HandlerContext, PropertyDescriptor])[] = [
  ['job', getter(({ job }) => job)],
  ['signal', getter(({ signal }) => signal)],
];

/** One attempt to run a job. Each kind of queue has a subclass, which knows where the job comes from. */
export abstract class Attempt {
  abstract readonly id: string;
  abstract readonly type: string;
  /** The job's time limit, in ms. */
  abstract readonly timeLimit: number;
  /** When the handler was called, in ms; undefined before. */
  startedAt: number | undefined;
  stopped: StopReason | undefined;
  /** Ends the attempt, because its job sleeps until a time, in ms. The executor sets it. */
  fallAsleep: ((until: number) => void) | undefined;
  /** Cancels the timer of the time limit. */
  cancelTimer: (() => void) | undefined;
  /** When the attempt ended, in ms. From then on its outcome is fixed, and its handler is ignored. */
  endedAt: number | undefined;
  #controller: AbortController | undefined;

  /** The job as it was claimed. */
  abstract get job(): Job;

  /** Adds a follow-up that is kept if this attempt completes. */
  abstract get enqueue(): EnqueueFollowUp;

  /** The steps of the job. */
  abstract get steps(): Steps;

  /** The log of the attempt. */
  abstract get log(): AttemptLog;

  /** Returns the job's payload. @throws PermanentError if the payload can't be read */
  abstract payload(): unknown;

  /** Calls the handler. @throws what it throws */
  run(handler: Handler): unknown {
    return handler(this.payload(), this.context());
  }

  /** Returns the handler's context. Its properties are its own, for copies. */
  context(): HandlerContext {
    const context = {
      enqueue: (...job: Parameters<EnqueueFollowUp>) => this.enqueue(...job),
      step: <R>(name: string, run: Run<R>) => this.steps.step(name, run),
      sleep: (time: Duration) => this.steps.sleep(time),
      sleepUntil: (at: Instant) => this.steps.sleepUntil(at),
      progress: (percent: number, message?: string) => this.log.progress(percent, message),
      log: (text: string) => this.log.log(text),
    };
    Object.defineProperty(context, ATTEMPT, { value: this });
    for (const [name, getter] of GETTERS) Object.defineProperty(context, name, getter);
    return context as unknown as HandlerContext;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.stopped) this.#controller.abort(stopError(this.stopped));
    }
    return this.#controller.signal;
  }

  /** Aborts the attempt's signal. The first reason stays. */
  stop(reason: StopReason): void {
    this.stopped ??= reason;
    this.#controller?.abort(stopError(this.stopped));
  }
}

const REASONS: Record<StopReason, string> = {
  cancelled: 'the job was cancelled',
  timeout: 'the time limit of the job has passed',
  shutdown: 'the worker is shutting down',
  sleep: 'the job sleeps, and a new attempt goes on with it later',
};

const stopError = (reason: StopReason): DOMException =>
  new DOMException(REASONS[reason], reason === 'timeout' ? 'TimeoutError' : 'AbortError');
