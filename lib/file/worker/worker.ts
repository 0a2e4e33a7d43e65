import type { ResolvedWorkerOptions } from '../../job/options.js';
import { Wake } from '../../job/wake.js';
import type { Death, Ending } from '../../runner/ending.js';
import { Executor } from '../../runner/executor.js';
import type { ServedTypes } from '../../runner/served-types.js';
import { workerFacts } from '../admission/worker-facts.js';
import { Interval } from '../chores/chore.js';
import { Chores } from '../chores/chores.js';
import { compactForWorker } from '../chores/compact.js';
import { jobsRunningHere } from '../lock/running-here.js';
import type { Store } from '../store.js';
import { Watcher } from '../watcher.js';
import type { ClaimedJob } from './claimed-job.js';
import { Claims } from './claims.js';
import { CommitRetry } from './commit-retry.js';
import { CrowdWait } from './crowd-wait.js';
import { DueQueue } from './due-queue.js';
import { limitLifetime, RATE_WAIT_MS } from './lifetime.js';
import { look } from './look.js';
import { type FailureRules, judge } from './outcome.js';
import { Prefetch } from './prefetch.js';
import type { WorkerContext, WorkerEvents } from './worker-events.js';

const NEVER = Number.POSITIVE_INFINITY;

/**
 * The state of a worker, which only moves forward: it waits for more jobs, it leaves when nothing is due, it
 * claims nothing more, it has ended.
 */
type State = 'lingering' | 'working' | 'draining' | 'done';

/**
 * One worker, from its first look to its last commit. It claims jobs, runs them and records their endings.
 * One commit has the endings and the next claims. Handlers run during the commit.
 */
export class Worker {
  readonly #store: Store;
  readonly #options: ResolvedWorkerOptions;
  readonly #events: WorkerEvents;
  readonly #rules: FailureRules;
  readonly #wake: Wake;
  readonly #watcher: Watcher;
  readonly #dueQueue: DueQueue;
  readonly #claims: Claims;
  readonly #start: number;
  readonly #executor: Executor<ClaimedJob>;
  readonly #chores: Chores;
  readonly #look = (): Promise<void> => look(this.#store, this.#dueQueue, this.#executor);
  readonly #prefetch = new Prefetch();
  readonly #commitRetry = new CommitRetry();
  readonly #crowdWait = new CrowdWait();
  readonly #rescue = new Interval(5_000);
  #state: State;
  /** The exception that ends the process; undefined while none does. */
  #death: Death | undefined;

  constructor({ store, events, ping }: WorkerContext, types: ServedTypes, options: ResolvedWorkerOptions) {
    const { clock } = store;
    this.#store = store;
    this.#start = clock.now();
    this.#options = options;
    this.#events = events;
    this.#rules = { ...options, types, newJob: store.options };
    this.#state = options.linger === 0 ? 'working' : 'lingering';
    this.#wake = new Wake(clock);
    this.#watcher = new Watcher(store, () => this.#onWatch());
    const worker = workerFacts(store, types, options, events);
    this.#dueQueue = new DueQueue(store, worker, events);
    this.#claims = new Claims({ store, worker, events, dueQueue: this.#dueQueue });
    const rules = { ...options, clock, types, runningHere: jobsRunningHere(store), tell: events.goesOn };
    this.#executor = new Executor({ ...rules, onEnd: (attempt, ending) => this.#onEnd(attempt, ending) });
    this.#chores = new Chores({ store, stays: options.linger > 0, events, ping });
  }

  /** Works until nothing is due and the linger time is over, or until it has stopped. */
  async run(): Promise<void> {
    const { lock } = this.#store;
    let liftLimits: (() => void) | undefined;
    try {
      lock.keepsDirectory = true;
      await this.#look();
      const end = { stop: () => this.stop(), leave: () => this.#leave() };
      liftLimits = limitLifetime(this.#options, this.#store.clock, end);
      this.#watcher.start(this.#options.linger > 0);
      await this.#loop();
      await this.#claims.hooks.settle(this.#store.clock, this.#options.grace);
      if (this.#death === undefined) await compactForWorker(this.#chores.context, true);
    } finally {
      this.#state = 'done';
      this.#watcher.stop();
      liftLimits?.();
      this.#claims.close();
      this.#dueQueue.close();
      lock.keepsDirectory = false;
      lock.tidy();
    }
  }

  /** Stops the worker. It claims nothing more, and running handlers have the grace time. */
  stop(): void {
    this.#drain();
    this.#executor.shutDown();
    this.#wake.call();
  }

  /** Ends running attempts by the exception that ends the process, and releases the waiting ones. */
  abandon(death: Death): void {
    this.#death = death;
    this.#drain();
    this.#executor.abandon(death);
    this.#wake.call();
  }

  /** Commits endings and claims, then waits for the next call or time, until nothing is left to do. */
  async #loop(): Promise<void> {
    for (;;) {
      const now = this.#store.clock.now();
      const pause = this.#commitRetry.pause(now);
      if (pause > 0) {
        await this.#wake.within(pause);
        continue;
      }
      // Handlers that return at once end together, so that one commit records them.
      if (this.#claims.hasEnded && !this.#executor.isIdle) await new Promise(setImmediate);
      const isRescue = this.#rescueIsDue(now);
      const wanted = this.#wanted(now);
      const isSlot = this.#mayClaim && this.#dueQueue.schedules.next() <= now;
      if (this.#claims.hasEnded || isRescue || wanted > 0 || isSlot) {
        await this.#commit(wanted, isRescue, isSlot);
        continue;
      }
      if (this.#claims.size === 0) {
        // Another caller in this process is reading the file again. Due jobs are known after that.
        if (this.#mayClaim && this.#dueQueue.index?.isRead === false) {
          const hasLooked = await this.#look().then(
            () => true,
            // The watcher tries again.
            () => false,
          );
          if (hasLooked) continue;
        }
        if (this.#state !== 'lingering' && !this.#waitsForStart) return;
      }
      await this.#wake.within(this.#untilNext(now));
      this.#dueQueue.refresh();
    }
  }

  async #commit(wanted: number, isRescue: boolean, isSlot: boolean): Promise<void> {
    const claims = this.#claims;
    try {
      // Without a place it counts the other workers, so it must know the claims that they ended.
      if (wanted > 0 && !claims.hasPlace) await this.#look();
      const asked = { jobs: wanted, limited: this.#executor.mostLimited };
      const { claimed, error } = await claims.commit(asked, isRescue, () => this.#mayClaim);
      this.#prefetch.measure(() => this.#executor.takeBusyTime());
      this.#executor.add(claimed);
      if (!this.#mayClaim) this.#executor.releaseWaiting();
      this.#executor.startWaiting();
      if (error !== undefined) throw error;
      // After the endings, because a job that has ended can't overlap with the next one of its schedule.
      if (isSlot) await this.#dueQueue.fire(this.#events);
      this.#commitRetry.succeed();
      this.#events.isFailing = false;
      if (wanted > 0 && claims.mustWait) this.#onCrowd();
    } catch (error) {
      const situation = { mustLeave: this.#state !== 'lingering', holds: claims.size > 0 };
      if (!this.#commitRetry.fail(error, this.#store.clock.now(), situation)) {
        this.#executor.letGo();
        throw error;
      }
      this.#events.commitFailed(error);
    }
  }

  /** Returns how many ms the loop may wait for a call; undefined for no limit. The watcher reports new jobs. */
  #untilNext(now: number): number | undefined {
    const job = this.#crowdWait.end(now) ?? this.#dueQueue.next() ?? NEVER;
    const slot = this.#mayClaim ? this.#dueQueue.schedules.next() : NEVER;
    const next = Math.min(this.#claims.size > 0 ? NEVER : job, this.#dueQueue.opensAt, slot);
    return next === NEVER ? undefined : next - now;
  }

  /** Returns how many jobs to claim. */
  #wanted(now: number): number {
    if (!this.#mayClaim || this.#crowdWait.end(now) !== undefined || this.#claims.holdsLone) return 0;
    if (!this.#dueQueue.any(now, this.#claims.size === 0)) return 0;
    return this.#prefetch.wanted(this.#options.concurrency, this.#executor);
  }

  /** True if a rescue must look at other workers' claims. */
  #rescueIsDue(now: number): boolean {
    const isRead = this.#dueQueue.index !== undefined;
    return this.#mayClaim && isRead && this.#rescue.isDue(now) && this.#claims.others > 0;
  }

  /** True if a job may start soon that is due, and waits for its rate. */
  get #waitsForStart(): boolean {
    return this.#state === 'working' && this.#dueQueue.opensAt < this.#start + RATE_WAIT_MS;
  }

  get #mayClaim(): boolean {
    return this.#state === 'lingering' || this.#state === 'working';
  }

  /** Claims nothing more. */
  #drain(): void {
    if (!this.#mayClaim) return;
    this.#state = 'draining';
    this.#commitRetry.endPause();
  }

  /** Drains a worker that is one too many, because cron starts another. Without an end of linger, it tries again. */
  #onCrowd(): void {
    if (this.#options.linger < Number.POSITIVE_INFINITY) this.#drain();
    else this.#crowdWait.begin(this.#store.clock.now());
  }

  #onEnd(attempt: ClaimedJob, ending: Ending): void {
    this.#prefetch.countEnded();
    this.#dueQueue.refresh();
    this.#claims.end(attempt, judge(attempt, ending, this.#store.clock.now(), this.#rules));
    this.#wake.call();
  }

  /** Lets the worker leave as soon as nothing is due. */
  #leave(): void {
    if (this.#state === 'lingering') this.#state = 'working';
    this.#commitRetry.endPause();
    this.#wake.call();
  }

  async #onWatch(): Promise<void> {
    const now = this.#store.clock.now();
    if (this.#executor.isStuck(now)) {
      this.#executor.releaseWaiting();
      this.#prefetch.forget();
    }
    try {
      await this.#look();
      await this.#chores.run(now);
    } catch (error) {
      // A read that takes longer than the worker stays may find the queue closed.
      if (this.#state !== 'done')
        this.#events.warn(`could not look at the queue: ${(error as Error).message}`);
    }
    this.#dueQueue.refresh();
    this.#wake.call();
  }
}
