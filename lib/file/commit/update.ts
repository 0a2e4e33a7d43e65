import { TsvqError } from '../../job/errors.js';
import { storeError } from '../disk/fs.js';
import type { StoredJob } from '../format/stored-job.js';
import { type Reads, type Snapshot, StaleIndex, Transaction } from './transaction.js';

/**
 * Looks at the queue and asks for rows. It may be called again; see {@link Transaction}.
 *
 * @throws whatever it likes: then none of its rows is written, and the update rejects with that
 */
export type Decide<T> = (tx: Transaction) => T;

/** Some of the rows of an update could not be written; `written` has the jobs whose rows are in the file. */
export class Incomplete extends TsvqError {}

/**
 * One change on its way into the file.
 *
 * A change starts over if it is not decided after a try: then it takes part in the commit's next try. The reason may be
 * that it could not decide, that its rows were not written whole, or that they did not count.
 */
export class Update<T = unknown> {
  readonly reads: Reads;
  /** Resolves with what the change has decided, as soon as all its rows are in the file and durable. */
  readonly done: Promise<T>;
  /** Whether it is known what becomes of it: it is told by {@link settle}. */
  isDecided = false;
  /** The rows that it asks for in this try. */
  rows: readonly StoredJob[] = [];
  /** True if it gave up for this try; see {@link startOver}. */
  startsOver = false;
  readonly #decide: Decide<T>;
  /** What it has asked for in earlier tries. */
  #tried: StoredJob[] = [];
  #tx: Transaction | undefined;
  /** How many of its rows an unfinished try has put into the file. */
  #rowsIn = 0;
  #result!: T;
  #error: unknown;
  #resolve!: (result: T) => void;
  #reject!: (error: unknown) => void;

  constructor(reads: Reads, decide: Decide<T>) {
    this.reads = reads;
    this.#decide = decide;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** The jobs that it has asked for rows of. */
  get ids(): string[] {
    return [...this.#tried, ...this.rows].map(({ id }) => id);
  }

  /** Decides, once in each try. */
  decide(snapshot: Snapshot): void {
    for (const row of this.rows) this.#tried.push(row);
    this.rows = [];
    this.#rowsIn = 0;
    this.startsOver = false;
    try {
      this.#tx = new Transaction(snapshot, this.#tried);
      this.#result = this.#decide(this.#tx);
      this.rows = this.#tx.rows;
      // No more than one row of a job in a commit: of two, the second would count even where the first came too
      // late, because another process wrote that version before.
      const { decided } = snapshot;
      if (decided.size > 0 && this.rows.some(({ id }) => decided.has(id))) this.startOver();
    } catch (error) {
      if (error instanceof StaleIndex) this.startOver();
      else this.#refuse(error);
    }
  }

  /** Gives up for this try, and asks for no rows in it: the next try decides. */
  startOver(): void {
    this.rows = [];
    this.startsOver = true;
  }

  /** Takes what it has thrown as its result: it asks for no rows. */
  #refuse(error: unknown): void {
    this.rows = [];
    this.#error = error;
    this.isDecided = true;
  }

  /** So many of its rows are in the file. @param error why the others are not; without one, there is another try */
  wrote(rows: number, error: unknown): void {
    if (this.isDecided || this.startsOver) return;
    const isComplete = rows === this.rows.length;
    this.isDecided = isComplete || error !== undefined;
    this.#rowsIn = rows;
    if (!isComplete) this.#error = error && this.#incomplete(error);
  }

  /** Tells the caller, if there is something to tell. */
  settle(): void {
    if (!this.isDecided) return;
    if (this.#error === undefined) this.#resolve(this.#result);
    else this.#reject(this.#error);
  }

  /** The commit failed as a whole. */
  fail(error: unknown, path: string): void {
    this.isDecided = true;
    const told = storeError(error, path);
    if (this.#rowsIn > 0) this.#reject(this.#incomplete(told));
    else this.#reject(this.ids.length > 0 ? unsure(told) : told);
  }

  #incomplete(error: unknown): unknown {
    if (!(error instanceof TsvqError)) return error;
    const { code, message, cause } = error;
    return new Incomplete(code, message, { cause, written: this.#tx?.idsInFile(this.#rowsIn) ?? [] });
  }
}

/** LOCK_TIMEOUT after an append: the rows may be in the file. */
function unsure(cause: unknown): unknown {
  if (!(cause instanceof TsvqError) || cause.code !== 'LOCK_TIMEOUT') return cause;
  const [what] = cause.message.split('; ');
  const message = `${what}, after the rows had been written: whether they are in the file, and on the disk, is unknown; look before you try again`;
  return new TsvqError('WRITE_FAILED', message, { cause });
}

const READS: readonly Reads[] = ['nothing', 'open', 'all'];

/** What has to be read for all of them. */
export const mostOf = (updates: readonly Update[]): Reads =>
  READS[Math.max(...updates.map(({ reads }) => READS.indexOf(reads)))] as Reads;
