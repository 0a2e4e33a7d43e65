import type { Clock } from '../../job/clock.js';
import { errorMessage, isInstance } from '../../job/errors.js';
import type { ResolvedWorkerOptions } from '../../job/options.js';
import type { Handler } from '../../runner/handler.js';
import { jobsRunningHere } from '../lock/running-here.js';
import type { Store } from '../store.js';
import type { Attempt } from './attempt.js';
import { type Death, decides, type Ending, type FailureRules, judge, type Verdict } from './outcome.js';

/** Handlers that return at once run for so long before other callbacks get their turn. */
const SLICE_MS = 10;
/** After the abort at shutdown, handlers have so long to come to an end by themselves. */
const LAST_WORDS_MS = 1000;

/** Runs the handlers of claimed jobs, `concurrency` at a time. */
export class Executor {
  /** Handlers under way. */
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
  /** Since when there was always something to run, and how long that was the case before. */
  #busySince: number | undefined;
  #busy = 0;

  /** @param onEnd gets each attempt that is over */
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

  /** How many are claimed and not started. */
  get waiting(): number {
    return this.#waiting.length - this.#next;
  }

  /** Whether nothing runs, and nothing waits for it. */
  get isIdle(): boolean {
    return this.running.size === 0 && this.waiting === 0;
  }

  add(attempts: readonly Attempt[]): void {
    if (attempts.length > 0) this.#busySince ??= this.#clock.now();
    this.#waiting = this.#waiting.slice(this.#next).concat(attempts);
    this.#next = 0;
  }

  /** Starts handlers while there is room; @param goOn is called when it had to stop for other callbacks' sake. */
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
      // Cancelled since it was claimed.
      if (attempt.stopped === 'cancelled') this.#end(attempt, { how: 'released' });
      else this.#start(attempt, now);
    }
  }

  /** For how many ms there was something to run, since this was asked last. */
  takeBusyTime(): number {
    const now = this.#clock.now();
    const busy = this.#busy + (now - (this.#busySince ?? now));
    this.#busy = 0;
    if (this.#busySince !== undefined) this.#busySince = now;
    // The clock may have been set back.
    return Math.max(busy, 0);
  }

  /** Every attempt that is not over. */
  *attempts(): IterableIterator<Attempt> {
    yield* this.running;
    for (let i = this.#next; i < this.#waiting.length; i++) yield this.#waiting[i] as Attempt;
  }

  /** Gives back what is claimed and not started. */
  releaseWaiting(): void {
    const waiting = this.#waiting.slice(this.#next);
    this.#waiting = [];
    this.#next = 0;
    for (const attempt of waiting) this.#end(attempt, { how: 'released' });
  }

  /** Gives handlers the grace time, aborts the rest, and gives back what even then doesn't end. */
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

  /** Tells the handlers that run to stop, and waits for none: what comes of them can't be recorded. */
  letGo(): void {
    for (const attempt of this.running) {
      attempt.stop('shutdown');
      attempt.cancelTimer?.();
    }
  }

  /** Ends what runs by the exception that ends the process. Without an abort, by which handlers might throw more. */
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
    // Not Promise.resolve, which asks a promise for its constructor, here, where nobody catches.
    new Promise((resolve) => resolve(value)).then(
      (result: unknown) => settle({ how: 'returned', value: result }),
      (error: unknown) => settle({ how: 'threw', error }),
    );
  }

  /** Aborts the attempt when its time is up; one that ignores that for the grace time is recorded as failed. */
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
    // It was recorded without waiting for this.
    if (attempt.endedAt !== undefined) return;
    let known = ending;
    if (ending.how === 'threw' && (ending.isUncaught || !decides(ending.error))) {
      // Of a cancelled job nothing is recorded, unless the file says that it was none.
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
