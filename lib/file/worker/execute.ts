import type { Clock } from '../../job/clock.js';
import { errorMessage, isInstance } from '../../job/errors.js';
import type { ResolvedWorkerOptions } from '../../job/options.js';
import type { Handler } from '../../runner/handler.js';
import { jobsRunningHere } from '../lock/running-here.js';
import type { Store } from '../store.js';
import type { Attempt } from './attempt.js';
import { type Death, decides, type Ending, type FailureRules, judge, type Verdict } from './outcome.js';

/** How long handlers that return at once run before other callbacks get their turn. */
const SLICE_MS = 10;
/** How long handlers have to end by themselves after the abort at shutdown. */
const LAST_WORDS_MS = 1000;

/** Runs the handlers of claimed jobs, `concurrency` at a time. */
export class Executor {
  /** Attempts whose handler runs. */
  readonly running: Set<Attempt> = new Set();
  readonly #clock: Clock;
  readonly #underWay: Set<string>;
  readonly #handlers: ReadonlyMap<string, Handler>;
  readonly #options: ResolvedWorkerOptions;
  readonly #rules: FailureRules;
  readonly #onEnd: (attempt: Attempt, verdict: Verdict) => void;
  #waiting: Attempt[] = [];
  #next = 0;
  #sliceEnds = 0;
  #yielding = false;
  /** Since when there was always something to run; and the sum of earlier such times. */
  #busySince: number | undefined;
  #busy = 0;

  /** @param onEnd receives each attempt that ended */
  constructor(
    store: Store,
    handlers: ReadonlyMap<string, Handler>,
    options: ResolvedWorkerOptions,
    rules: FailureRules,
    onEnd: (attempt: Attempt, verdict: Verdict) => void,
  ) {
    this.#clock = store.clock;
    this.#underWay = jobsRunningHere(store);
    this.#handlers = handlers;
    this.#options = options;
    this.#rules = rules;
    this.#onEnd = onEnd;
  }

  /** The number of attempts not started. */
  get waiting(): number {
    return this.#waiting.length - this.#next;
  }

  /** True if nothing runs and nothing waits. */
  get isIdle(): boolean {
    return this.running.size === 0 && this.waiting === 0;
  }

  add(attempts: readonly Attempt[]): void {
    if (attempts.length > 0) this.#busySince ??= this.#clock.now();
    this.#waiting = this.#waiting.slice(this.#next).concat(attempts);
    this.#next = 0;
  }

  /** Starts handlers while there is room. @param goOn called later if it stopped for other callbacks */
  startWaiting(goOn: () => void): void {
    while (this.running.size < this.#options.concurrency && this.waiting > 0 && !this.#yielding) {
      const now = this.#clock.now();
      if (now >= this.#sliceEnds) {
        this.#yielding = true;
        setImmediate(() => {
          this.#yielding = false;
          this.#sliceEnds = this.#clock.now() + SLICE_MS;
          goOn();
        });
        return;
      }
      const attempt = this.#waiting[this.#next++] as Attempt;
      // Cancelled after the claim.
      if (attempt.stopped === 'cancelled') this.#end(attempt, { how: 'released' });
      else this.#start(attempt, now);
    }
  }

  /** Returns for how many ms there was something to run since the last call. */
  takeBusyTime(): number {
    const now = this.#clock.now();
    const busy = this.#busy + (now - (this.#busySince ?? now));
    this.#busy = 0;
    if (this.#busySince !== undefined) this.#busySince = now;
    // The clock may have been set back.
    return Math.max(busy, 0);
  }

  /** Yields every attempt that has not ended. */
  *attempts(): IterableIterator<Attempt> {
    yield* this.running;
    for (let i = this.#next; i < this.#waiting.length; i++) yield this.#waiting[i] as Attempt;
  }

  /** Releases jobs that are not started. */
  releaseWaiting(): void {
    const waiting = this.#waiting.slice(this.#next);
    this.#waiting = [];
    this.#next = 0;
    for (const attempt of waiting) this.#end(attempt, { how: 'released' });
  }

  /** Gives handlers the grace time, aborts the rest, and releases what still doesn't end. */
  shutDown(): void {
    this.releaseWaiting();
    this.#clock.later(this.#options.grace, () => {
      for (const attempt of this.running) attempt.stop('shutdown');
      const last = Math.min(LAST_WORDS_MS, this.#options.grace);
      this.#clock.later(last, () => {
        for (const attempt of this.running) this.#end(attempt, { how: 'released' });
      });
    });
  }

  /** Tells running handlers to stop, without waiting, because their outcome can't be recorded. */
  letGo(): void {
    for (const attempt of this.running) {
      attempt.stop('shutdown');
      attempt.cancelTimer?.();
    }
  }

  /** Ends running attempts by the exception that ends the process. No abort: handlers might throw again. */
  abandon({ error, others }: Death): void {
    this.releaseWaiting();
    for (const attempt of this.running) {
      this.#end(
        attempt,
        others > 0 ? { how: 'died', error, others } : { how: 'threw', error, isUncaught: true },
      );
    }
  }

  #start(attempt: Attempt, now: number): void {
    attempt.startedAt = now;
    let value: unknown;
    let pending: boolean;
    try {
      const handler = this.#handlers.get(attempt.type) as Handler;
      value = handler(attempt.payload(), attempt.context());
      pending = isThenable(value);
    } catch (error) {
      this.#end(attempt, { how: 'threw', error });
      return;
    }
    if (!pending) {
      this.#end(attempt, { how: 'returned', value });
      return;
    }
    this.running.add(attempt);
    this.#underWay.add(attempt.id);
    this.#limit(attempt);
    const settle = (ending: Ending): void => {
      this.#underWay.delete(attempt.id);
      this.#end(attempt, ending);
    };
    // Not Promise.resolve: it reads the promise's constructor, and nothing here catches.
    new Promise((resolve) => resolve(value)).then(
      (result: unknown) => settle({ how: 'returned', value: result }),
      (error: unknown) => settle({ how: 'threw', error }),
    );
  }

  /** Aborts the attempt when its time is up; if ignored for the grace time, it is recorded as failed. */
  #limit(attempt: Attempt): void {
    const limit = attempt.claim.claimTimeout ?? 0;
    attempt.cancelTimer = this.#clock.later(
      limit,
      () => {
        attempt.stop('timeout');
        attempt.cancelTimer = this.#clock.later(
          this.#options.grace,
          () => {
            this.#end(attempt, { how: 'threw', error: timedOut(limit, 'ignored its abort'), goesOn: true });
          },
          true,
        );
      },
      true,
    );
  }

  #end(attempt: Attempt, ending: Ending): void {
    // It was already recorded.
    if (attempt.endedAt !== undefined) return;
    let known = ending;
    if (ending.how === 'threw' && (ending.isUncaught || !decides(ending.error))) {
      // A cancelled job's outcome is not recorded, unless the file says it is not cancelled.
      if (attempt.stopped === 'shutdown' || attempt.stopped === 'cancelled') known = { how: 'released' };
      else if (attempt.stopped === 'timeout' && !isInstance(TimeLimitError, ending.error)) {
        known = { ...ending, error: timedOut(this.#clock.now() - (attempt.startedAt ?? 0), ending.error) };
      }
    }
    const now = this.#clock.now();
    attempt.endedAt = now;
    attempt.cancelTimer?.();
    this.running.delete(attempt);
    if (this.isIdle) {
      this.#busy += now - (this.#busySince ?? now);
      this.#busySince = undefined;
    }
    this.#onEnd(attempt, judge(attempt, known, now, this.#rules));
  }
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
  typeof (value as { then?: unknown }).then === 'function';

class TimeLimitError extends Error {
  override readonly name = 'TimeLimitError';
}

function timedOut(ms: number, cause: unknown): TimeLimitError {
  const why = errorMessage(cause);
  return new TimeLimitError(`stopped after ${Math.round(ms)} ms, its time limit: ${why}`, { cause });
}
