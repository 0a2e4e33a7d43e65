import { type Clock, isWithin } from '../job/clock.js';
import type { Attempt } from './attempt.js';
import { type Death, type Ending, meaningOf, timedOut } from './ending.js';
import type { ServedType, ServedTypes } from './served-types.js';

/** How long handlers that return at once run before other callbacks get their turn. */
const SLICE_MS = 10;
/** How long handlers have to end by themselves after the abort at shutdown. */
const LAST_WORDS_MS = 1_000;
/** A job that takes longer than this delays the jobs claimed after it. */
const STUCK_MS = 1_000;

/** The options and functions that an {@link Executor} needs. */
export interface ExecutorRules<A extends Attempt> {
  readonly clock: Clock;
  readonly types: ServedTypes;
  /** How many handlers run at a time. */
  readonly concurrency: number;
  /** How long an aborted handler has to end, in ms. */
  readonly grace: number;
  /** The ids of jobs whose handlers run in this process. The executor adds and deletes its own. */
  readonly runningHere: Set<string>;
  /** Hears that a handler was called, or that its time is up. */
  readonly tell: (event: 'started' | 'timed_out', attempt: A) => void;
  /** Receives each attempt that ended, once. */
  readonly onEnd: (attempt: A, ending: Ending) => void;
}

/** Runs the handlers of claimed jobs, `concurrency` at a time. */
export class Executor<A extends Attempt> {
  /** The attempts whose handlers run. */
  readonly running: Set<A> = new Set();
  readonly #rules: ExecutorRules<A>;
  #waiting: A[] = [];
  #next = 0;
  #sliceEnds = 0;
  #isYielding = false;
  /** When an attempt last ended, or was added to an idle executor. */
  #lastTurn: number;
  /** Since when attempts run or wait; `#busy` is the sum of earlier such times, in ms. */
  #busySince: number | undefined;
  #busy = 0;

  constructor(rules: ExecutorRules<A>) {
    this.#rules = rules;
    this.#lastTurn = rules.clock.now();
  }

  /** The number of attempts not started. */
  get waiting(): number {
    return this.#waiting.length - this.#next;
  }

  /**
   * How many attempts with a limit may be added: those that start next. A limit counts an attempt from its claim, so
   * that none is to wait behind others.
   */
  get mostLimited(): number {
    const { types, concurrency } = this.#rules;
    const isLimited = ({ type }: A): boolean => types.limitsOf(type) !== undefined;
    const waiting = types.hasLimits ? this.#waiting.slice(this.#next).filter(isLimited).length : 0;
    return Math.max(1, concurrency - this.running.size) - waiting;
  }

  /** Adds attempts. {@link startWaiting} starts them, those with a limit first. */
  add(attempts: readonly A[]): void {
    if (attempts.length === 0) return;
    const now = this.#rules.clock.now();
    if (this.isIdle) this.#lastTurn = now;
    this.#busySince ??= now;
    const waiting = this.#waiting.slice(this.#next).concat(attempts);
    const { types } = this.#rules;
    const byLimit = (isLimited: boolean): A[] =>
      waiting.filter(({ type }) => (types.limitsOf(type) !== undefined) === isLimited);
    this.#waiting = types.hasLimits ? [...byLimit(true), ...byLimit(false)] : waiting;
    this.#next = 0;
  }

  /** Returns for how many ms attempts ran or waited since the last call. */
  takeBusyTime(): number {
    const now = this.#rules.clock.now();
    const busy = this.#busy + (now - (this.#busySince ?? now));
    this.#busy = 0;
    if (this.#busySince !== undefined) this.#busySince = now;
    // The clock may have been set back.
    return Math.max(busy, 0);
  }

  /** Yields every attempt that has not ended. */
  *attempts(): IterableIterator<A> {
    yield* this.running;
    for (let i = this.#next; i < this.#waiting.length; i++) yield this.#waiting[i] as A;
  }

  /** True if attempts wait, and no running attempt has ended for a second. */
  isStuck(now: number): boolean {
    return this.waiting > 0 && !isWithin(STUCK_MS, this.#lastTurn, now);
  }

  /** Releases the attempts that are not started. */
  releaseWaiting(): void {
    const waiting = this.#waiting.slice(this.#next);
    this.#waiting = [];
    this.#next = 0;
    for (const attempt of waiting) this.#end(attempt, { how: 'released' });
  }

  /** Gives handlers the grace time, aborts the rest, and releases the attempts that still don't end. */
  shutDown(): void {
    const { clock, grace } = this.#rules;
    this.releaseWaiting();
    clock.later(grace, () => {
      for (const attempt of this.running) attempt.stop('shutdown');
      clock.later(Math.min(LAST_WORDS_MS, grace), () => {
        for (const attempt of this.running) this.#end(attempt, { how: 'released' });
      });
    });
  }

  /** Tells running handlers to stop, and doesn't wait, because their outcome can't be recorded. */
  letGo(): void {
    this.#waiting = [];
    this.#next = 0;
    for (const attempt of this.running) {
      attempt.stop('shutdown');
      attempt.cancelTimer?.();
    }
  }

  /** Ends running attempts by the exception that ends the process. Aborts nothing: handlers might throw again. */
  abandon({ error, others }: Death): void {
    this.releaseWaiting();
    for (const attempt of this.running) {
      this.#end(
        attempt,
        others > 0 ? { how: 'died', error, others } : { how: 'threw', error, isUncaught: true },
      );
    }
  }

  /** True if no attempt runs or waits. */
  get isIdle(): boolean {
    return this.running.size === 0 && this.waiting === 0;
  }

  /** Starts handlers until `concurrency` run. From then on, each ending starts the next. */
  startWaiting(): void {
    while (this.running.size < this.#rules.concurrency && this.waiting > 0 && !this.#isYielding) {
      const now = this.#rules.clock.now();
      if (now >= this.#sliceEnds) {
        this.#isYielding = true;
        setImmediate(() => {
          this.#isYielding = false;
          this.#sliceEnds = this.#rules.clock.now() + SLICE_MS;
          this.startWaiting();
        });
        return;
      }
      const attempt = this.#waiting[this.#next++] as A;
      // The job was cancelled after the claim.
      if (attempt.stopped === 'cancelled') this.#end(attempt, { how: 'released' });
      else this.#start(attempt, now);
    }
  }

  #start(attempt: A, now: number): void {
    attempt.startedAt = now;
    this.#rules.tell('started', attempt);
    let value: unknown;
    let isPending: boolean;
    try {
      const { handler } = this.#rules.types.get(attempt.type) as ServedType;
      value = attempt.run(handler);
      isPending = isThenable(value);
    } catch (error) {
      this.#end(attempt, { how: 'threw', error });
      return;
    }
    if (!isPending) {
      this.#end(attempt, { how: 'returned', value });
      return;
    }
    const { runningHere } = this.#rules;
    this.running.add(attempt);
    runningHere.add(attempt.id);
    this.#limit(attempt);
    const settle = (ending: Ending): void => {
      runningHere.delete(attempt.id);
      this.#end(attempt, ending);
      this.startWaiting();
    };
    attempt.fallAsleep = (until) => {
      settle({ how: 'slept', until });
      attempt.stop('sleep');
    };
    // Not Promise.resolve, because it reads the promise's constructor, which may throw.
    new Promise((resolve) => resolve(value)).then(
      (result: unknown) => settle({ how: 'returned', value: result }),
      (error: unknown) => settle({ how: 'threw', error }),
    );
  }

  /** Aborts the attempt when its time is up. It is recorded as failed if its handler ignores that for `grace`. */
  #limit(attempt: A): void {
    const { clock, grace } = this.#rules;
    const ignored = (): void => {
      const error = timedOut(attempt.timeLimit, 'ignored its abort');
      this.#end(attempt, { how: 'threw', error, goesOn: true });
      this.startWaiting();
    };
    const abort = (): void => {
      attempt.stop('timeout');
      this.#rules.tell('timed_out', attempt);
      attempt.cancelTimer = clock.later(grace, ignored, true);
    };
    attempt.cancelTimer = clock.later(attempt.timeLimit, abort, true);
  }

  #end(attempt: A, ending: Ending): void {
    // The attempt was already recorded.
    if (attempt.endedAt !== undefined) return;
    const now = this.#rules.clock.now();
    const known = meaningOf(ending, attempt, now);
    attempt.endedAt = now;
    attempt.cancelTimer?.();
    this.running.delete(attempt);
    this.#lastTurn = now;
    if (this.isIdle) {
      this.#busy += now - (this.#busySince ?? now);
      this.#busySince = undefined;
    }
    this.#rules.onEnd(attempt, known);
  }
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
  typeof (value as { then?: unknown }).then === 'function';
