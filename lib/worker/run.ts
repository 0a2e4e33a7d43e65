import type { ResolvedWorkerOptions, WorkerEvent } from '../options.js';
import type { JobIndex } from '../store/job-index.js';
import type { Store } from '../store/store.js';
import { writeTick } from '../store/tick.js';
import { Attempt } from './attempt.js';
import { resolveBackoff } from './backoff.js';
import { commitBatch, type Ended, type Result } from './batch.js';
import { type Candidate, pickCandidates } from './claim.js';
import { DueJobs } from './due.js';
import { Executor, isRunningOn } from './execute.js';
import type { Handler, Summary } from './handler.js';
import { verdictRows } from './outcome.js';
import { noHandler } from './process.js';

/** A worker claims what it can start now, or within so long: the more it holds, the more a crash takes along. */
const AHEAD_MS = 20;
const MOST_AHEAD = 4000;
/** How often a worker that waits for something looks at the file, whatever the system tells it. */
const POLL_MS = 500;
const RESCUE_MS = 5_000;
const TICK_MS = 30_000;
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
  readonly #summary: Summary;
  /** How this worker signs its claims. */
  readonly #owner: string;
  readonly #executor: Executor;
  readonly #started: number;
  /** Claimed by this worker, and not yet recorded as ended. */
  readonly #held = new Map<string, Attempt>();
  readonly #cleanUp: (() => void)[] = [];
  #due: DueJobs | undefined;
  /** Candidates for the next commit, picked in advance. */
  #picked: Candidate[] = [];
  #ended: Ended[] = [];
  #committing = false;
  #stopping = false;
  #over = false;
  #first = true;
  /** Commits that failed in a row. */
  #trouble = 0;
  #pausing = false;
  #lastRescue = Number.NEGATIVE_INFINITY;
  #lastTick = Number.NEGATIVE_INFINITY;
  /** Attempts that came to an end, in all. */
  #count = 0;
  #countAtPoll = 0;
  #countAtCommit = 0;
  #timeOfCommit: number;
  /** Attempts that come to an end per ms, lately. */
  #pace = 0;
  #cancelPoll: (() => void) | undefined;
  #cancelWake: (() => void) | undefined;
  #resolve!: () => void;
  #reject!: (error: unknown) => void;

  constructor(
    store: Store,
    handlers: ReadonlyMap<string, Handler>,
    options: ResolvedWorkerOptions,
    summary: Summary,
  ) {
    this.#store = store;
    this.#handlers = handlers;
    this.#options = options;
    this.#summary = summary;
    this.#owner = store.processes.self();
    this.#started = store.clock.now();
    this.#timeOfCommit = this.#started;
    const rules = {
      maxAttempts: options.maxAttempts,
      backoff: resolveBackoff(options.backoff),
      maxResult: store.options.maxPayload,
    };
    this.#executor = new Executor(store.clock, handlers, options, rules, (attempt, verdict) => {
      this.#count++;
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
        this.#pollLater();
        this.#pump();
      });
      await this.#store.compactIfWorthwhile(true);
    } finally {
      this.#over = true;
      this.#cancelPoll?.();
      this.#cancelWake?.();
      for (const clean of this.#cleanUp) clean();
      this.#store.onIndex.delete(this.#onIndex);
      this.#due?.close();
      this.#store.lock.tidy();
    }
  }

  // ---- looking ----

  readonly #onIndex = (index: JobIndex): void => {
    this.#due?.close();
    this.#due = new DueJobs(index, this.#store.clock.now());
    this.#picked = [];
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

  #listen(): void {
    const { signal, maxTime, linger } = this.#options;
    const stop = (): void => this.#stop();
    if (maxTime < Number.POSITIVE_INFINITY) this.#cleanUp.push(this.#store.clock.later(maxTime, stop));
    signal?.addEventListener('abort', stop, { once: true });
    this.#cleanUp.push(() => signal?.removeEventListener('abort', stop));
    if (signal?.aborted) this.#stop();
    if (linger === 0) return;
    try {
      this.#cleanUp.push(this.#store.watch(() => void this.#onChange()));
    } catch {
      // No directory yet, or the system has no watches left: a look every half second has to do.
    }
  }

  #looking = false;
  #lookAgain = false;

  /** The system says that something happened to the file; several such words make one look. */
  async #onChange(): Promise<void> {
    this.#lookAgain = true;
    if (this.#looking) return;
    this.#looking = true;
    while (this.#lookAgain && !this.#over) {
      this.#lookAgain = false;
      await this.#look().catch((error: unknown) => this.#warn(`could not read the queue: ${String(error)}`));
    }
    this.#looking = false;
    this.#pump();
  }

  #pollLater(): void {
    if (!this.#over) this.#cancelPoll = this.#store.clock.later(POLL_MS, () => void this.#poll(), true);
  }

  async #poll(): Promise<void> {
    // A job turned out to take longer than those before it: what waits behind it is for others to take.
    if (this.#executor.waiting > 0 && this.#count === this.#countAtPoll) this.#executor.releaseWaiting();
    this.#countAtPoll = this.#count;
    const now = this.#store.clock.now();
    if (this.#options.linger > 0 && now - this.#lastTick >= TICK_MS) {
      this.#lastTick = now;
      const unhandled = Object.keys(this.#summary.unhandled);
      writeTick(this.#store.fs, this.#store.realPath, { at: now, unhandled });
    }
    await this.#onChange();
    this.#pollLater();
  }

  // ---- the loop ----

  #pumping = false;

  /** Starts what can start, commits what is to be committed, ends when there is nothing left. */
  readonly #pump = (): void => {
    if (this.#over) return;
    this.#pumping = true;
    this.#executor.startWaiting(this.#pump);
    this.#pumping = false;
    const now = this.#store.clock.now();
    if (this.#committing) this.#pickAhead(now);
    if (this.#committing || this.#pausing) return;
    if (this.#ended.length > 0 || this.#rescueIsDue(now) || this.#wanted(now) > 0) {
      this.#committing = true;
      this.#commit(now).then(
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
    } else if (this.#held.size === 0) this.#idle(now);
  };

  #idle(now: number): void {
    const until = this.#started + this.#options.linger;
    if (this.#stopping || now >= until) {
      this.#over = true;
      this.#resolve();
      return;
    }
    this.#store
      .compactIfWorthwhile(false)
      .catch((error: unknown) => this.#warn(`could not compact: ${String(error)}`));
    // Until a job is due, or it is time to go; of new jobs the watch tells.
    this.#cancelWake?.();
    const next = Math.min(this.#due?.next() ?? until, until);
    if (next < Number.POSITIVE_INFINITY) {
      this.#cancelWake = this.#store.clock.later(Math.max(next - now, 1), this.#pump, true);
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
    if (this.#stopping || this.#due === undefined) return 0;
    const target = Math.max(
      this.#options.concurrency,
      Math.min(Math.floor(this.#pace * AHEAD_MS), MOST_AHEAD),
    );
    const { waiting, running } = this.#executor;
    const missing = target - waiting - running.size;
    // A commit costs the same for one job and for many: not for a few while there are others to start.
    if (missing <= 0 || (waiting > 0 && missing < target / 2)) return 0;
    const [any] = this.#held.values();
    if (any?.suspect) return 0;
    return this.#picked.length > 0 || this.#due.any(now) ? missing : 0;
  }

  #rescueIsDue(now: number): boolean {
    return !this.#stopping && this.#due !== undefined && now - this.#lastRescue >= RESCUE_MS;
  }

  #onTrouble(error: unknown): void {
    const { code } = error as { code?: string };
    this.#trouble++;
    if (code === 'SYNC_FAILED' || code === 'CLOSED' || this.#trouble > MOST_TROUBLE) {
      this.#over = true;
      for (const attempt of this.#executor.running) attempt.stop('shutdown');
      this.#reject(error);
      return;
    }
    this.#warn(`a commit failed, and is tried again: ${String(error)}`);
    this.#pausing = true;
    const goOn = (): void => {
      this.#pausing = false;
      this.#pump();
    };
    this.#store.clock.later(TROUBLE_MS, goOn, true);
  }

  // ---- commits ----

  async #commit(now: number): Promise<void> {
    const due = this.#due;
    const rescue = this.#rescueIsDue(now);
    const wanted = this.#wanted(now);
    let candidates: Candidate[] = [];
    if (wanted > 0 && due !== undefined) {
      candidates = this.#picked.length > 0 ? this.#picked : this.#pick(due, now, wanted);
      this.#picked = [];
    }
    const ended = this.#ended;
    this.#ended = [];
    if (rescue) this.#lastRescue = now;
    if (ended.length === 0 && candidates.length === 0 && !rescue) return;
    let result: Result;
    try {
      const plan = { ended, candidates, rescue, first: this.#first };
      result = await commitBatch(this.#store, this.#owner, this.#options, plan);
    } catch (error) {
      this.#ended = ended.concat(this.#ended);
      this.#putBack(due, candidates);
      throw error;
    }
    this.#first = false;
    for (const done of result.recorded) this.#record(done);
    for (const { attempt } of result.lost) this.#drop(attempt);
    for (const rescued of result.rescued) {
      this.#summary.rescued++;
      if (rescued.failed) this.#summary.failed++;
      this.#log({ event: 'rescued', id: rescued.id, type: rescued.type, error: rescued.error });
    }
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
    if (due === undefined || this.#stopping || this.#picked.length > 0 || this.#pace < 1) return;
    this.#picked = this.#pick(due, now, Math.min(Math.floor((this.#pace * AHEAD_MS) / 2), MOST_AHEAD));
  }

  #pick(due: DueJobs, now: number, most: number): Candidate[] {
    return pickCandidates({
      due,
      now,
      owner: this.#owner,
      most,
      alone: this.#held.size === 0,
      isBusy: isRunningOn,
      handles: (type) => {
        if (this.#handlers.has(type)) return true;
        const { unhandled } = this.#summary;
        if (unhandled[type] === undefined) this.#warn(noHandler(type), type);
        unhandled[type] = (unhandled[type] ?? 0) + 1;
        return false;
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
    const layout = this.#due?.index.file.layout;
    if (layout === undefined) return;
    const { clock, options } = this.#store;
    const attempts = claimed.map(
      ({ row, candidate }) => new Attempt(candidate, row, layout, clock.now, options.maxPayload),
    );
    for (const attempt of attempts) this.#held.set(attempt.id, attempt);
    this.#summary.claimed += attempts.length;
    this.#executor.add(attempts);
  }

  #record({ attempt, verdict }: Ended): void {
    this.#held.delete(attempt.id);
    this.#summary[verdict.event]++;
    if (verdict.warning !== undefined) this.#warn(verdict.warning, attempt.type);
    if (this.#options.quiet) return;
    this.#log({
      event: verdict.event,
      ...this.#about(attempt),
      ...(verdict.error === undefined ? {} : { error: verdict.error }),
      ...(verdict.runAt === undefined ? {} : { runAt: new Date(verdict.runAt) }),
    });
  }

  /** The job was cancelled, or taken by others: what came of the attempt is written nowhere but in the log. */
  #drop(attempt: Attempt): void {
    this.#held.delete(attempt.id);
    const slot = this.#due?.index.find(attempt.id);
    const cancelled = slot !== undefined && this.#due?.index.status(slot) === 'cancelled';
    if (cancelled) this.#summary.cancelled++;
    this.#log({ event: cancelled ? 'cancelled' : 'dropped', ...this.#about(attempt) });
  }

  /** Learns how fast jobs go, and with it how many to claim at a time. */
  #measure(): void {
    const now = this.#store.clock.now();
    const elapsed = Math.max(now - this.#timeOfCommit, 1);
    this.#pace = (this.#pace + (this.#count - this.#countAtCommit) / elapsed) / 2;
    this.#countAtCommit = this.#count;
    this.#timeOfCommit = now;
  }

  // ---- telling ----

  #about(attempt: Attempt): Pick<WorkerEvent, 'id' | 'type' | 'attempt' | 'ms'> {
    const { id, type, attempts, startedAt } = attempt;
    const ms = startedAt === undefined ? {} : { ms: this.#store.clock.now() - startedAt };
    return { id, type, attempt: attempts, ...ms };
  }

  #warn(message: string, type?: string): void {
    this.#log({ event: 'warning', message, ...(type === undefined ? {} : { type }) });
  }

  #log(event: WorkerEvent): void {
    try {
      this.#options.logger(event);
    } catch {
      // A logger that fails is no reason to lose a job.
    }
  }
}
