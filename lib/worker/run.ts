import type { ResolvedWorkerOptions } from '../options.js';
import type { JobIndex } from '../store/job-index.js';
import type { Store } from '../store/store.js';
import { writeTick } from '../store/tick.js';
import type { Draft } from '../store/view.js';
import { Attempt } from './attempt.js';
import { resolveBackoff } from './backoff.js';
import { commitBatch, type Ended, type Result } from './batch.js';
import { type Candidate, pickCandidates } from './claim.js';
import { DueJobs } from './due.js';
import { Executor, jobsUnderWay } from './execute.js';
import type { Handler } from './handler.js';
import { Lookout } from './lookout.js';
import { verdictRows } from './outcome.js';
import type { Report } from './report.js';

/** A worker claims what it can start now, or within so long: the more it holds, the more a crash takes along. */
const AHEAD_MS = 20;
const MOST_AHEAD = 4000;
/** Handlers that end at least so fast, per ms, are worth picking the next jobs for in advance. */
const FAST = 1;
const RESCUE_MS = 5_000;
/** What a worker that stays does now and then: note the time, compact if it is worth it. */
const HOUSEKEEPING_MS = 30_000;
/** A job that takes longer than this holds up those claimed behind it: they are given back. */
const STUCK_MS = 1_000;
/** After a commit that failed: so long until the next try, and so many tries. */
const TROUBLE_MS = 1_000;
const MOST_TROUBLE = 5;

/**
 * One worker, from its first look to its last commit: claims jobs, has them run, records what became of them. What
 * has ended and what is to be claimed next go into one commit, and while that is under way, handlers run.
 */
export class Run {
  readonly #store: Store;
  readonly #handlers: ReadonlyMap<string, Handler>;
  readonly #options: ResolvedWorkerOptions;
  readonly #report: Report;
  /** How this worker signs its claims. */
  readonly #owner: string;
  readonly #executor: Executor;
  /** In this process, whatever worker of it called the handler. */
  readonly #underWay: ReadonlySet<string>;
  readonly #lookout: Lookout;
  readonly #started: number;
  /** Claimed by this worker, and not yet recorded as ended. */
  readonly #held = new Map<string, Attempt>();
  readonly #cleanUp: (() => void)[] = [];
  #due: DueJobs | undefined;
  /** Candidates for the next commit, picked in advance. */
  #picked: Candidate[] = [];
  #ended: Ended[] = [];
  #leftovers: Draft[] = [];
  #pumping = false;
  #committing = false;
  #stopping = false;
  #over = false;
  #first = true;
  /** Of what is due, nothing could be claimed at the last look; until something has changed. */
  #dry = false;
  /** Commits that failed in a row. */
  #trouble = 0;
  #pausing = false;
  #lastRescue = Number.NEGATIVE_INFINITY;
  #lastHousekeeping: number;
  #lastEnd: number;
  /** Attempts that came to an end since the last commit, and how many do per ms, lately. */
  #count = 0;
  #pace = 0;
  #lastCommit: number;
  #cancelWake: (() => void) | undefined;
  #resolve!: () => void;
  #reject!: (error: unknown) => void;

  constructor(
    store: Store,
    handlers: ReadonlyMap<string, Handler>,
    options: ResolvedWorkerOptions,
    report: Report,
  ) {
    this.#store = store;
    this.#handlers = handlers;
    this.#options = options;
    this.#report = report;
    this.#owner = store.processes.self();
    this.#underWay = jobsUnderWay(store);
    this.#started = store.clock.now();
    this.#lastCommit = this.#started;
    this.#lastEnd = this.#started;
    this.#lastHousekeeping = this.#started;
    this.#lookout = new Lookout(store, () => this.#onLookout());
    const rules = {
      maxAttempts: options.maxAttempts,
      backoff: resolveBackoff(options.backoff),
      maxResult: store.options.maxPayload,
    };
    this.#executor = new Executor(store, handlers, options, rules, (attempt, verdict) => {
      this.#count++;
      this.#dry = false;
      this.#lastEnd = store.clock.now();
      if (verdict === undefined) this.#drop(attempt);
      else {
        const drafts = verdictRows(attempt, verdict, attempt.layout);
        this.#ended.push({ attempt, verdict, drafts });
      }
      if (!this.#pumping) this.#pump();
    });
  }

  /** Resolves when nothing is due and the time to linger is over, or when it was told to stop. */
  async untilDone(): Promise<void> {
    this.#store.onIndex.add(this.#onIndex);
    try {
      await this.#look();
      await new Promise<void>((resolve, reject) => {
        this.#resolve = resolve;
        this.#reject = reject;
        this.#listen();
        this.#pump();
      });
      await this.#store.compactIfWorthwhile(true);
    } finally {
      this.#over = true;
      this.#lookout.stop();
      this.#cancelWake?.();
      for (const clean of this.#cleanUp) clean();
      this.#store.onIndex.delete(this.#onIndex);
      this.#due?.close();
      this.#store.lock.tidy();
    }
  }

  // ---- looking ----

  #listen(): void {
    const { signal, maxTime, linger } = this.#options;
    const stop = (): void => this.#stop();
    if (maxTime < Number.POSITIVE_INFINITY) this.#cleanUp.push(this.#store.clock.later(maxTime, stop));
    signal?.addEventListener('abort', stop, { once: true });
    this.#cleanUp.push(() => signal?.removeEventListener('abort', stop));
    if (signal?.aborted) this.#stop();
    this.#lookout.start(linger > 0);
  }

  readonly #onIndex = (index: JobIndex): void => {
    this.#due?.close();
    this.#due = new DueJobs(index, this.#store.clock.now());
    this.#picked = [];
    this.#dry = false;
  };

  /** Reads what is new in the file, without the lock, and sees which running jobs were cancelled. */
  async #look(): Promise<void> {
    const index = await this.#store.read('open');
    if (index === undefined) return;
    if (this.#due?.index !== index) this.#onIndex(index);
    for (const attempt of this.#executor.attempts()) {
      const slot = index.find(attempt.id);
      // Ours only as long as nothing newer stands in the file.
      if (slot !== undefined && index.version(slot) > attempt.version) attempt.stop('cancelled');
    }
  }

  async #onLookout(): Promise<void> {
    const now = this.#store.clock.now();
    if (this.#executor.waiting > 0 && now - this.#lastEnd > STUCK_MS) this.#executor.releaseWaiting();
    try {
      await this.#look();
      if (now - this.#lastHousekeeping >= HOUSEKEEPING_MS && this.#options.linger > 0) {
        this.#lastHousekeeping = now;
        writeTick(this.#store.fs, this.#store.realPath, {
          at: now,
          unhandled: Object.keys(this.#report.summary.unhandled),
        });
        await this.#store.compactIfWorthwhile(false);
      }
    } catch (error) {
      this.#report.warn(`could not look at the queue: ${(error as Error).message}`);
    }
    this.#dry = false;
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
    if (this.#committing) this.#pickAhead(now);
    if (this.#committing || this.#pausing) return;
    const rescue = this.#rescueIsDue(now);
    const record = this.#ended.length + this.#leftovers.length > 0;
    if (!record && !rescue && this.#wanted(now) === 0) {
      if (this.#held.size === 0) this.#idle(now);
      return;
    }
    this.#committing = true;
    this.#commit(now, rescue).then(
      () => {
        this.#committing = false;
        this.#trouble = 0;
        this.#pump();
      },
      (error: unknown) => {
        this.#committing = false;
        this.#onTrouble(error);
      },
    );
  };

  #idle(now: number): void {
    const until = this.#started + this.#options.linger;
    if (this.#stopping || now >= until) {
      this.#over = true;
      this.#resolve();
      return;
    }
    // Until a job is due, or it is time to go; of new jobs the lookout tells.
    this.#cancelWake?.();
    const wake = (): void => {
      this.#dry = false;
      this.#pump();
    };
    const next = Math.min(this.#due?.next() ?? until, until);
    if (next < Number.POSITIVE_INFINITY) {
      this.#cancelWake = this.#store.clock.later(Math.max(next - now, 1), wake, true);
    }
  }

  /** Claims nothing more; what runs has the grace time. */
  #stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#executor.shutDown();
    this.#pump();
  }

  /** How many jobs to claim now. */
  #wanted(now: number): number {
    if (this.#stopping || this.#dry || this.#due === undefined) return 0;
    const ahead = Math.min(Math.floor(this.#pace * AHEAD_MS), MOST_AHEAD);
    const target = Math.max(this.#options.concurrency, ahead);
    const { waiting, running } = this.#executor;
    const missing = target - waiting - running.size;
    // A commit costs the same for one job and for many: not for a few while there are others to start.
    if (missing <= 0 || (waiting > 0 && missing < target / 2)) return 0;
    const [any] = this.#held.values();
    if (any?.suspect) return 0;
    return this.#picked.length > 0 || this.#due.any(now) ? missing : 0;
  }

  /** Whether somebody else's claims are to be looked at. */
  #rescueIsDue(now: number): boolean {
    if (this.#stopping || this.#due === undefined || now - this.#lastRescue < RESCUE_MS) return false;
    this.#lastRescue = now;
    let others = -this.#held.size;
    for (const _ of this.#due.index.withStatus('processing')) others++;
    return others > 0;
  }

  /** Tries again a few times: what has ended must not be lost to a disk that is full for a moment. */
  #onTrouble(error: unknown): void {
    const { code } = error as { code?: string };
    this.#trouble++;
    // With nothing to lose there is nothing to wait for either: the next tick tries again.
    const idle = this.#held.size === 0 && this.#options.linger === 0;
    if (idle || code === 'SYNC_FAILED' || code === 'CLOSED' || this.#trouble > MOST_TROUBLE) {
      this.#over = true;
      for (const attempt of this.#executor.running) attempt.stop('shutdown');
      this.#reject(error);
      return;
    }
    this.#report.warn(`a commit failed, and is tried again: ${(error as Error).message}`);
    this.#pausing = true;
    const goOn = (): void => {
      this.#pausing = false;
      this.#pump();
    };
    this.#store.clock.later(TROUBLE_MS, goOn, true);
  }

  // ---- commits ----

  async #commit(now: number, rescue: boolean): Promise<void> {
    const due = this.#due;
    const wanted = this.#wanted(now);
    let candidates: Candidate[] = [];
    if (wanted > 0 && due !== undefined) {
      const alone = this.#held.size === 0;
      candidates = this.#picked.length > 0 ? this.#picked : this.#pick(due, now, wanted, alone);
      this.#picked = [];
      this.#dry = candidates.length === 0;
    }
    const ended = this.#ended;
    this.#ended = [];
    if (ended.length + this.#leftovers.length + candidates.length === 0 && !rescue) return;
    let result: Result;
    try {
      const plan = {
        ended,
        leftovers: this.#leftovers,
        candidates,
        rescue,
        first: this.#first,
        holds: (id: string) => this.#held.has(id),
      };
      result = await commitBatch(this.#store, this.#owner, this.#options, plan);
    } catch (error) {
      this.#ended = ended.concat(this.#ended);
      this.#putBack(due, candidates);
      throw error;
    }
    this.#first = false;
    this.#leftovers = result.leftovers;
    for (const done of result.recorded) {
      this.#held.delete(done.attempt.id);
      this.#report.ended(done);
    }
    for (const { attempt } of result.lost) this.#drop(attempt);
    for (const rescued of result.rescued) this.#report.rescued(rescued);
    // Retries, follow-ups and rescued jobs are due now that weren't before.
    if (result.recorded.length + result.rescued.length > 0) this.#dry = false;
    this.#putBack(due, result.unclaimed);
    this.#take(result.claimed);
    this.#measure();
    if (result.crowded) this.#stopping = true;
    if (result.error !== undefined) {
      this.#ended = result.unrecorded.concat(this.#ended);
      throw result.error;
    }
  }

  /** While a commit waits for the disk, the candidates for the next one are read. */
  #pickAhead(now: number): void {
    const due = this.#due;
    if (due === undefined || this.#stopping || this.#picked.length > 0 || this.#pace < FAST) return;
    const most = Math.min(Math.floor((this.#pace * AHEAD_MS) / 2), MOST_AHEAD);
    this.#picked = this.#pick(due, now, most, false);
  }

  #pick(due: DueJobs, now: number, most: number, alone: boolean): Candidate[] {
    return pickCandidates({
      due,
      now,
      owner: this.#owner,
      most,
      alone,
      isBusy: (id) => this.#underWay.has(id),
      handles: (type) => {
        const known = this.#handlers.has(type);
        if (!known) this.#report.unhandled(type);
        return known;
      },
    });
  }

  #putBack(due: DueJobs | undefined, candidates: readonly Candidate[]): void {
    // A new index has found them by itself.
    if (due !== this.#due) return;
    for (const { slot } of candidates) due?.putBack(slot);
  }

  /** The claims are durable: now the handlers may start. */
  #take(claimed: Result['claimed']): void {
    const { clock, options } = this.#store;
    const attempts = claimed.map(
      ({ candidate, row, layout }) => new Attempt(candidate, row, layout, clock.now, options.maxPayload),
    );
    for (const attempt of attempts) this.#held.set(attempt.id, attempt);
    this.#report.summary.claimed += attempts.length;
    this.#executor.add(attempts);
  }

  #drop(attempt: Attempt): void {
    if (this.#held.get(attempt.id) === attempt) this.#held.delete(attempt.id);
    const slot = this.#due?.index.find(attempt.id);
    const cancelled = slot !== undefined && this.#due?.index.status(slot) === 'cancelled';
    this.#report.dropped(attempt, cancelled);
  }

  /** Learns how fast jobs go, and with it how many to claim at a time. */
  #measure(): void {
    const now = this.#store.clock.now();
    this.#pace = (this.#pace + this.#count / Math.max(now - this.#lastCommit, 1)) / 2;
    this.#count = 0;
    this.#lastCommit = now;
  }
}
