import type { Clock } from '../../job/clock.js';
import { archivedSince } from '../compaction/archive.js';
import { type FileSystem, storeError } from '../disk/fs.js';
import type { OpenFile } from '../disk/open-file.js';
import type { Superseded } from '../disk/strike.js';
import { closeTail, endOf } from '../disk/tail.js';
import type { StoredJob } from '../format/stored-job.js';
import type { CurrentFile } from '../index/current-file.js';
import type { JobIndex } from '../index/job-index.js';
import { Append } from './append.js';
import type { Maintenance } from './maintenance.js';
import type { Reads, Snapshot } from './transaction.js';
import type { Update } from './update.js';

/** One try of a commit: the updates that go into the file together. */
export interface Try {
  readonly updates: readonly Update[];
  /** What the most demanding of them reads. */
  readonly reads: Reads;
  /** From 0: how often they have started over. */
  readonly number: number;
  /** When the file of the first try was last written before, by the file system's clock. */
  readonly since: number;
}

/** What a try has put into the file. */
export interface Written {
  /** Kept open until the caller, who syncs it, releases it. */
  readonly file: OpenFile;
  /** Whether there is anything to sync. */
  readonly any: boolean;
  /** The rows that it supersedes. */
  readonly superseded: Superseded[];
}

/** What a try works with. */
interface Place {
  readonly file: OpenFile;
  /** Knows the file to its end, if an update reads it. */
  readonly index: JobIndex | undefined;
  /** Where the file ended, with LF. */
  readonly before: number;
  readonly archived: ReadonlySet<string>;
  /** Whether what was appended stands where it counts. */
  readonly isValid: () => boolean;
  /** Closes a row that was cut short. */
  readonly closeTail: () => Promise<unknown>;
}

const NONE: ReadonlySet<string> = new Set();

/** Gets the rows of a commit into the file: without the lock if that will do, otherwise under it. */
export class Appender {
  readonly #current: CurrentFile;
  readonly #maintenance: Maintenance;
  readonly #fs: FileSystem;
  readonly #clock: Clock;

  constructor(current: CurrentFile, maintenance: Maintenance, fs: FileSystem, clock: Clock) {
    this.#current = current;
    this.#maintenance = maintenance;
    this.#fs = fs;
    this.#clock = clock;
  }

  /**
   * Appends what the updates decide, as one write, and looks at what has become of it. An update that is not decided
   * afterwards starts over.
   */
  async append(one: Try): Promise<Written> {
    this.#maintenance.checkPlace();
    for (;;) {
      const written =
        (one.reads === 'nothing' ? await this.#withoutLock(one) : undefined) ?? (await this.#underLock(one));
      if (written !== undefined) return written;
    }
  }

  /** Closes the last line, if it has no end. Under the lock. @returns where the file ends */
  async closeTail(file: OpenFile): Promise<number> {
    let end = endOf(this.#fs, file);
    if (end !== undefined) return end;
    // A row that another process is just appending without the lock may be seen by half. Closed too early, it leaves a
    // line of nothing but the closing after it, which is no harm.
    await new Promise(setImmediate);
    end = closeTail(this.#fs, file);
    // Before anything follows: power loss could keep what does, and lose the LF between the two.
    if (this.#maintenance.options.durability === 'sync') {
      await this.#fs.fdatasync(file.fd).catch((cause) => this.#maintenance.save(cause));
    }
    return end;
  }

  /**
   * New jobs depend on nothing that is in the file, so they need not wait for a process that decides something: their
   * rows are appended between those of others. Only a process that rewrites the file has to be alone.
   *
   * @returns undefined where that can't be: there is no file yet, its last line is to be closed, it is being rewritten
   */
  async #withoutLock(one: Try): Promise<Written | undefined> {
    const over = await this.#current.reserve();
    try {
      const before = this.#openEnd();
      if (before === undefined) return undefined;
      const file = this.#current.file as OpenFile;
      // Looked at after the append: either the process that rewrites the file has read it, or it is seen here.
      const isValid = (): boolean => !this.#maintenance.lock.isRewriting && file.isCurrent();
      // A piece of a row is closed by the next try, which finds the end open and takes the lock.
      const closeTail = async (): Promise<void> => {};
      const { index } = this.#current;
      return await this.#write(one, { file, before, index, archived: NONE, isValid, closeTail });
    } finally {
      over();
    }
  }

  /** Where the file ends, if anybody may append to it as it is. */
  #openEnd(): number | undefined {
    const file = this.#current.reopen();
    if (!file?.writable || !file.isUpToDate || this.#maintenance.lock.isRewriting) return undefined;
    this.#maintenance.refuseUnfit(file);
    return endOf(this.#fs, file);
  }

  /** @returns undefined if there has to be another try: the lock is no longer needed, or another file has the name */
  async #underLock(one: Try): Promise<Written | undefined> {
    const isNeeded = one.reads === 'nothing' ? () => this.#openEnd() === undefined : undefined;
    return this.#maintenance.locked(async () => {
      // A look meanwhile may find another file under the name, and release this one.
      const file = (await this.#maintenance.writableFile()).retain();
      try {
        const end = await this.closeTail(file);
        const over = await this.#current.reserve();
        try {
          return await this.#appendTo(file, end, one);
        } finally {
          over();
        }
      } finally {
        file.release();
      }
    }, isNeeded);
  }

  async #appendTo(file: OpenFile, end: number, one: Try): Promise<Written | undefined> {
    const { reads, number } = one;
    const index = reads === 'nothing' ? this.#current.index : await this.#current.readOn(reads);
    // A look may have opened another file meanwhile, or found none.
    if (index === undefined ? reads !== 'nothing' : index.file !== file) return undefined;
    // Where others append without the lock, the file may have grown since.
    const before = reads === 'nothing' ? end : Math.max(end, index?.position ?? end);
    const archived = number === 0 ? NONE : await this.#archivedSince(one);
    const isValid = (): boolean => this.#maintenance.lock.stillHeld() && file.isCurrent();
    const closeTail = (): Promise<unknown> => this.closeTail(file);
    return this.#write(one, { file, before, index, archived, isValid, closeTail });
  }

  /** A process that was suspended after its append may find its jobs run and gone when it goes on. */
  #archivedSince({ updates, since }: Try): Promise<ReadonlySet<string>> {
    const ids = new Set(updates.flatMap(({ ids }) => ids));
    return archivedSince(this.#fs, this.#current.realPath, ids, since);
  }

  async #write({ updates, number }: Try, place: Place): Promise<Written> {
    const { file, before, index, archived } = place;
    const rows = decideAll(updates, { file, index, archived, now: this.#clock.now(), decided: new Map() });
    file.retain();
    try {
      const nothing = { file, any: false, superseded: [] };
      if (rows.length === 0) {
        for (const update of updates) update.wrote(0, undefined);
        // What an earlier try has put there, no sync may have covered.
        return { ...nothing, any: number > 0 };
      }
      const append = new Append(this.#fs, file, rows);
      await append.write();
      // Two may have believed that they held the lock, or a person may have replaced the file: then what counts is
      // what is in the file that has the name now.
      if (!place.isValid() || !(await append.lookUp(before))) return nothing;
      const superseded = await learn(index, append, before);
      if (superseded === undefined) return nothing;
      if (append.cutShort) await place.closeTail().catch((error) => (append.error = error));
      tellEach(updates, append.rows, append.error && storeError(append.error, file.path));
      return { file, any: append.bytes > 0 || number > 0, superseded };
    } catch (error) {
      file.release();
      throw error;
    }
  }
}

/** @returns the rows that they ask for */
function decideAll(updates: readonly Update[], snapshot: Snapshot): StoredJob[] {
  const rows: StoredJob[] = [];
  let mustWait = false;
  for (const update of updates) {
    if (mustWait) update.wait();
    else update.decide(snapshot);
    // Those after it wait as well, to keep their order.
    mustWait ||= update.startsOver && snapshot.decided.size > 0;
    for (const row of update.rows) {
      rows.push(row);
      if (updates.length > 1 && update.reads !== 'nothing') snapshot.decided.set(row.id, row);
    }
  }
  return rows;
}

/** So many rows of all are in the file: the first ones. */
function tellEach(updates: readonly Update[], rows: number, error: unknown): void {
  let left = rows;
  for (const update of updates) {
    const own = Math.min(left, update.rows.length);
    left -= own;
    update.wrote(own, error);
  }
}

/**
 * Takes the appended rows into the index.
 *
 * @returns the rows that they supersede; undefined if one of them doesn't count, because another came first
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
      append.eachRow((row, offset, length) =>
        index.learn(row, row.known?.index === index ? row.known.slot : undefined, offset, length),
      );
      index.moveTo(append.end);
      return superseded;
    }
    // Others have appended between: read on as if it were all theirs, and see what counts.
    await index.catchUp();
    let counts = true;
    append.eachRow(({ id }, offset) => {
      const slot = index.find(id);
      counts &&= slot !== undefined && index.offset(slot) === offset;
    });
    return counts ? superseded : undefined;
  } finally {
    index.onSuperseded = undefined;
  }
}
