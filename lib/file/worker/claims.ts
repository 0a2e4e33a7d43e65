import type { ResolvedWorkerOptions } from '../../job/options.js';
import type { WorkerFacts } from '../admission/worker-facts.js';
import { storeError } from '../disk/fs.js';
import type { JobIndex } from '../index/job-index.js';
import { giveUp } from '../lock/overdue.js';
import type { Store } from '../store.js';
import type { DueQueue, Picked } from './due-queue.js';
import { HeldJob } from './held-job.js';
import { type Verdict, verdictRows } from './outcome.js';
import type { Candidate } from './pick.js';
import { type Ended, type Result, Turn } from './turn.js';
import type { WorkerEvents } from './worker-events.js';

/** What a {@link Claims} works with. */
export interface ClaimsParts {
  readonly store: Store;
  readonly worker: WorkerFacts;
  readonly options: ResolvedWorkerOptions;
  readonly events: WorkerEvents;
  readonly dueQueue: DueQueue;
}

/** The jobs a worker holds, and the endings that the file does not have yet. */
export class Claims {
  readonly #parts: ClaimsParts;
  readonly #held = new Map<string, HeldJob>();
  #ended: Ended[] = [];
  /** True if too many others worked at the last claim, and none of them ran what was claimed. */
  #isExtra = false;
  /** True if due jobs waited at the last claim because too many others were at work. */
  #isCrowdedOut = false;
  /** True if due rows could not be read at the last try. */
  #cantRead = false;

  constructor(parts: ClaimsParts) {
    this.#parts = parts;
  }

  /** The number of jobs claimed and not recorded as ended. */
  get held(): number {
    return this.#held.size;
  }

  /** Counts other workers' claims in the file. A held job may be cancelled or rescued meanwhile. */
  othersIn(index: JobIndex): number {
    let others = 0;
    for (const _ of index.withStatus('processing')) others++;
    for (const { id, version } of this.#held.values()) {
      const slot = index.find(id);
      if (slot !== undefined && index.status(slot) === 'processing' && index.version(slot) === version)
        others--;
    }
    return others;
  }

  /** True if the one job held may kill its worker: then nothing else is claimed. */
  get holdsLone(): boolean {
    for (const attempt of this.#held.values()) return attempt.isLone;
    return false;
  }

  /** True if there is something to record. */
  get hasEnded(): boolean {
    return this.#ended.length > 0;
  }

  /** Notes an ending. */
  end(attempt: HeldJob, verdict: Verdict): void {
    const rows = verdictRows(attempt, verdict, attempt.claim);
    for (const row of rows) row.prepare();
    this.#ended.push({ attempt, verdict, rows });
  }

  /**
   * Records endings and claims jobs. What could not be written is kept for the next commit.
   *
   * @param wanted how many to claim
   * @param mayClaim false once the worker was told to stop
   * @returns the jobs to run; if follow-ups of a completion are missing; and why not all could be written
   * @throws if nothing could be written
   */
  async commit(
    wanted: number,
    rescue: boolean,
    mayClaim: () => boolean,
  ): Promise<{ claimed: readonly HeldJob[]; owesFollowUps: boolean; error: unknown }> {
    const { store, worker, options, dueQueue } = this.#parts;
    const { candidates, isCrowdedOut } = this.#take(wanted);
    if (wanted > 0) this.#noteCrowd(isCrowdedOut);
    const ended = this.#ended;
    this.#ended = [];
    if (ended.length + candidates.length === 0 && !rescue) {
      return { claimed: [], owesFollowUps: false, error: undefined };
    }
    const more: Candidate[] = [];
    const turn = new Turn(store, worker, options, {
      ended,
      candidates,
      pickMore: (index, most, admissions) => {
        const picked = dueQueue.takeMore(index, most, admissions);
        more.push(...picked);
        return picked;
      },
      mayClaim,
      rescue,
      hasPlace: this.hasPlace,
      holds: (id) => this.#held.has(id),
    });
    let result: Result;
    try {
      result = await turn.commit();
    } catch (error) {
      this.#ended = ended.concat(this.#ended);
      dueQueue.putBack([...candidates, ...more]);
      throw error;
    }
    const { owesFollowUps, error } = result;
    return { claimed: this.#apply(result), owesFollowUps, error };
  }

  /** True if the last claim failed because due rows could not be read or too many others were at work. */
  get mustWait(): boolean {
    return this.#cantRead || (this.held === 0 && this.#isCrowdedOut);
  }

  /** Gives up jobs still held because of failed writes. */
  close(): void {
    if (this.held > 0) giveUp(this.#parts.worker.owner);
  }

  /** True if it holds jobs, and has one of the `maxWorkers` places for them. */
  get hasPlace(): boolean {
    return this.held > 0 && !this.#isExtra;
  }

  /** Takes jobs to claim. If due rows can't be read, endings are still recorded and handlers run on. */
  #take(wanted: number): Picked {
    if (wanted === 0) return { candidates: [], isCrowdedOut: false };
    const { store, events, dueQueue } = this.#parts;
    try {
      const picked = dueQueue.take(wanted, { alone: this.held === 0, hasPlace: this.hasPlace });
      this.#cantRead = false;
      return picked;
    } catch (error) {
      const told = storeError(error, store.path);
      if (this.held === 0) throw told;
      if (!this.#cantRead) events.warn(`could not read what is due: ${(told as Error).message}`);
      this.#cantRead = true;
      return { candidates: [], isCrowdedOut: false };
    }
  }

  #apply(result: Result): HeldJob[] {
    const { store, events, dueQueue } = this.#parts;
    this.#ended = result.unrecorded.concat(this.#ended);
    for (const done of result.recorded) {
      this.#held.delete(done.attempt.id);
      events.ended(done);
    }
    for (const { attempt } of result.lost) this.#drop(attempt);
    for (const rescued of result.rescued) events.rescued(rescued);
    for (const type of result.left) events.left(type);
    // Retries, follow-ups and rescued jobs may now be due.
    if (result.recorded.length + result.rescued.length > 0) dueQueue.refresh();
    dueQueue.putBack(result.unclaimed);
    const { clock, options } = store;
    const attempts = result.claimed.map(
      ({ claim, isLone }) => new HeldJob(claim, isLone, clock.now, options.maxPayload),
    );
    for (const attempt of attempts) this.#held.set(attempt.id, attempt);
    events.summary.claimed += attempts.length;
    if (result.isCrowdedOut) this.#noteCrowd(true);
    if (attempts.length > 0) this.#isExtra = result.isExtra;
    return attempts;
  }

  #noteCrowd(isCrowdedOut: boolean): void {
    this.#isCrowdedOut = isCrowdedOut;
    if (isCrowdedOut) this.#parts.events.crowdedOutAt = this.#parts.store.clock.now();
  }

  /** Drops a job that was cancelled or rescued. */
  #drop(attempt: HeldJob): void {
    const { events, dueQueue } = this.#parts;
    // A retried job may be held again.
    if (this.#held.get(attempt.id) === attempt) this.#held.delete(attempt.id);
    const { index } = dueQueue;
    const slot = index?.find(attempt.id);
    // The row was already moved. That is no rescue, because a rescue waits longer than the job may run.
    const isCancelled =
      slot === undefined ? attempt.stopped === 'cancelled' : index?.status(slot) === 'cancelled';
    events.dropped(attempt, isCancelled);
  }
}
