import { archivedSince } from '../compaction/archive.js';
import { storeError } from '../disk/fs.js';
import type { OpenFile } from '../disk/open-file.js';
import type { Superseded } from '../disk/strike.js';
import { endOf } from '../disk/tail.js';
import type { StoredJob } from '../format/stored-job.js';
import type { JobIndex } from '../index/job-index.js';
import { Append } from './append.js';
import { CommitRows } from './commit-rows.js';
import type { LockTurns } from './lock-turns.js';
import type { Maintenance, Parts } from './maintenance.js';
import type { Reads, Snapshot } from './transaction.js';
import type { Update } from './update.js';

/** The parts that commits work with. */
export interface CommitParts extends Parts {
  readonly maintenance: Maintenance;
  readonly turns: LockTurns;
}

/** The result of a try. */
export interface Written {
  /** The file, open until the caller, which syncs it, releases it. */
  readonly file: OpenFile;
  /** True if there is anything to sync. */
  readonly needsSync: boolean;
  /** The rows that the try supersedes. */
  readonly superseded: Superseded[];
}

/** The place where a try appends. */
interface Place {
  readonly file: OpenFile;
  /** The index. If an update reads, it covers the file to its end. */
  readonly index: JobIndex | undefined;
  /** Where the file ended, right after an LF. */
  readonly before: number;
  readonly isLocked: boolean;
}

const NONE: ReadonlySet<string> = new Set();

/**
 * One try of a commit. Each update decides which rows it needs. All these rows are appended together: without the
 * lock if possible, otherwise under it.
 */
export class Try {
  readonly #parts: CommitParts;
  readonly #updates: readonly Update[];
  /** How much the most demanding update reads. */
  readonly #reads: Reads;
  /** The file's mtime when it was opened, before the first try wrote. Undefined while this is the first try. */
  readonly #since: number | undefined;

  constructor(parts: CommitParts, updates: readonly Update[], reads: Reads, since: number | undefined) {
    this.#parts = parts;
    this.#updates = updates;
    this.#reads = reads;
    this.#since = since;
  }

  /**
   * Appends the rows of the updates with one write, and checks them. An update that is not decided afterwards takes
   * part in the next try.
   */
  async append(): Promise<Written> {
    this.#parts.maintenance.checkPlace();
    for (;;) {
      const written =
        (this.#reads === 'nothing' ? await this.#withoutLock() : undefined) ?? (await this.#underLock());
      if (written !== undefined) return written;
    }
  }

  /**
   * Appends rows of new jobs without the lock. They depend on nothing in the file, so they may come between the rows
   * of other processes. Only a process that rewrites the file has to be alone.
   *
   * @returns undefined if the lock is needed: there is no file yet, its last line is torn, or it is being rewritten
   */
  async #withoutLock(): Promise<Written | undefined> {
    const { current } = this.#parts;
    const over = await current.access.write();
    try {
      const before = this.#openEnd();
      if (before === undefined) return undefined;
      const file = current.file as OpenFile;
      return await this.#write({ file, index: current.index, before, isLocked: false }, NONE);
    } finally {
      over();
    }
  }

  /** Returns where the file ends; undefined if no process may append to it without the lock. */
  #openEnd(): number | undefined {
    const { current, maintenance, environment, lock } = this.#parts;
    const file = current.reopen();
    if (!file?.writable || !file.isUpToDate || lock().isRewriting) return undefined;
    maintenance.refuseUnfit(file);
    return endOf(environment.fs, file);
  }

  /** Tries under the lock. @returns undefined if the lock is no longer needed, or another file has the name */
  async #underLock(): Promise<Written | undefined> {
    const { current, maintenance, turns } = this.#parts;
    const isNeeded = this.#reads === 'nothing' ? () => this.#openEnd() === undefined : undefined;
    return turns.take(async () => {
      // Another read of this process may find another file under the name, and release this one.
      const file = (await maintenance.writableFile()).retain();
      try {
        const end = await maintenance.closeTail(file);
        const over = await current.access.write();
        try {
          return await this.#appendTo(file, end);
        } finally {
          over();
        }
      } finally {
        file.release();
      }
    }, isNeeded);
  }

  async #appendTo(file: OpenFile, end: number): Promise<Written | undefined> {
    const { current } = this.#parts;
    const reads = this.#reads;
    const index = reads === 'nothing' ? current.index : await current.readOn(reads);
    // Another read of this process may have opened another file meanwhile, or found no file.
    if (index === undefined ? reads !== 'nothing' : index.file !== file) return undefined;
    // The file may have grown since closeTail() found the end, because others append new jobs without the lock.
    const before = reads === 'nothing' ? end : Math.max(end, index?.position ?? end);
    return this.#write({ file, index, before, isLocked: true }, await this.#archived());
  }

  /** Returns which of the updates' own ids are in the archive since the first try. */
  async #archived(): Promise<ReadonlySet<string>> {
    if (this.#since === undefined) return NONE;
    // While this process was suspended, its new jobs may have run and been archived.
    const { current, environment } = this.#parts;
    const ids = new Set(this.#updates.flatMap(({ ids }) => ids));
    return archivedSince(environment.fs, current.realPath, ids, this.#since);
  }

  async #write(place: Place, archived: ReadonlySet<string>): Promise<Written> {
    const { maintenance, environment } = this.#parts;
    const { file, index, before: size } = place;
    const now = environment.clock.now();
    const rows = this.#decide({ file, index, size, archived, now, earlier: new CommitRows() });
    file.retain();
    try {
      const append = new Append(environment.fs, file, rows);
      await append.write();
      const superseded = rows.length === 0 ? [] : await this.#check(append, place);
      if (superseded === undefined) return { file, needsSync: false, superseded: [] };
      // Follow-ups and the jobs that waited may be among the rows that are missing. New jobs bring no others.
      const isCut = append.rows < rows.length && (append.rows > 0 || this.#since !== undefined);
      if (isCut && this.#updates.some(({ reads }) => reads !== 'nothing'))
        this.#parts.lock().owesRepair = true;
      // Without the lock, the torn line is left to the next try, which finds it and takes the lock.
      if (append.cutShort && place.isLocked) {
        await maintenance.closeTail(file).catch((error) => (append.error = error));
      }
      this.#tell(append.rows, append.error && storeError(append.error, file.path));
      // Rows of an earlier try, or of another process, may not be covered by a sync yet.
      const isOnDisk = append.bytes === 0 && this.#since === undefined;
      const needsSync = !isOnDisk || this.#updates.some(({ reliesOnRows }) => reliesOnRows);
      return { file, needsSync, superseded };
    } catch (error) {
      file.release();
      throw error;
    }
  }

  /** Lets the updates decide. @returns the rows that they ask for */
  #decide(snapshot: Snapshot): StoredJob[] {
    const { rows } = snapshot.earlier;
    let mustWait = false;
    for (const update of this.#updates) {
      if (mustWait) update.startOver();
      else update.decide(snapshot);
      // If one update must wait for the next try, all after it wait too, to keep their order.
      mustWait ||= update.startsOver && rows.length > 0;
      for (const row of update.rows) rows.push(row);
    }
    return rows;
  }

  /**
   * Checks if the appended rows count. Two processes may have believed that they held the lock, or a person may have
   * replaced the file. Only rows in the file that has the name now count.
   *
   * @returns the rows that the appended ones supersede; undefined if they don't count
   */
  async #check(append: Append, { file, index, before, isLocked }: Place): Promise<Superseded[] | undefined> {
    const lock = this.#parts.lock();
    // Must come after the append. Then either the rewriting process has read the rows, or this one sees its notice.
    const isValid = isLocked ? lock.stillHeld() : !lock.isRewriting;
    if (!isValid || !file.isCurrent() || !(await append.lookUp(before))) return undefined;
    return index?.position === before ? learn(index, append) : [];
  }

  /** Tells each update how many of its rows are in the file. @param rows how many rows are, from the first on */
  #tell(rows: number, error: unknown): void {
    let left = rows;
    let isCut = false;
    for (const update of this.#updates) {
      const own = Math.min(left, update.rows.length);
      left -= own;
      isCut ||= own < update.rows.length;
      // It may have decided by rows of another update that are not in the file.
      if (isCut && update.rows.length === 0) update.startOver();
      update.wrote(own, error);
    }
  }
}

/**
 * Takes the appended rows into the index.
 *
 * @returns the rows that they supersede; undefined if one doesn't count, because another process's row came first
 */
async function learn(index: JobIndex, append: Append): Promise<Superseded[] | undefined> {
  const superseded: Superseded[] = [];
  index.onSuperseded = (offset, length) => superseded.push({ offset, length });
  try {
    if (append.end !== undefined) {
      append.eachRow((row, offset, length) =>
        index.learn(row, row.known?.index === index ? row.known.slot : undefined, offset, length),
      );
      index.moveTo(append.end);
      return superseded;
    }
    // Other processes appended rows between `before` and our last row, so the offsets are not consecutive. Read on as
    // if all rows were theirs, and see which ones count.
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
