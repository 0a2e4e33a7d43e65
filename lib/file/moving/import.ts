import { dirname } from 'node:path';
import { TsvqError } from '../../job/errors.js';
import { randomHex } from '../../job/random.js';
import type { Additions } from '../compaction/extras.js';
import { assertWhole, type FileSystem, readFullyAsync, storeError } from '../disk/fs.js';
import { makeFolders } from '../disk/ownership.js';
import { keyName } from '../format/key-name.js';
import { type Layout, newLayout } from '../format/layout.js';
import { eachLine, LineReader } from '../format/line.js';
import { joinRow, splitRow } from '../format/row.js';
import { StoredJob } from '../format/stored-job.js';
import { upgrade } from '../format/upgrade.js';
import type { JobIndex } from '../index/job-index.js';
import { checkJob, type JobRequest } from '../operations/new-job.js';
import type { Store } from '../store.js';

/** About how many bytes are held in memory, written and read at once. */
const PIECE = 1024 * 1024;

/** What came of an import. */
export interface Imported {
  /** How many jobs were added. */
  readonly imported: number;
  /** How many were left out, because a job with their key waits or runs, or comes before them. */
  readonly duplicates: number;
  /** How many jobs of each type were added. */
  readonly types: Readonly<Record<string, number>>;
}

/**
 * Many jobs that are added together, or not at all. First each is checked, and its row is written to a file without a
 * name, so that a million need little memory. Then the queue file is rewritten with these rows at its end: the rename
 * adds all of them at once. A process that is killed before leaves nothing.
 *
 * @example
 * const jobs = new JobImport(store);
 * for await (const request of requests) if (jobs.add(request)) await jobs.flush();
 * const { imported } = await jobs.commit();
 */
export class JobImport {
  readonly #store: Store;
  readonly #now: number;
  readonly #layout: Layout = newLayout();
  readonly #staged: StagedLines;
  /** The keys of the jobs, by type and key. */
  readonly #keys = new Set<string>();
  /** How many jobs of each type were staged. */
  readonly #types = new Map<string, number>();
  #duplicates = 0;

  constructor(store: Store) {
    this.#store = store;
    this.#now = store.clock.now();
    this.#staged = new StagedLines(store);
  }

  /**
   * Checks a job, and stages it.
   *
   * @returns true if {@link flush} is to be called before the next one
   * @throws TsvqError `INVALID_ARGUMENT`, `PAYLOAD_TOO_LARGE`
   */
  add(request: JobRequest): boolean {
    const { id, fields } = checkJob(request, this.#now, this.#store.options);
    if (fields.dedupeKey !== undefined) {
      const name = keyName(fields.type, fields.dedupeKey);
      if (this.#keys.has(name)) {
        this.#duplicates++;
        return false;
      }
      this.#keys.add(name);
    }
    this.#types.set(fields.type, (this.#types.get(fields.type) ?? 0) + 1);
    return this.#staged.add(StoredJob.first(id, fields, this.#layout).line);
  }

  /** Writes what {@link add} has staged. @throws TsvqError `DISK_FULL`, `NO_ACCESS` */
  async flush(): Promise<void> {
    await this.#staged.flush();
  }

  /** Says what {@link commit} would do now. */
  async preview(): Promise<Imported> {
    const index = this.#keys.size === 0 ? undefined : await this.#store.read('open');
    const isOpen = (name: string): boolean => {
      const [type, key] = name.split('\t') as [string, string];
      return index?.joins.hasOpen(type, key) === true;
    };
    return this.#outcome([...this.#keys].filter(isOpen).map((name) => name.split('\t')[0] as string));
  }

  /**
   * Adds the jobs, all at once, and durably.
   *
   * @throws TsvqError like `enqueue`, and `QUEUE_FULL`; nothing was added then
   */
  async commit(): Promise<Imported> {
    const store = this.#store;
    const staged = this.#staged;
    if (staged.bytes === 0) return this.#outcome([]);
    // Makes the file, if there is none yet.
    await store.update('nothing', () => undefined);
    let left: string[] | undefined;
    const additions: Additions = {
      bytes: staged.bytes,
      lines: (index, layout) => {
        const leftOut: string[] = [];
        left = leftOut;
        this.#limitSize(index);
        return this.#linesFor(index, layout, (type) => leftOut.push(type));
      },
    };
    await store.compact(undefined, { additions });
    if (left === undefined)
      throw new TsvqError(
        'WRITE_FAILED',
        `${store.path} vanished before jobs were added; nothing was imported`,
      );
    return this.#outcome(left);
  }

  close(): void {
    this.#staged.close();
  }

  /** @param left the types of staged jobs that were left out */
  #outcome(left: readonly string[]): Imported {
    const types = new Map(this.#types);
    for (const type of left) types.set(type, (types.get(type) as number) - 1);
    const added = [...types].filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a);
    return {
      imported: added.reduce((sum, [, count]) => sum + count, 0),
      duplicates: this.#duplicates + left.length,
      types: Object.fromEntries(added),
    };
  }

  #limitSize({ file, deadBytes }: JobIndex): void {
    const { maxBytes } = this.#store.options;
    const size = file.size - deadBytes;
    if (size + this.#staged.bytes <= maxBytes) return;
    throw new TsvqError(
      'QUEUE_FULL',
      `no room in ${file.path}: it has ${size} bytes, and ${this.#staged.bytes} more would make it larger than maxBytes, ${maxBytes}. ` +
        'Nothing was added; purge finished jobs, keep them for less long, or raise maxBytes',
    );
  }

  /** Yields the staged lines for a file, without the jobs whose keys it has. @param leftOut is told the type of each of those */
  async *#linesFor(
    index: JobIndex,
    layout: Layout,
    leftOut: (type: string) => void,
  ): AsyncIterableIterator<Buffer> {
    const own = this.#layout;
    const isSame = layout.names.join() === own.names.join();
    const reader = new LineReader(own);
    for await (const bytes of this.#staged.pieces()) {
      if (isSame && this.#keys.size === 0) {
        yield bytes;
        continue;
      }
      const lines: Buffer[] = [];
      eachLine(bytes, 0, bytes.length, (start, end) => {
        reader.read(bytes, start, end);
        const { at } = own;
        if (
          reader.has(at.dedupe_key) &&
          index.joins.hasOpen(reader.text(at.type), reader.text(at.dedupe_key))
        )
          leftOut(reader.text(at.type));
        else if (isSame) lines.push(bytes.subarray(start, end + 1));
        else {
          const row = splitRow(bytes.toString('utf8', start, end));
          lines.push(Buffer.from(joinRow(upgrade(row, own, layout, this.#now))));
        }
      });
      yield Buffer.concat(lines);
    }
  }
}

/** Lines that are kept until they are needed: a few in memory, more in a file without a name, which no crash leaves. */
class StagedLines {
  /** How many bytes all lines have. */
  bytes = 0;
  readonly #fs: FileSystem;
  readonly #path: string;
  #fd: number | undefined;
  #written = 0;
  #text = '';

  constructor({ fs, realPath }: Store) {
    this.#fs = fs;
    this.#path = realPath;
  }

  /** @returns true if {@link flush} is to be called */
  add(line: string): boolean {
    this.#text += line;
    this.bytes += Buffer.byteLength(line);
    return this.#text.length >= PIECE;
  }

  async flush(): Promise<void> {
    const bytes = Buffer.from(this.#text);
    try {
      this.#fd ??= this.#open();
      assertWhole(await this.#fs.write(this.#fd, bytes, this.#written), bytes);
    } catch (error) {
      throw storeError(error, `the rows that are to go into ${this.#path}`);
    }
    this.#written += bytes.length;
    this.#text = '';
  }

  /** Opens a file on the queue's own disk, which has to have room for the rows anyway. */
  #open(): number {
    makeFolders(this.#fs, dirname(this.#path));
    const path = `${this.#path}.${randomHex(6)}.tmp`;
    const fd = this.#fs.open(path, 'wx+', 0o600);
    this.#fs.unlink(path);
    return fd;
  }

  /** Yields the lines in pieces of whole lines. */
  async *pieces(): AsyncIterableIterator<Buffer> {
    for (let position = 0; position < this.#written; ) {
      let bytes = Buffer.allocUnsafe(Math.min(PIECE, this.#written - position));
      let end = 0;
      // A line may be longer than a piece.
      for (; end === 0; end = bytes.lastIndexOf('\n') + 1) {
        await readFullyAsync(this.#fs, this.#fd as number, bytes, position);
        if (bytes.includes('\n')) continue;
        bytes = Buffer.allocUnsafe(Math.min(bytes.length * 2, this.#written - position));
      }
      yield bytes.subarray(0, end);
      position += end;
    }
    if (this.#text !== '') yield Buffer.from(this.#text);
  }

  close(): void {
    if (this.#fd !== undefined) this.#fs.close(this.#fd);
    this.#fd = undefined;
  }
}
