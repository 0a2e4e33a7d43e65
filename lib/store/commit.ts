import { Append } from './append.js';
import { type FileSystem, storeError } from './fs.js';
import type { JobIndex } from './job-index.js';
import type { Lock } from './lock.js';
import type { OpenFile } from './open-file.js';
import { type Superseded, strike } from './strike.js';
import { closeTail } from './tail.js';
import { type Draft, StaleIndex, View } from './view.js';

/** How much of the file an operation has to know: nothing, what is still to do, or the finished jobs as well. */
export type Needs = 'nothing' | 'open' | 'all';

/** Looks at the queue, under the lock, and says which rows to append. @param round from 0; see {@link Store.commit} */
export type Decide = (view: View, round: number) => Draft[];

/** What came of an operation. */
export interface Outcome {
  /** The rows that its last `decide` asked for. */
  readonly drafts: readonly Draft[];
  /** How many of them are in the file: the first ones. */
  readonly written: number;
  /** Why the rest is not. */
  readonly error?: unknown;
}

/** What a commit works with. */
export interface CommitContext {
  readonly fs: FileSystem;
  readonly lock: Lock;
  readonly durability: 'sync' | 'os';
  readonly now: number;
  readonly file: OpenFile;
  /** Knows the file to its end, if an operation needs that. */
  readonly index: JobIndex | undefined;
  /** Size of the file, which ends with LF. */
  readonly before: number;
  readonly round: number;
  /** Saves the file after a failed sync, or throws. */
  readonly afterFailedSync: (cause: unknown) => Promise<void>;
}

/** One operation on its way into the file. */
export class Commit {
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
    this.#reject(error);
  }

  /** Tells the caller, if there is something to tell. */
  settle(): void {
    if (!this.settled) return;
    if (this.#rejected) this.#reject(this.#error);
    else
      this.#resolve({
        drafts: this.#drafts,
        written: this.#written,
        ...(this.#error === undefined ? {} : { error: this.#error }),
      });
  }

  /**
   * Appends what the operations decide, as one: write, sync, look at what has become of it, strike out what it
   * supersedes. An operation that is not settled afterwards has to start over.
   */
  static async write(context: CommitContext, commits: readonly Commit[]): Promise<void> {
    const { fs, lock, file, before } = context;
    Commit.#decideEach(context, commits);
    const drafts = commits.flatMap((commit) => commit.#drafts);
    if (drafts.length === 0) return Commit.#settleEach(commits, 0, undefined, file.path);

    const append = new Append(fs, file, drafts);
    await append.write();
    if (append.bytes > 0 && context.durability === 'sync') {
      try {
        // What is acknowledged after this line survives power loss. Never a second try: after a failed sync the
        // kernel takes the lost pages for clean, and the next sync says that all is well.
        await fs.fdatasync(file.fd);
      } catch (cause) {
        await context.afterFailedSync(cause);
        return Commit.#settleEach(commits, append.rows, append.error, file.path);
      }
    }
    // Two may have believed that they held the lock, or a person may have replaced the file: then what counts is
    // what stands in the file that has the name now.
    if (!lock.stillHeld() || !file.isCurrent() || !(await append.isAt(before))) return;

    const superseded = learn(context.index, append, before);
    // Only what a sync covers: else power loss could take the new row and leave the old one struck.
    if (context.durability === 'sync') {
      // The rows are in and durable: a strike that fails changes nothing that anyone was told.
      await strike(fs, file, superseded).catch(() => {});
    }
    if (append.cutShort) {
      try {
        closeTail(fs, file);
      } catch (error) {
        append.error = error;
      }
    }
    Commit.#settleEach(commits, append.rows, append.error, file.path);
  }

  static #settleEach(commits: readonly Commit[], rows: number, cause: unknown, path: string): void {
    const error = cause === undefined ? undefined : storeError(cause, path);
    let left = rows;
    for (const commit of commits) {
      if (commit.#rejected || commit.#startsOver) continue;
      commit.#written = Math.min(left, commit.#drafts.length);
      left -= commit.#written;
      const complete = commit.#written === commit.#drafts.length;
      // Cut without a known reason: it starts over with what is missing.
      commit.settled = complete || error !== undefined;
      if (!complete) commit.#error = error;
    }
  }

  static #decideEach({ file, index, now, round }: CommitContext, commits: readonly Commit[]): void {
    const view = new View(file, index, now);
    for (const [i, commit] of commits.entries()) {
      commit.#startsOver = false;
      try {
        commit.#drafts = commit.#decide(view, round);
        // No more than one row of a job in a commit: of two, the second would count even where the first came too
        // late, because another wrote that version before. The rest keeps its order.
        if (view.hasDecided(commit.#drafts)) {
          Commit.#leave(commits.slice(i));
          return;
        }
        if (commits.length > 1 && commit.needs !== 'nothing') view.remember(commit.#drafts);
      } catch (error) {
        commit.#drafts = [];
        commit.#startsOver = error instanceof StaleIndex;
        if (commit.#startsOver) continue;
        commit.#error = error;
        commit.#rejected = true;
        commit.settled = true;
      }
    }
  }

  /** For the next round. */
  static #leave(commits: readonly Commit[]): void {
    for (const commit of commits) {
      commit.#drafts = [];
      commit.#startsOver = true;
    }
  }
}

/** Takes the appended rows into the index. @returns the rows that they supersede */
function learn(index: JobIndex | undefined, append: Append, before: number): Superseded[] {
  const superseded: Superseded[] = [];
  if (index?.position !== before) return superseded;
  index.onSuperseded = (offset, length) => superseded.push({ offset, length });
  let offset = before;
  append.eachRow(({ row, known }, length) => {
    index.learn(row, known?.index === index ? known.slot : undefined, offset, length);
    offset += length + 1;
  });
  index.moveTo(offset);
  index.onSuperseded = undefined;
  return superseded;
}

const NEEDS: readonly Needs[] = ['nothing', 'open', 'all'];

/** What has to be known for all of them. */
export const mostOf = (commits: readonly Commit[]): Needs =>
  NEEDS[Math.max(...commits.map(({ needs }) => NEEDS.indexOf(needs)))] as Needs;
