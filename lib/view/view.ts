import type { Health } from '../job/health.js';
import { isFinal, type Job } from '../job/job.js';
import type { ArchivedEnd, Found } from '../job/row-source.js';
import { rowsOf } from '../open-queue.js';
import type { Queue } from '../queue.js';
import { Board } from './board.js';
import { groupText } from './error-group.js';
import { type Explanation, explain } from './explain.js';
import { type FoundPage, MOST_FOUND, type TextFilter } from './found-page.js';
import { hasText } from './has-text.js';
import { type HistoryEntry, historyOf } from './history.js';
import { findProblems, type Patience, type Problem } from './problems.js';
import { type PageOptions, query, type State } from './query.js';
import { type FailureSnapshot, type Snapshot, takeSnapshot } from './snapshot.js';
import { type ShownStep, shownSteps } from './steps.js';

export type { FoundPage, TextFilter };

/** What a view shows of a queue at one moment. */
export interface Look {
  readonly snapshot: Snapshot;
  readonly health: Health;
  /** What is wrong; empty if all is well. */
  readonly problems: readonly Problem[];
}

/** Keys that were given out before the board was emptied differ from those after it by a multiple of this. */
const EMPTYING = 2 ** 32;
/** How many jobs are read before other callbacks get their turn. */
const TOGETHER = 500;

/**
 * A view of a queue, which is brought up to date with each look. The keys that it gives name the same jobs for good: after
 * a compaction they name none.
 */
export class View {
  readonly board: Board = new Board();
  readonly #queue: Queue;
  readonly #rows: ReturnType<typeof rowsOf>;
  readonly #redact: ((job: Job) => Job) | undefined;
  /** The last search; it holds until the board changes. */
  #search: { readonly text: string; readonly changes: number; readonly found: Promise<Found> } | undefined;

  /** @param redact hides what must not be seen of a job; given its own answer, it returns that */
  constructor(queue: Queue, redact?: (job: Job) => Job) {
    this.#queue = queue;
    this.#rows = rowsOf(queue, this.board);
    this.#redact = redact;
  }

  /** Reads what is new of the jobs. @param now in ms since 1970 */
  async snapshot(now: number): Promise<Snapshot> {
    do await this.#rows.read();
    while (!this.#rows.isWhole);
    const { running, retries, failures, ...rest } = takeSnapshot(this.board, now);
    return {
      ...rest,
      running: running.map(this.keyFor),
      retries: retries.map(this.keyFor),
      failures: failures.map((group) =>
        this.#redacted({ ...group, newestKey: this.keyFor(group.newestKey) }),
      ),
    };
  }

  /** Reads what is new, and looks at all. @param now in ms since 1970 */
  async look(now: number, patience: Patience): Promise<Look> {
    const snapshot = await this.snapshot(now);
    const health = await this.#rows.health(patience.maxAge);
    return { snapshot, health, problems: findProblems(snapshot, health, patience) };
  }

  /** Returns the jobs of the last look that a filter allows. The next page needs no new search. */
  async query({ text = '', ...filter }: TextFilter, options: Omit<PageOptions, 'among'>): Promise<FoundPage> {
    for (;;) {
      // Another file has taken the place of the one that was looked at.
      while (!this.#rows.isWhole) await this.#rows.read();
      const { resets } = this.board;
      const found = text === '' ? undefined : await this.#find(text);
      if (this.board.resets !== resets || !this.#rows.isWhole) continue;
      const page = query(this.board, filter, { ...options, among: found?.keys });
      return { ...page, keys: page.keys.map(this.keyFor), hasMore: found?.hasMore ?? false };
    }
  }

  #find(text: string): Promise<Found> {
    const { changes } = this.board;
    if (this.#search?.text !== text || this.#search.changes !== changes) {
      const found = this.#findAgain(text);
      this.#search = { text, changes, found };
      // A search that failed is tried again.
      found.catch(() => {
        if (this.#search?.found === found) this.#search = undefined;
      });
    }
    return this.#search.found;
  }

  /** Finds jobs, of those with hidden parts only if the rest has the text. */
  async #findAgain(text: string): Promise<Found> {
    const found = await this.#rows.search(text, MOST_FOUND);
    const redact = this.#redact;
    if (redact === undefined) return found;
    const keys: number[] = [];
    for (let i = 0; i < found.keys.length; i += TOGETHER) {
      const some = found.keys.slice(i, i + TOGETHER);
      const jobs = this.#rows.jobs(some);
      keys.push(...some.filter((_, k) => jobs[k] !== undefined && hasText(redact(jobs[k] as Job), text)));
      await new Promise(setImmediate);
    }
    return { ...found, keys };
  }

  /** Lets a group of failures say only what may be seen of its newest job. */
  #redacted(group: FailureSnapshot): FailureSnapshot {
    if (this.#redact === undefined) return group;
    const [job] = this.#rowsOfKeys([group.newestKey]);
    if (job === undefined) return { ...group, text: '…' };
    const { error } = this.#redact(job);
    return error === job.error ? group : { ...group, text: groupText(error ?? '') };
  }

  /** Returns what the queue still knows of what happened to a job. It may read the whole file. @param now in ms */
  async history(id: string, now: number): Promise<HistoryEntry[]> {
    const jobs = await this.#rows.history(id);
    const entries = historyOf(jobs, now);
    const redact = this.#redact;
    if (redact === undefined) return entries;
    const errors = new Map(jobs.map((job) => [job.error, redact(job).error]));
    return entries.map((entry) => ({ ...entry, error: errors.get(entry.error) }));
  }

  /** Returns the recorded steps of a job. Their results are left out if parts of jobs are hidden. */
  async steps(id: string): Promise<ShownStep[]> {
    return shownSteps(await this.#rows.steps(id), this.#redact !== undefined);
  }

  /** Says why a job is where it is, and what happens next. @param now in ms since 1970 */
  async explain(job: Job, now: number): Promise<Explanation> {
    const parents = await this.parents(job);
    return explain(this.#redact?.(job) ?? job, {
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
    const jobs = this.#rowsOfKeys(keys);
    return this.#redact === undefined ? jobs : jobs.map(this.#redact);
  }

  /** Returns a job's state; that of a pending one says when its turn is. @param now in ms since 1970 */
  stateOf({ id, status }: Job, now: number): State {
    const key = status === 'pending' ? this.#rows.keyOf(id) : undefined;
    // A job that is newer than the last look is not on the board.
    const isSeen = key !== undefined && this.board.status(key) === 'pending';
    return isSeen ? this.board.pendingState(key, now) : status;
  }

  /** Returns the id of the group of a job's error; undefined if it has none, or was not there at the last look. */
  groupOf(id: string): string | undefined {
    const key = this.#rows.keyOf(id);
    return key === undefined || this.board.status(key) === undefined
      ? undefined
      : this.board.groups.get(this.board.group(key))?.id;
  }

  /** Returns all jobs that run. */
  running(): Job[] {
    const keys: number[] = [];
    this.board.running.forEach((key) => keys.push(this.keyFor(key)));
    return this.jobs(keys);
  }

  /** Returns the ids of jobs of the last look; those that have changed since are missing. */
  async ids(keys: readonly number[]): Promise<string[]> {
    const ids: string[] = [];
    for (let i = 0; i < keys.length; i += TOGETHER) {
      ids.push(...this.#rowsOfKeys(keys.slice(i, i + TOGETHER)).map(({ id }) => id));
      await new Promise(setImmediate);
    }
    return ids;
  }

  /** Counts jobs of the last look by their types. */
  typesOf(keys: readonly number[]): Map<string, number> {
    const types = new Map<string, number>();
    for (const key of this.#boardKeys(keys)) {
      const { name } = this.board.type(key);
      types.set(name, (types.get(name) ?? 0) + 1);
    }
    return types;
  }

  #rowsOfKeys(keys: readonly number[]): Job[] {
    return this.#rows.jobs(this.#boardKeys(keys)).filter((job) => job !== undefined);
  }

  /** Returns the keys on the board, of those jobs that are still there. */
  #boardKeys(keys: readonly number[]): number[] {
    const from = this.board.resets * EMPTYING;
    return keys.map((key) => key - from).filter((key) => key >= 0 && key < EMPTYING);
  }

  /** Returns a job's key by its id; undefined if there is no such job. */
  keyOf(id: string): number | undefined {
    const key = this.#rows.keyOf(id);
    return key === undefined ? undefined : this.keyFor(key);
  }

  /** Returns the key that the view gives to a job, by its key on the board. */
  readonly keyFor = (key: number): number => this.board.resets * EMPTYING + key;

  /** Finds archived jobs that ended after a time, by id. @param since in ms since 1970 */
  archivedEnds(since: number): Promise<Map<string, ArchivedEnd>> {
    return this.#rows.archivedEnds(since);
  }

  /** Says if a worker lives, by its name in a job; undefined if that can't be told from here. */
  isAlive(worker: string): boolean | undefined {
    return this.#rows.isAlive(worker);
  }

  /** Returns when another worker takes a running job back although its own may live, in ms; undefined if it doesn't run. */
  async overdueAt(job: Job): Promise<number | undefined> {
    return (await this.#rows.surroundings(job)).overdueAt;
  }

  close(): void {
    this.#rows.close();
  }
}
