import { TsvqError } from '../../job/errors.js';
import { storeError } from '../disk/fs.js';
import type { StoredJob } from '../format/stored-job.js';
import { type Reads, type Snapshot, StaleIndex, Transaction } from './transaction.js';

/**
 * A function that looks at the queue and asks for rows. It may be called again; see {@link Transaction}.
 *
 * @throws any error: then none of its rows is written, and the update rejects with that error
 */
export type Decide<T> = (tx: Transaction) => T;

/** The error of an update whose rows could not all be written; `written` has the jobs whose rows are in the file. */
export class Incomplete extends TsvqError {}

/**
 * One change on its way into the file.
 *
 * A change that is not decided after a try starts over: it takes part in the commit's next try. The reason may be that
 * it could not decide, that its rows were not written whole, or that they did not count.
 */
export class Update<T = unknown> {
  readonly reads: Reads;
  /** Resolves with the result of `decide`, as soon as all rows of the change are in the file and durable. */
  readonly done: Promise<T>;
  /** True once the outcome is known; {@link settle} tells the caller. */
  isDecided = false;
  /** The rows that the change asks for in this try. */
  rows: readonly StoredJob[] = [];
  /** True if the change gave up for this try; see {@link startOver}. */
  startsOver = false;
  /** True if the index was found wrong in this try. */
  #isStale = false;
  readonly #decide: Decide<T>;
  /** The rows that the change asked for in earlier tries. */
  #tried: StoredJob[] = [];
  #tx: Transaction | undefined;
  /** How many rows of the change an unfinished try has put into the file. */
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

  /** True if the rows that the change found must be durable before the caller is told. */
  get reliesOnRows(): boolean {
    return this.#tx?.reliesOnRows ?? false;
  }

  /** True if the change only waited for others of its commit: it found no wrong row, and has asked for none. */
  get isUntried(): boolean {
    return !this.#isStale && this.ids.length === 0;
  }

  /** The jobs that the change has asked for rows of. */
  get ids(): string[] {
    return [...this.#tried, ...this.rows].map(({ id }) => id);
  }

  /** Calls the function that decides, once in each try. */
  decide(snapshot: Snapshot): void {
    for (const row of this.rows) this.#tried.push(row);
    this.rows = [];
    this.#rowsIn = 0;
    this.startsOver = false;
    this.#isStale = false;
    const { earlier } = snapshot;
    const isBehind = this.reads !== 'nothing' && earlier.rows.length > 0;
    try {
      this.#tx = new Transaction(snapshot, this.#tried);
      this.#result = this.#decide(this.#tx);
      this.rows = this.#tx.rows;
      // A commit has at most one row of a job. With two, the second would count even if the first came too late,
      // because another process wrote that version before.
      if (isBehind && this.rows.some(({ id }) => earlier.find(id) !== undefined)) this.startOver();
    } catch (error) {
      this.#isStale = error instanceof StaleIndex;
      // It may have refused because of a row that a short write leaves out.
      if (this.#isStale || isBehind) this.startOver();
      else this.#refuse(error);
    }
  }

  /** Gives up for this try, without rows; the next try decides. */
  startOver(): void {
    this.rows = [];
    this.startsOver = true;
  }

  /** Takes the error that `decide` threw as the result, without rows. */
  #refuse(error: unknown): void {
    this.rows = [];
    this.#error = error;
    this.isDecided = true;
  }

  /** Notes how many rows are in the file. @param error why the others are not; if undefined, there is another try */
  wrote(rows: number, error: unknown): void {
    if (this.isDecided || this.startsOver) return;
    const isComplete = rows === this.rows.length;
    this.isDecided = isComplete || error !== undefined;
    this.#rowsIn = rows;
    if (!isComplete) this.#error = error && this.#incomplete(error);
  }

  /** Tells the caller the outcome, if it is known. */
  settle(): void {
    if (!this.isDecided) return;
    if (this.#error === undefined) this.#resolve(this.#result);
    else this.#reject(this.#error);
  }

  /** Tells the caller that the commit failed as a whole. */
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

/** Turns LOCK_TIMEOUT after an append into an error that says that the rows may be in the file. */
function unsure(cause: unknown): unknown {
  if (!(cause instanceof TsvqError) || cause.code !== 'LOCK_TIMEOUT') return cause;
  const [what] = cause.message.split('; ');
  const message = `${what}, after the rows had been written: whether they are in the file, and on the disk, is unknown; look before you try again`;
  return new TsvqError('WRITE_FAILED', message, { cause });
}

const READS: readonly Reads[] = ['nothing', 'open', 'all'];

/** Returns how much has to be read for all these updates. */
export const mostOf = (updates: readonly Update[]): Reads =>
  READS[Math.max(...updates.map(({ reads }) => READS.indexOf(reads)))] as Reads;
