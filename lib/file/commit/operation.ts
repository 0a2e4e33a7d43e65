import { TsvqError } from '../../job/errors.js';
import { type FileSystem, storeError } from '../disk/fs.js';
import type { OpenFile } from '../disk/open-file.js';
import type { Superseded } from '../disk/strike.js';
import type { JobIndex } from '../index/job-index.js';
import { Append } from './append.js';
import { type Draft, StaleIndex, View } from './view.js';

/** How much of the file an operation has to know: nothing, what is still to do, or the finished jobs as well. */
export type Needs = 'nothing' | 'open' | 'all';

/**
 * Looks at the queue and says which rows to append; under the lock, unless it needs nothing of the file.
 *
 * @param round from 0; see {@link Store.commit}
 */
export type Decide = (view: View, round: number) => Draft[];

/** What came of an operation. */
export interface Outcome {
  /** The rows that its last `decide` asked for. */
  readonly drafts: readonly Draft[];
  /** How many of them are in the file: the first ones. */
  readonly written: number;
  /** Why the rest is not. */
  readonly error: unknown;
}

/** What a round of a commit works with. */
export interface RoundContext {
  readonly fs: FileSystem;
  readonly now: number;
  readonly file: OpenFile;
  /** Knows the file to its end, if an operation needs that. */
  readonly index: JobIndex | undefined;
  /** Where the file ended, with LF. */
  readonly before: number;
  readonly round: number;
  /** Where it starts over: jobs of these operations that have gone through the queue to the archive meanwhile. */
  readonly archived: ReadonlySet<string>;
  /** Whether what was appended stands where it counts. */
  readonly isValid: () => boolean;
  /** Closes a row that was cut short. */
  readonly closeTail: () => Promise<unknown>;
}

/** What a round has put into the file. */
export interface Written {
  /** Kept open until whoever syncs it lets go of it. */
  readonly file: OpenFile;
  /** Whether there is anything to sync. */
  readonly any: boolean;
  /** The rows that it supersedes. */
  readonly superseded: Superseded[];
}

/** One operation on its way into the file. */
export class Operation {
  readonly needs: Needs;
  readonly outcome: Promise<Outcome>;
  settled = false;
  readonly #decide: Decide;
  #drafts: Draft[] = [];
  #written = 0;
  #error: unknown;
  #rejected = false;
  /** For this round; the next one has another index. */
  #startsOver = false;
  #resolve!: (outcome: Outcome) => void;
  #reject!: (error: unknown) => void;

  constructor(needs: Needs, decide: Decide) {
    this.needs = needs;
    this.#decide = decide;
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Rejects, unless it is settled. */
  fail(error: unknown): void {
    this.settled = true;
    this.#reject(this.#drafts.length > 0 ? unsure(error) : error);
  }

  /** The jobs that it last meant to write. */
  get ids(): string[] {
    return this.#drafts.map(({ id }) => id);
  }

  /** Tells the caller, if there is something to tell. */
  settle(): void {
    if (!this.settled) return;
    if (this.#rejected) this.#reject(this.#error);
    else this.#resolve({ drafts: this.#drafts, written: this.#written, error: this.#error });
  }

  /**
   * Appends what the operations decide, as one write, and looks at what has become of it. An operation that is not
   * settled afterwards has to start over. Under the lock, or beside it if all of them need nothing of
   * the file; whoever calls this syncs the file, and tells afterwards.
   */
  static async write(context: RoundContext, operations: readonly Operation[]): Promise<Written> {
    const { fs, file, before } = context;
    const nothing = { file, any: false, superseded: [] };
    Operation.#decideEach(context, operations);
    const drafts = operations.flatMap((operation) => operation.#drafts);
    if (drafts.length === 0) {
      Operation.#settleEach(operations, 0, undefined, file.path);
      // What an earlier round has put there, no sync may have covered.
      return { file, any: context.round > 0, superseded: [] };
    }
    const append = new Append(fs, file, drafts);
    await append.write();
    // Two may have believed that they held the lock, or a person may have replaced the file: then what counts is
    // what stands in the file that has the name now.
    if (!context.isValid() || !(await append.lookUp(before))) return nothing;

    const superseded = await learn(context.index, append, before);
    if (superseded === undefined) return nothing;
    if (append.cutShort) {
      try {
        await context.closeTail();
      } catch (error) {
        append.error = error;
      }
    }
    Operation.#settleEach(operations, append.rows, append.error, file.path);
    return { file, any: append.bytes > 0 || context.round > 0, superseded };
  }

  static #settleEach(operations: readonly Operation[], rows: number, cause: unknown, path: string): void {
    const error = cause === undefined ? undefined : storeError(cause, path);
    let left = rows;
    for (const operation of operations) {
      if (operation.#rejected || operation.#startsOver) continue;
      operation.#written = Math.min(left, operation.#drafts.length);
      left -= operation.#written;
      const complete = operation.#written === operation.#drafts.length;
      // Cut without a known reason: it starts over with what is missing.
      operation.settled = complete || error !== undefined;
      if (!complete) operation.#error = error;
    }
  }

  static #decideEach(
    { file, index, now, round, archived }: RoundContext,
    operations: readonly Operation[],
  ): void {
    const view = new View(file, index, now, archived);
    for (const [i, operation] of operations.entries()) {
      operation.#startsOver = false;
      try {
        operation.#drafts = operation.#decide(view, round);
        // No more than one row of a job in a commit: of two, the second would count even where the first came too
        // late, because another wrote that version before. The rest waits for the next round, to keep its order.
        if (view.hasDecided(operation.#drafts)) {
          for (const left of operations.slice(i)) {
            left.#drafts = [];
            left.#startsOver = true;
          }
          return;
        }
        if (operations.length > 1 && operation.needs !== 'nothing') view.remember(operation.#drafts);
      } catch (error) {
        operation.#drafts = [];
        operation.#startsOver = error instanceof StaleIndex;
        if (operation.#startsOver) continue;
        operation.#error = error;
        operation.#rejected = true;
        operation.settled = true;
      }
    }
  }
}

/**
 * Takes the appended rows into the index.
 *
 * @returns the rows that they supersede; undefined if one of them doesn't count, since another came first
 */
async function learn(
  index: JobIndex | undefined,
  append: Append,
  before: number,
): Promise<Superseded[] | undefined> {
  const superseded: Superseded[] = [];
  if (index?.position !== before) return superseded;
  index.onSuperseded = (offset, length) => superseded.push({ offset, length });
  try {
    if (append.end !== undefined) {
      append.eachRow(({ row, known }, offset, length) =>
        index.learn(row, known?.index === index ? known.slot : undefined, offset, length),
      );
      index.moveTo(append.end);
      return superseded;
    }
    // Others have appended beside it: read on as if it were all theirs, and see what stands.
    await index.catchUp();
    let stands = true;
    append.eachRow(({ id }, offset) => {
      const slot = index.find(id);
      stands &&= slot !== undefined && index.offset(slot) === offset;
    });
    return stands ? superseded : undefined;
  } finally {
    index.onSuperseded = undefined;
  }
}

/** Who waited in vain for the lock after an append knows less than who had not begun. */
function unsure(cause: unknown): unknown {
  if (!(cause instanceof TsvqError) || cause.code !== 'LOCK_TIMEOUT') return cause;
  const [what] = cause.message.split('; ');
  const message = `${what}, after the rows had been written: whether they are in the file, and on the disk, is unknown; look before you try again`;
  return new TsvqError('WRITE_FAILED', message, { cause });
}

const NEEDS: readonly Needs[] = ['nothing', 'open', 'all'];

/** What has to be known for all of them. */
export const mostOf = (operations: readonly Operation[]): Needs =>
  NEEDS[Math.max(...operations.map(({ needs }) => NEEDS.indexOf(needs)))] as Needs;
