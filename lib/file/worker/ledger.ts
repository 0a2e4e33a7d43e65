import { TsvqError } from '../../job/errors.js';
import type { ResolvedWorkerOptions } from '../../job/options.js';
import { giveUp } from '../chores/rescue-rule.js';
import { storeError } from '../disk/fs.js';
import type { JobIndex } from '../index/job-index.js';
import type { Store } from '../store.js';
import { Attempt } from './attempt.js';
import { commitBatch, type Ended, type Result } from './batch.js';
import type { Candidate } from './claim.js';
import type { DueQueue } from './due-queue.js';
import { type Verdict, verdictRows } from './outcome.js';
import type { WorkerEvents } from './worker-events.js';

/** The jobs a worker holds, and the endings that the file does not have yet. */
export class Ledger {
  readonly #store: Store;
  readonly #owner: string;
  readonly #options: ResolvedWorkerOptions;
  readonly #events: WorkerEvents;
  readonly #dueQueue: DueQueue;
  readonly #start: (attempts: readonly Attempt[]) => void;
  readonly #held = new Map<string, Attempt>();
  #ended: Ended[] = [];
  /** True if a completion is in without its follow-ups: a compaction must make them. */
  #owesFollowUps = false;

  /** True if due rows could not be read at the last try. */
  #cantRead = false;

  /** @param start receives the attempts as soon as their claims are durable */
  constructor(
    store: Store,
    owner: string,
    options: ResolvedWorkerOptions,
    events: WorkerEvents,
    backlog: DueQueue,
    start: (attempts: readonly Attempt[]) => void,
  ) {
    this.#store = store;
    this.#owner = owner;
    this.#options = options;
    this.#events = events;
    this.#dueQueue = backlog;
    this.#start = start;
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
  get holdsSuspect(): boolean {
    for (const attempt of this.#held.values()) return attempt.suspect;
    return false;
  }

  /** True if there is something to record. */
  get isDue(): boolean {
    return this.#ended.length > 0;
  }

  /** Notes an ending. */
  end(attempt: Attempt, verdict: Verdict): void {
    const rows = verdictRows(attempt, verdict, attempt.claim);
    for (const row of rows) row.prepare();
    this.#ended.push({ attempt, verdict, rows });
  }

  /**
   * Records endings and claims jobs. What could not be written is kept for the next commit.
   *
   * @param wanted how many to claim
   * @param mayClaim see {@link Plan}
   * @returns true if nothing was claimed because too many others are at work, or what is due can't be read
   */
  async commit(wanted: number, rescue: boolean, mayClaim: () => boolean): Promise<boolean> {
    const candidates = this.#take(wanted);
    const ended = this.#ended;
    this.#ended = [];
    if (ended.length + candidates.length === 0 && !rescue) return this.#cantRead;
    const more: Candidate[] = [];
    const pickMore = (index: JobIndex, most: number): Candidate[] => {
      const picked = this.#dueQueue.takeMore(index, this.#store.clock.now(), most);
      more.push(...picked);
      return picked;
    };
    let result: Result;
    try {
      result = await commitBatch(this.#store, this.#owner, this.#options, {
        ended,
        candidates,
        pickMore,
        mayClaim,
        rescue,
        handles: (type) => this.#dueQueue.handles(type),
        comes: this.held === 0,
        holds: (id) => this.#held.has(id),
      });
    } catch (error) {
      this.#ended = ended.concat(this.#ended);
      this.#dueQueue.putBack([...candidates, ...more]);
      throw error;
    }
    this.#apply(result);
    if (result.error !== undefined) throw result.error;
    return result.crowded || this.#cantRead;
  }

  /** Takes jobs to claim. If due rows can't be read, endings are still recorded and handlers run on. */
  #take(wanted: number): Candidate[] {
    if (wanted === 0) return [];
    try {
      const candidates = this.#dueQueue.take(this.#store.clock.now(), wanted, this.held === 0);
      this.#cantRead = false;
      return candidates;
    } catch (error) {
      const told = storeError(error, this.#store.path);
      if (this.held === 0) throw told;
      if (!this.#cantRead) this.#events.warn(`could not read what is due: ${(told as Error).message}`);
      this.#cantRead = true;
      return [];
    }
  }

  /**
   * Compacts if follow-ups are owed, otherwise if it is worth it. If the latter fails, nothing is lost,
   * because the next worker tries again.
   *
   * @param smallToo see {@link Store.compactIfWorthwhile}
   */
  async compact(smallToo: boolean): Promise<void> {
    if (this.#owesFollowUps) {
      await this.#store.compact();
      this.#owesFollowUps = false;
      return;
    }
    try {
      await this.#store.compactIfWorthwhile(smallToo);
    } catch (error) {
      const goesOn = error instanceof TsvqError && error.code !== 'SYNC_FAILED' && error.code !== 'CLOSED';
      if (!goesOn) throw error;
      this.#events.warn(`could not compact the queue: ${error.message}`);
    }
  }

  /** Gives up jobs still held because of failed writes. */
  close(): void {
    if (this.held > 0) giveUp(this.#owner);
  }

  #apply(result: Result): void {
    this.#owesFollowUps ||= result.owesFollowUps;
    this.#ended = result.unrecorded.concat(this.#ended);
    for (const done of result.recorded) {
      this.#held.delete(done.attempt.id);
      this.#events.ended(done);
    }
    for (const { attempt } of result.lost) this.#drop(attempt);
    for (const rescued of result.rescued) this.#events.rescued(rescued);
    for (const type of result.left) this.#events.left(type);
    // Retries, follow-ups and rescued jobs may now be due.
    if (result.recorded.length + result.rescued.length > 0) this.#dueQueue.refresh();
    this.#dueQueue.putBack(result.unclaimed);
    const { clock, options } = this.#store;
    const attempts = result.claimed.map(
      ({ claim, suspect }) => new Attempt(claim, suspect, clock.now, options.maxPayload),
    );
    for (const attempt of attempts) this.#held.set(attempt.id, attempt);
    this.#events.summary.claimed += attempts.length;
    this.#start(attempts);
  }

  /** Drops a job that was cancelled or rescued. */
  #drop(attempt: Attempt): void {
    // A retried job may be held again.
    if (this.#held.get(attempt.id) === attempt) this.#held.delete(attempt.id);
    const { index } = this.#dueQueue;
    const slot = index?.find(attempt.id);
    // The row was already moved. That is no rescue, because a rescue waits longer than the job may run.
    const isCancelled =
      slot === undefined ? attempt.stopped === 'cancelled' : index?.status(slot) === 'cancelled';
    this.#events.dropped(attempt, isCancelled);
  }
}
