import type { Backoff } from '../../job/backoff.js';
import { isWithin } from '../../job/clock.js';
import type { ResolvedWorkerOptions } from '../../job/options.js';
import type { Handler } from '../../runner/handler.js';
import { jobsRunningHere } from '../lock/running-here.js';
import type { Store } from '../store.js';
import { stands } from './claim.js';
import { CommitRetry } from './commit-retry.js';
import { DueQueue } from './due-queue.js';
import { Executor } from './execute.js';
import { Ledger } from './ledger.js';
import type { Death } from './outcome.js';
import { Prefetch } from './prefetch.js';
import { Watcher } from './watcher.js';
import type { WorkerEvents } from './worker-events.js';

const RESCUE_MS = 5_000;
/** What a worker does now and then: note the time and, if it stays, compact if it is worth it. */
const HOUSEKEEPING_MS = 30_000;
/** A job that takes longer than this holds up those claimed behind it: they are given back. */
const STUCK_MS = 1_000;
/** While too many others are at work, a worker that stays tries so often. */
const CROWDED_MS = 1_000;

/**
 * One worker, from its first look to its last commit: claims jobs, has them run, records what became of them. What
 * has ended and what is to be claimed next go into one commit, and while that is under way, handlers run.
 */
export class Run {
  readonly #store: Store;
  readonly #options: ResolvedWorkerOptions;
  readonly #events: WorkerEvents;
  readonly #executor: Executor;
  readonly #watcher: Watcher;
  /** The time to linger is over. */
  #lingered: boolean;
  readonly #ledger: Ledger;
  readonly #cleanUp: (() => void)[] = [];
  readonly #dueQueue: DueQueue;
  /** Handlers are being started or given back: an ending among them needs no pump of its own, one follows. */
  #pumping = false;
  /** A commit is under way; the next one waits for it. */
  #committing = false;
  /** It was told to stop: it claims nothing more. */
  #stopping = false;
  /** Its process ends in a moment: what can be left to others is. */
  #isDying = false;
  /** It came to its end, or can't go on: nothing begins any more. */
  #over = false;
  readonly #commitRetry: CommitRetry;
  #lastRescue = Number.NEGATIVE_INFINITY;
  #lastHousekeeping: number;
  /** When an attempt came to its end last, or the first after a pause was to begin. */
  #lastTurn: number;
  /** When too many others were at work to claim anything. */
  #lastCrowd = Number.NEGATIVE_INFINITY;
  readonly #pace: Prefetch = new Prefetch();
  #cancelWake: (() => void) | undefined;
  readonly #ended: Promise<void>;
  #resolve!: () => void;
  #reject!: (error: unknown) => void;

  constructor(
    store: Store,
    handlers: ReadonlyMap<string, Handler>,
    options: ResolvedWorkerOptions,
    backoff: Backoff,
    events: WorkerEvents,
  ) {
    this.#store = store;
    this.#options = options;
    this.#events = events;
    const owner = store.processes.self();
    const now = store.clock.now();
    this.#lingered = options.linger === 0;
    this.#commitRetry = new CommitRetry(store.clock);
    this.#lastTurn = now;
    this.#lastHousekeeping = now;
    const runningHere = jobsRunningHere(store);
    this.#dueQueue = new DueQueue(store, {
      owner,
      timeout: options.timeout,
      isBusy: (id) => runningHere.has(id),
      handles: (type) => handlers.has(type),
      onUnhandled: (type, jobs) => events.unhandled(type, jobs),
    });
    this.#watcher = new Watcher(store, () => this.#onWatch());
    const rules = { ...options, backoff, maxResult: store.options.maxPayload };
    this.#executor = new Executor(store, handlers, options, rules, (attempt, verdict) => {
      this.#pace.count();
      this.#dueQueue.refresh();
      this.#lastTurn = store.clock.now();
      this.#ledger.end(attempt, verdict);
      if (!this.#pumping) this.#pump();
    });
    this.#ledger = new Ledger(store, owner, options, events, this.#dueQueue, (attempts) => {
      if (this.#executor.isIdle) this.#lastTurn = store.clock.now();
      this.#executor.add(attempts);
      if (this.#stopping) this.#executor.releaseWaiting();
    });
    this.#ended = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Resolves when nothing is due and the time to linger is over, or when it was told to stop. */
  async untilDone(): Promise<void> {
    const { lock } = this.#store;
    try {
      lock.keepsDirectory = true;
      await this.#look();
      this.#listen();
      this.#pump();
      await this.#ended;
      if (!this.#isDying) await this.#ledger.compact(true);
    } finally {
      this.#over = true;
      this.#watcher.stop();
      this.#cancelWake?.();
      this.#commitRetry.endPause();
      for (const clean of this.#cleanUp) clean();
      this.#ledger.close();
      this.#dueQueue.close();
      lock.keepsDirectory = false;
      lock.tidy();
    }
  }

  // ---- looking ----

  #listen(): void {
    const { signal, maxTime, linger } = this.#options;
    const { clock } = this.#store;
    const stop = (): void => this.stop();
    if (maxTime < Number.POSITIVE_INFINITY) this.#cleanUp.push(clock.later(maxTime, stop));
    const leave = (): void => {
      this.#lingered = true;
      this.#commitRetry.endPause();
      this.#pump();
    };
    // A timer, since the clock may be set back meanwhile.
    if (linger > 0 && linger < Number.POSITIVE_INFINITY) this.#cleanUp.push(clock.later(linger, leave, true));
    signal?.addEventListener('abort', stop, { once: true });
    this.#cleanUp.push(() => signal?.removeEventListener('abort', stop));
    if (signal?.aborted) this.stop();
    this.#watcher.start(linger > 0);
  }

  /** Reads what is new in the file, without the lock, and sees which running jobs were cancelled. */
  async #look(): Promise<void> {
    const index = await this.#store.read('open');
    if (index === undefined) return this.#dueQueue.leave();
    // A later one it follows by itself, and this one may be an old one by now: others look as well.
    if (this.#dueQueue.index === undefined) this.#dueQueue.follow(index);
    if (this.#dueQueue.isStale) {
      await this.#store.forget();
      return this.#look();
    }
    if (index !== this.#dueQueue.index) return;
    for (const attempt of this.#executor.attempts()) {
      if (!stands(attempt, index, this.#store)) attempt.stop('cancelled');
    }
  }

  async #onWatch(): Promise<void> {
    const now = this.#store.clock.now();
    if (this.#executor.waiting > 0 && !isWithin(STUCK_MS, this.#lastTurn, now)) {
      this.#pumping = true;
      this.#executor.releaseWaiting();
      this.#pumping = false;
      // Those that were given back came to no end.
      this.#pace.forget();
    }
    try {
      await this.#look();
      if (!isWithin(HOUSEKEEPING_MS, this.#lastHousekeeping, now)) {
        this.#lastHousekeeping = now;
        this.#events.tick(this.#store);
        if (this.#options.linger > 0) await this.#ledger.compact(false);
      }
    } catch (error) {
      // One that was still under way at the end may meet a queue that is closed.
      if (!this.#over) this.#events.warn(`could not look at the queue: ${(error as Error).message}`);
    }
    this.#dueQueue.refresh();
    this.#pump();
  }

  // ---- the loop ----

  /** Starts what can start, commits what is to be committed, ends when there is nothing left. */
  readonly #pump = (): void => {
    if (this.#over) return;
    this.#pumping = true;
    this.#executor.startWaiting(this.#pump);
    this.#pumping = false;
    const now = this.#store.clock.now();
    if (this.#committing || this.#commitRetry.pauses) return;
    const rescue = this.#rescueIsDue(now);
    const wanted = this.#wanted(now);
    if (!this.#ledger.isDue && !rescue && wanted === 0) {
      if (this.#ledger.held === 0) this.#idle(now);
      return;
    }
    this.#committing = true;
    this.#ledger
      .commit(wanted, rescue, () => !this.#stopping)
      .then(
        (crowded) => {
          this.#committing = false;
          this.#commitRetry.end();
          this.#pace.measure(() => this.#executor.takeBusyTime());
          if (crowded) this.#onCrowd();
          this.#pump();
        },
        (error: unknown) => {
          this.#committing = false;
          this.#onTrouble(error);
        },
      );
  };

  #idle(now: number): void {
    // Somebody else in this process has begun to read the file anew: what is due shows when that is done.
    if (!this.#stopping && this.#dueQueue.index?.isRead === false) {
      this.#look().then(this.#pump, () => {});
      return;
    }
    if (this.#stopping || this.#lingered) {
      this.#over = true;
      this.#resolve();
      return;
    }
    // Until a job is due, or it is time to go; of new jobs the lookout tells.
    this.#cancelWake?.();
    const wake = (): void => {
      this.#dueQueue.refresh();
      this.#pump();
    };
    const isCrowded = isWithin(CROWDED_MS, this.#lastCrowd, now);
    const next = isCrowded ? this.#lastCrowd + CROWDED_MS : this.#dueQueue.next();
    if (next !== undefined) {
      this.#cancelWake = this.#store.clock.later(Math.max(next - now, 1), wake, true);
    }
  }

  /** One worker too many: cron starts another in its stead, unless it is there to stay. */
  #onCrowd(): void {
    if (this.#options.linger < Number.POSITIVE_INFINITY) this.#stopping = true;
    else this.#lastCrowd = this.#store.clock.now();
  }

  /** Claims nothing more; what runs has the grace time. */
  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#commitRetry.endPause();
    this.#executor.shutDown();
    this.#pump();
  }

  /** The process dies of an exception: what runs ends by it at once, and the rest is given back. */
  abandon(death: Death): void {
    this.#isDying = true;
    this.#stopping = true;
    this.#commitRetry.endPause();
    this.#pumping = true;
    this.#executor.abandon(death);
    this.#pumping = false;
    this.#pump();
  }

  /** Whether somebody else's claims are to be looked at. */
  #rescueIsDue(now: number): boolean {
    const { index } = this.#dueQueue;
    if (this.#stopping || index === undefined || isWithin(RESCUE_MS, this.#lastRescue, now)) return false;
    this.#lastRescue = now;
    return this.#ledger.othersIn(index) > 0;
  }

  #onTrouble(error: unknown): void {
    const goes = this.#stopping || this.#lingered;
    if (this.#commitRetry.pause(error, goes, this.#ledger.held > 0, this.#pump)) {
      this.#events.warn(`a commit failed, and is tried again: ${(error as Error).message}`);
      return;
    }
    this.#over = true;
    this.#executor.letGo();
    this.#reject(error);
  }

  /** How many jobs to claim now. */
  #wanted(now: number): number {
    if (isWithin(CROWDED_MS, this.#lastCrowd, now)) return 0;
    const alone = this.#ledger.held === 0;
    if (this.#stopping || this.#ledger.holdsSuspect || !this.#dueQueue.any(now, alone)) return 0;
    return this.#pace.wanted(this.#options.concurrency, this.#executor);
  }
}
