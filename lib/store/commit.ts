import { type FileSystem, readFully, SMALL, storeError } from './fs.js';
import type { JobIndex } from './job-index.js';
import type { Lock } from './lock.js';
import type { OpenFile } from './open-file.js';
import { type Superseded, strike } from './strike.js';
import { closeTail } from './tail.js';
import { type Draft, View } from './view.js';

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

/** Rows are written in pieces of about this size. */
const PIECE = 4 * 1024 * 1024;

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
    if (drafts.length === 0) return Commit.#settleEach(commits, 0, undefined);

    const append = new Append(fs, file, drafts);
    await append.write();
    if (append.bytes > 0 && context.durability === 'sync') {
      try {
        // What is acknowledged after this line survives power loss. Never a second try: after a failed sync the
        // kernel takes the lost pages for clean, and the next sync says that all is well.
        await fs.fdatasync(file.fd);
      } catch (cause) {
        await context.afterFailedSync(cause);
        return Commit.#settleEach(commits, append.rows, append.error);
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
    Commit.#settleEach(commits, append.rows, append.error);
  }

  static #settleEach(commits: readonly Commit[], rows: number, cause: unknown): void {
    const error = cause === undefined ? undefined : storeError(cause, 'the queue file');
    let left = rows;
    for (const commit of commits) {
      if (commit.#rejected) continue;
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
    for (const commit of commits) {
      try {
        commit.#drafts = commit.#decide(view, round);
        if (commits.length > 1 && commit.needs !== 'nothing') view.remember(commit.#drafts);
      } catch (error) {
        commit.#drafts = [];
        commit.#error = error;
        commit.#rejected = true;
        commit.settled = true;
      }
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
  index.position = offset;
  index.onSuperseded = undefined;
  return superseded;
}

/** One append, in pieces of whole rows. */
class Append {
  /** Bytes in the file. */
  bytes = 0;
  /** Whole rows in the file. */
  rows = 0;
  /** Part of a row was written, or of all rows only the first few, without an error. */
  cutShort = false;
  error: unknown;
  readonly #fs: FileSystem;
  readonly #file: OpenFile;
  readonly #drafts: readonly Draft[];
  readonly #pieces: { bytes: Buffer; rows: number }[] = [];
  /** Of each row, without its LF. */
  readonly #lengths: number[] = [];

  constructor(fs: FileSystem, file: OpenFile, drafts: readonly Draft[]) {
    this.#fs = fs;
    this.#file = file;
    this.#drafts = drafts;
    let lines: string[] = [];
    let size = 0;
    for (const { line } of drafts) {
      lines.push(line);
      size += line.length;
      if (size > PIECE) {
        this.#addPiece(lines, size);
        lines = [];
        size = 0;
      }
    }
    if (size > 0) this.#addPiece(lines, size);
  }

  #addPiece(lines: readonly string[], size: number): void {
    const bytes = Buffer.from(lines.join(''));
    this.#pieces.push({ bytes, rows: lines.length });
    const ascii = bytes.length === size;
    for (const line of lines) this.#lengths.push((ascii ? line.length : Buffer.byteLength(line)) - 1);
  }

  /** Calls `row` for each row that was written whole, with its length in bytes, without the LF. */
  eachRow(row: (draft: Draft, length: number) => void): void {
    for (let i = 0; i < this.rows; i++) row(this.#drafts[i] as Draft, this.#lengths[i] as number);
  }

  /** Writes until something stops it. What is short stays short: a second write could end up behind another's. */
  async write(): Promise<void> {
    for (const { bytes, rows } of this.#pieces) {
      let written: number;
      try {
        written =
          bytes.length <= SMALL
            ? this.#fs.writeSync(this.#file.fd, bytes, null)
            : await this.#fs.write(this.#file.fd, bytes, null);
      } catch (error) {
        this.error = error;
        return;
      }
      this.bytes += written;
      if (written < bytes.length) {
        this.cutShort = true;
        for (let i = bytes.indexOf(10); i >= 0 && i < written; i = bytes.indexOf(10, i + 1)) this.rows++;
        return;
      }
      this.rows += rows;
    }
  }

  /** The pieces as far as they were written. */
  *written(): Iterable<Buffer> {
    let left = this.bytes;
    for (const { bytes } of this.#pieces) {
      if (left <= 0) return;
      yield left < bytes.length ? bytes.subarray(0, left) : bytes;
      left -= bytes.length;
    }
  }

  /** Whether the bytes from `offset` to the end of the file are these and no others. */
  async isAt(offset: number): Promise<boolean> {
    let position = offset;
    for (const piece of this.written()) {
      // One byte more than is ours: nothing may follow.
      const found = Buffer.allocUnsafe(piece.length + 1);
      const length =
        piece.length <= SMALL
          ? readFully(this.#fs, this.#file.fd, found, position)
          : await this.#readFully(found, position);
      if (length < piece.length || piece.compare(found, 0, piece.length) !== 0) return false;
      position += piece.length;
      if (position === offset + this.bytes && length > piece.length) return false;
    }
    return true;
  }

  async #readFully(into: Buffer, from: number): Promise<number> {
    let filled = 0;
    while (filled < into.length) {
      const length = await this.#fs.read(
        this.#file.fd,
        into.subarray(filled),
        into.length - filled,
        from + filled,
      );
      if (length === 0) break;
      filled += length;
    }
    return filled;
  }
}
