import type { Job } from '../../job/job.js';
import { Hooks } from '../../runner/hooks.js';
import type { WorkerFacts } from '../admission/worker-facts.js';
import { storeError } from '../disk/fs.js';
import type { StoredJob } from '../format/stored-job.js';
import { giveUp } from '../lock/overdue.js';
import type { Store } from '../store.js';
import { type AttemptTools, attemptTools } from './attempt-tools.js';
import { ClaimedJob } from './claimed-job.js';
import type { DueQueue, Picked } from './due-queue.js';
import { verdictRows } from './outcome.js';
import type { Candidate } from './pick.js';
import { type Ended, type Result, Turn } from './turn.js';
import type { Verdict } from './verdict.js';
import type { WorkerEvents } from './worker-events.js';

/** The parts that a {@link Claims} works with. */
export interface ClaimsParts {
  readonly store: Store;
  readonly worker: WorkerFacts;
  readonly events: WorkerEvents;
  readonly dueQueue: DueQueue;
}

/** How many jobs a worker wants to claim, and how many of them may have a limit. */
export interface Wanted {
  readonly jobs: number;
  readonly limited: number;
}

/** A worker's claimed jobs, and the endings that the file does not have yet. */
export class Claims {
  readonly #parts: ClaimsParts;
  readonly #tools: AttemptTools;
  /** What the types want called at the end of their jobs. */
  readonly hooks: Hooks;
  readonly #jobs = new Map<string, ClaimedJob>();
  #ended: Ended[] = [];
  /**
   * True if `maxWorkers` others were at work at the last claim, so this worker has no place and could claim only types
   * that none of them ran.
   */
  #isExtra = false;
  /** True if due jobs waited at the last claim because `maxWorkers` others were at work. */
  #isCrowdedOut = false;
  /** True if due rows could not be read at the last try. */
  #cantRead = false;

  constructor(parts: ClaimsParts) {
    this.#parts = parts;
    this.#tools = attemptTools(parts.store);
    parts.events.worker = parts.worker.owner;
    this.hooks = new Hooks(parts.worker.types, (message, type) => parts.events.warn(message, type));
  }

  /** The number of claimed jobs that are not recorded as ended. */
  get size(): number {
    return this.#jobs.size;
  }

  /**
   * Counts other workers' claims in the file. A claimed job may be cancelled or rescued meanwhile. So a job in `#jobs`
   * is subtracted only if the file still has this claim.
   */
  get others(): number {
    const { index } = this.#parts.dueQueue;
    let others = 0;
    if (index === undefined) return others;
    for (const _ of index.withStatus('processing')) others++;
    for (const { id, version } of this.#jobs.values()) {
      const slot = index.find(id);
      if (slot !== undefined && index.status(slot) === 'processing' && index.version(slot) === version)
        others--;
    }
    return others;
  }

  /** True if this worker claimed a lone job. Such a job is always its only one, so the first entry tells. */
  get holdsLone(): boolean {
    for (const attempt of this.#jobs.values()) return attempt.isLone;
    return false;
  }

  /** True if there are endings to record. */
  get hasEnded(): boolean {
    return this.#ended.length > 0;
  }

  /** Notes an ending. */
  end(attempt: ClaimedJob, ending: Verdict): void {
    const progress = attempt.finish(ending.event, ending.thrown);
    const verdict = progress === undefined ? ending : { ...ending, change: { ...ending.change, progress } };
    const rows = verdictRows(attempt, verdict, attempt.claim);
    for (const row of rows) row.prepare();
    this.#ended.push({ attempt, verdict, rows });
  }

  /**
   * Records endings and claims jobs. Endings that could not be written are kept for the next commit.
   *
   * @param mayClaim false once the worker was told to stop
   * @returns the jobs to run, and the error if some rows were not written
   * @throws if nothing could be written
   */
  async commit(
    wanted: Wanted,
    rescue: boolean,
    mayClaim: () => boolean,
  ): Promise<{ claimed: readonly ClaimedJob[]; error: unknown }> {
    const { store, worker, dueQueue } = this.#parts;
    const { candidates, isCrowdedOut } = this.#take(wanted);
    if (wanted.jobs > 0) this.#noteCrowd(isCrowdedOut);
    const ended = this.#ended;
    this.#ended = [];
    if (ended.length + candidates.length === 0 && !rescue) {
      return { claimed: [], error: undefined };
    }
    const more: Candidate[] = [];
    const turn = new Turn(store, worker, {
      ended,
      candidates,
      pickMore: (index, limit, admissions) => {
        const picked = dueQueue.takeMore(index, limit, admissions);
        more.push(...picked);
        return picked;
      },
      mayClaim,
      rescue,
      hasPlace: this.hasPlace,
      mostLimited: wanted.limited,
      holds: (id) => this.#jobs.has(id),
    });
    let result: Result;
    try {
      result = await turn.commit();
    } catch (error) {
      this.#ended = ended.concat(this.#ended);
      dueQueue.putBack([...candidates, ...more]);
      throw error;
    }
    return { claimed: this.#apply(result), error: result.error };
  }

  /** True if due rows could not be read, or if an idle worker had no place, at the last claim. */
  get mustWait(): boolean {
    return this.#cantRead || (this.size === 0 && this.#isCrowdedOut);
  }

  /** If failed writes left jobs claimed, lets other workers of this process rescue them at once. */
  close(): void {
    if (this.size > 0) giveUp(this.#parts.worker.owner);
  }

  /** True if the worker has claimed jobs, and has one of the `maxWorkers` places for them. */
  get hasPlace(): boolean {
    return this.size > 0 && !this.#isExtra;
  }

  /** Takes jobs to claim. If due rows can't be read, endings are still recorded, and handlers go on. */
  #take({ jobs, limited }: Wanted): Picked {
    if (jobs === 0) return { candidates: [], isCrowdedOut: false };
    const { store, events, dueQueue } = this.#parts;
    try {
      const picked = dueQueue.take(jobs, {
        isIdle: this.size === 0,
        hasPlace: this.hasPlace,
        mostLimited: limited,
        changes: this.#ended.flatMap(({ rows }) => rows[0] ?? []),
      });
      this.#cantRead = false;
      return picked;
    } catch (error) {
      const told = storeError(error, store.path);
      if (this.size === 0) throw told;
      if (!this.#cantRead) events.warn(`could not read the due jobs: ${(told as Error).message}`);
      this.#cantRead = true;
      return { candidates: [], isCrowdedOut: false };
    }
  }

  #apply(result: Result): ClaimedJob[] {
    const { worker, events, dueQueue } = this.#parts;
    this.#ended = result.unrecorded.concat(this.#ended);
    for (const id of worker.goingOn.keys()) if (!worker.runningHere.has(id)) worker.goingOn.delete(id);
    for (const done of result.recorded) {
      const { id, claim } = done.attempt;
      if (worker.runningHere.has(id)) worker.goingOn.set(id, claim);
      this.#jobs.delete(id);
      events.ended(done);
      this.#callHooks(done);
    }
    for (const { attempt } of result.lost) this.#drop(attempt);
    for (const rescued of result.rescued) {
      events.rescued(rescued);
      const { rows, type, failed, error } = rescued;
      if (failed) this.hooks.failed(type, () => rows[0].toJob(), new Error(error));
    }
    for (const type of result.left) events.left(type);
    // Retries, follow-ups and rescued jobs may now be due.
    if (result.recorded.length + result.rescued.length > 0) dueQueue.refresh();
    dueQueue.putBack(result.unclaimed);
    const attempts = result.claimed.map(({ claim, isLone }) => new ClaimedJob(claim, isLone, this.#tools));
    for (const attempt of attempts) {
      this.#jobs.set(attempt.id, attempt);
      events.goesOn('claimed', attempt);
    }
    events.summary.claimed += attempts.length;
    if (result.isCrowdedOut) this.#noteCrowd(true);
    if (attempts.length > 0) this.#isExtra = result.isExtra;
    return attempts;
  }

  #callHooks({ attempt: { type }, verdict, rows }: Ended): void {
    const jobOf = (): Job => (rows[0] as StoredJob).toJob();
    if (verdict.event === 'completed') this.hooks.succeeded(type, jobOf);
    if (verdict.event === 'failed') this.hooks.failed(type, jobOf, verdict.thrown);
  }

  #noteCrowd(isCrowdedOut: boolean): void {
    this.#isCrowdedOut = isCrowdedOut;
    if (isCrowdedOut) this.#parts.events.crowdedOutAt = this.#parts.store.clock.now();
  }

  /** Drops a job that was cancelled or rescued. */
  #drop(attempt: ClaimedJob): void {
    const { events, dueQueue } = this.#parts;
    // The worker may have claimed a retried job again.
    if (this.#jobs.get(attempt.id) === attempt) this.#jobs.delete(attempt.id);
    const { index } = dueQueue;
    const slot = index?.find(attempt.id);
    // No slot: the ended job's row has left the index, for the sealed part or the archive. It can't be a rescue,
    // because a rescue waits longer than the job may run.
    const isCancelled =
      slot === undefined ? attempt.stopped === 'cancelled' : index?.status(slot) === 'cancelled';
    events.dropped(attempt, isCancelled);
  }
}
