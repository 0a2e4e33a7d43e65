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
/** How often maintenance runs: the heartbeat and, if the worker stays, a compaction if worthwhile. */
const HOUSEKEEPING_MS = 30_000;
/** A job that takes longer than this holds up those claimed after it, so they are released. */
const STUCK_MS = 1_000;
/** How often a worker that stays tries while too many others work. */
const CROWDED_MS = 1_000;

/**
 * One worker, from its first look to its last commit. It claims jobs, runs them and records their outcome.
 * Endings and the next claims go into one commit. Handlers run during it.
 */
export class Run {
  readonly #store: Store;
  readonly #options: ResolvedWorkerOptions;
  readonly #events: WorkerEvents;
  readonly #executor: Executor;
  readonly #watcher: Watcher;
  /** True if the linger time is over. */
  #lingered: boolean;
  readonly #ledger: Ledger;
  readonly #cleanUp: (() => void)[] = [];
  readonly #dueQueue: DueQueue;
  /** True while handlers start or jobs are released: endings need no pump, because one follows. */
  #pumping = false;
  /** True during a commit; the next one waits. */
  #committing = false;
  /** True once told to stop: it claims nothing more. */
  #stopping = false;
  /** True if its process dies: it leaves other workers what it can. */
  #isDying = false;
  /** True if it ended or can't go on: nothing starts any more. */
  #over = false;
  readonly #commitRetry: CommitRetry;
  #lastRescue = Number.NEGATIVE_INFINITY;
  #lastHousekeeping: number;
  /** When an attempt last ended, or the first after a pause was claimed. */
  #lastTurn: number;
  /** When too many others last worked to claim anything. */
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

  /** Resolves when nothing is due and the linger time is over, or after a stop. */
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
    // A timer, because the clock may be set back.
    if (linger > 0 && linger < Number.POSITIVE_INFINITY) this.#cleanUp.push(clock.later(linger, leave, true));
    signal?.addEventListener('abort', stop, { once: true });
    this.#cleanUp.push(() => signal?.removeEventListener('abort', stop));
    if (signal?.aborted) this.stop();
    this.#watcher.start(linger > 0);
  }

  /** Reads new rows without the lock, and stops running jobs that were cancelled. */
  async #look(): Promise<void> {
    const index = await this.#store.read('open');
    if (index === undefined) return this.#dueQueue.leave();
    // It follows later ones itself, and this one may already be old, because others read as well.
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
      // Released jobs did not end.
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
      // A read that outlasts the worker may find the queue closed.
      if (!this.#over) this.#events.warn(`could not look at the queue: ${(error as Error).message}`);
    }
    this.#dueQueue.refresh();
    this.#pump();
  }

  // ---- the loop ----

  /** Starts what can start, commits what must be committed, and ends when nothing is left. */
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
    // Another caller in this process is reading the file again; due jobs show after that.
    if (!this.#stopping && this.#dueQueue.index?.isRead === false) {
      this.#look().then(this.#pump, () => {});
      return;
    }
    if (this.#stopping || this.#lingered) {
      this.#over = true;
      this.#resolve();
      return;
    }
    // Waits until a job is due or it must leave. The watcher reports new jobs.
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

  /** Stops a worker that is one too many: cron starts another, unless it stays. */
  #onCrowd(): void {
    if (this.#options.linger < Number.POSITIVE_INFINITY) this.#stopping = true;
    else this.#lastCrowd = this.#store.clock.now();
  }

  /** Claims nothing more; running handlers have the grace time. */
  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#commitRetry.endPause();
    this.#executor.shutDown();
    this.#pump();
  }

  /** Ends running attempts by the exception that ends the process, and releases the rest. */
  abandon(death: Death): void {
    this.#isDying = true;
    this.#stopping = true;
    this.#commitRetry.endPause();
    this.#pumping = true;
    this.#executor.abandon(death);
    this.#pumping = false;
    this.#pump();
  }

  /** True if other workers' claims must be checked. */
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

  /** Returns how many jobs to claim. */
  #wanted(now: number): number {
    if (isWithin(CROWDED_MS, this.#lastCrowd, now)) return 0;
    const alone = this.#ledger.held === 0;
    if (this.#stopping || this.#ledger.holdsSuspect || !this.#dueQueue.any(now, alone)) return 0;
    return this.#pace.wanted(this.#options.concurrency, this.#executor);
  }
}
