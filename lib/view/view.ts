import type { Health } from '../job/health.js';
import { isFinal, type Job } from '../job/job.js';
import type { Found } from '../job/row-source.js';
import { rowsOf } from '../open-queue.js';
import type { Queue } from '../queue.js';
import { Board } from './board.js';
import { type Explanation, explain } from './explain.js';
import { type HistoryEntry, historyOf } from './history.js';
import { findProblems, type Patience, type Problem } from './problems.js';
import { type Filter, type Page, type PageOptions, query, type State } from './query.js';
import { type Snapshot, takeSnapshot } from './snapshot.js';

/** What a view shows of a queue at one moment. */
export interface Look {
  readonly snapshot: Snapshot;
  readonly health: Health;
  /** What is wrong; empty if all is well. */
  readonly problems: readonly Problem[];
}

/** The most jobs that a search finds. */
const MOST_FOUND = 20_000;

/** A filter of jobs, and a text that they must have. */
export interface TextFilter extends Filter {
  /** In the id, type, payload, error, result, key, group or labels; upper and lower case apart. Empty: any. */
  readonly text?: string;
}

/** A part of the jobs that a filter allows. */
export interface FoundPage extends Page {
  /** True if more jobs than {@link MOST_FOUND} have the text, so that some are missing. */
  readonly hasMore: boolean;
}

/** A view of a queue, which is brought up to date with each look. */
export class View {
  readonly board: Board = new Board();
  readonly #queue: Queue;
  readonly #rows: ReturnType<typeof rowsOf>;
  /** The last search; it holds until the board changes. */
  #search: { readonly text: string; readonly changes: number; readonly found: Promise<Found> } | undefined;

  constructor(queue: Queue) {
    this.#queue = queue;
    this.#rows = rowsOf(queue, this.board);
  }

  /** Reads what is new of the jobs. @param now in ms since 1970 */
  async snapshot(now: number): Promise<Snapshot> {
    await this.#rows.read();
    return takeSnapshot(this.board, now);
  }

  /** Reads what is new, and looks at all. @param now in ms since 1970 */
  async look(now: number, patience: Patience): Promise<Look> {
    const snapshot = await this.snapshot(now);
    const health = await this.#rows.health(patience.maxAge);
    return { snapshot, health, problems: findProblems(snapshot, health, patience) };
  }

  /** Returns the jobs of the last look that a filter allows. The next page needs no new search. */
  async query({ text = '', ...filter }: TextFilter, options: Omit<PageOptions, 'among'>): Promise<FoundPage> {
    if (text === '') return { ...query(this.board, filter, options), hasMore: false };
    const { keys, hasMore } = await this.#find(text);
    return { ...query(this.board, filter, { ...options, among: keys }), hasMore };
  }

  #find(text: string): Promise<Found> {
    const { changes } = this.board;
    if (this.#search?.text !== text || this.#search.changes !== changes) {
      const found = this.#rows.search(text, MOST_FOUND);
      this.#search = { text, changes, found };
      // A search that failed is tried again.
      found.catch(() => {
        this.#search = undefined;
      });
    }
    return this.#search.found;
  }

  /**
   * Returns what the queue still knows of what happened to a job. It may read the whole file.
   *
   * @param now in ms since 1970
   * @param shown returns a job as it may be shown. Default: as it is
   */
  async history(id: string, now: number, shown?: (job: Job) => Job): Promise<HistoryEntry[]> {
    return historyOf(await this.#rows.history(id), now, shown);
  }

  /** Says why a job is where it is, and what happens next. @param now in ms since 1970 */
  async explain(job: Job, now: number): Promise<Explanation> {
    const parents = await this.parents(job);
    return explain(job, {
      ...(await this.#rows.surroundings(job)),
      now,
      health: await this.#rows.health(600_000),
      isWorkerAlive: job.lockedBy === undefined ? undefined : this.isAlive(job.lockedBy),
      parents: parents.flatMap(({ id, job }) =>
        job === undefined || isFinal(job.status) ? [] : [`${id} (${job.type}): ${job.status}`],
      ),
    });
  }

  /** Returns the jobs that a job waits for, or waited for; undefined for one that is no longer there. */
  parents({ after }: Job): Promise<{ readonly id: string; readonly job: Job | undefined }[]> {
    return Promise.all(after.map(async (id) => ({ id, job: await this.#queue.getJob(id) })));
  }

  /** Returns jobs of the last look by their keys; those that have changed since are missing. */
  jobs(keys: readonly number[]): Job[] {
    return this.#rows.jobs(keys).filter((job) => job !== undefined);
  }

  /** Returns a job's state; that of a pending one says when its turn is. @param now in ms since 1970 */
  stateOf({ id, status }: Job, now: number): State {
    const key = status === 'pending' ? this.keyOf(id) : undefined;
    // A job that is newer than the last look is not on the board.
    const isSeen = key !== undefined && this.board.status(key) === 'pending';
    return isSeen ? this.board.pendingState(key, now) : status;
  }

  /** Returns a job's key by its id; undefined if there is no such job. A key is another one after a compaction. */
  keyOf(id: string): number | undefined {
    return this.#rows.keyOf(id);
  }

  /** Says if a worker lives, by its name in a job; undefined if that can't be told from here. */
  isAlive(worker: string): boolean | undefined {
    return this.#rows.isAlive(worker);
  }

  close(): void {
    this.#rows.close();
  }
}
