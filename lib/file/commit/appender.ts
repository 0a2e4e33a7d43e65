import type { Clock } from '../../job/clock.js';
import { archivedSince } from '../compaction/archive.js';
import type { FileSystem } from '../disk/fs.js';
import type { OpenFile } from '../disk/open-file.js';
import { closeTail, endOf } from '../disk/tail.js';
import type { CurrentFile } from '../index/current-file.js';
import type { Maintenance } from './maintenance.js';
import { type Needs, Operation, type RoundContext, type Written } from './operation.js';

/** One try of a commit: the operations that go into the file together. */
export interface Round {
  readonly operations: readonly Operation[];
  /** What the most demanding of them needs. */
  readonly needs: Needs;
  /** From 0: how often they have started over. */
  readonly number: number;
  /** When the file of the first round was last written before, by the file system's clock. */
  readonly since: number;
}

const NONE: ReadonlySet<string> = new Set();

/** Gets the rows of a commit into the file: beside whoever holds the lock if that will do, else under the lock. */
export class Appender {
  readonly #current: CurrentFile;
  readonly #maintenance: Maintenance;
  readonly #fs: FileSystem;
  readonly #clock: Clock;

  constructor(current: CurrentFile, holder: Maintenance, fs: FileSystem, clock: Clock) {
    this.#current = current;
    this.#maintenance = holder;
    this.#fs = fs;
    this.#clock = clock;
  }

  /** Appends what the operations decide, and looks at what has become of it; see {@link Operation.write}. */
  async append(round: Round): Promise<Written> {
    this.#maintenance.checkPlace();
    for (;;) {
      const appended =
        (round.needs === 'nothing' ? await this.#besideHolder(round) : undefined) ??
        (await this.#underLock(round));
      if (appended !== undefined) return appended;
    }
  }

  /** Closes the last line, if it has no end. Under the lock. @returns where the file ends */
  async closeTail(file: OpenFile): Promise<number> {
    let end = endOf(this.#fs, file);
    if (end !== undefined) return end;
    // A row that somebody is just appending beside the lock may be seen by half. Closed too early, it leaves a line of
    // nothing but the closing behind it, which is no harm.
    await new Promise(setImmediate);
    end = closeTail(this.#fs, file);
    // Before anything follows: power loss could keep what does, and lose the LF between the two.
    if (this.#maintenance.options.durability === 'sync') {
      await this.#fs.fdatasync(file.fd).catch((cause) => this.#maintenance.save(cause));
    }
    return end;
  }

  /**
   * New jobs depend on nothing that stands in the file, so they need not wait for whoever decides something: their rows
   * are appended beside those of others. Only who rewrites the file has to be alone.
   *
   * @returns undefined where that can't be: there is no file yet, its last line is to be closed, somebody rewrites it
   */
  async #besideHolder(round: Round): Promise<Written | undefined> {
    const before = this.#openEnd();
    if (before === undefined) return undefined;
    const file = this.#current.file as OpenFile;
    // Looked at after the append: either whoever rewrites the file has read it, or it is seen here.
    const isValid = (): boolean => !this.#maintenance.lock.isRewriting && file.isCurrent();
    const closeTail = (): Promise<unknown> => this.#maintenance.locked(() => this.closeTail(file));
    const context = { file, before, index: this.#current.index, archived: NONE, isValid, closeTail };
    return this.#current.relyingOn(() => this.#write(round, context));
  }

  /** Where the file ends, if anybody may append to it as it is. */
  #openEnd(): number | undefined {
    const file = this.#current.reopen();
    if (!file?.writable || !file.isUpToDate || this.#maintenance.lock.isRewriting) return undefined;
    this.#maintenance.refuseUnfit(file);
    return endOf(this.#fs, file);
  }

  /** @returns undefined if it has to be tried again: new jobs can go in beside the lock, or another file has the name */
  async #underLock(round: Round): Promise<Written | undefined> {
    const isNeeded = round.needs === 'nothing' ? () => this.#openEnd() === undefined : undefined;
    return this.#maintenance.locked(async () => {
      // A look meanwhile may find another file under the name, and let go of this one.
      const file = (await this.#maintenance.writableFile()).retain();
      try {
        const end = await this.closeTail(file);
        return await this.#current.relyingOn(() => this.#appendTo(file, end, round));
      } finally {
        file.release();
      }
    }, isNeeded);
  }

  async #appendTo(file: OpenFile, end: number, round: Round): Promise<Written | undefined> {
    const { needs, number } = round;
    const index = needs === 'nothing' ? this.#current.index : await this.#current.readOn(needs);
    // A look may have opened another file meanwhile, or found none.
    if (index === undefined ? needs !== 'nothing' : index.file !== file) return undefined;
    // Where others append beside the lock, the file may have grown since.
    const before = needs === 'nothing' ? end : Math.max(end, index?.position ?? end);
    const archived = number === 0 ? NONE : await this.#archivedSince(round);
    const isValid = (): boolean => this.#maintenance.lock.stillHeld() && file.isCurrent();
    const closeTail = (): Promise<unknown> => this.closeTail(file);
    return this.#write(round, { file, before, index, archived, isValid, closeTail });
  }

  /** A process that was suspended after its append may find its jobs run and gone when it goes on. */
  #archivedSince({ operations, since }: Round): Promise<ReadonlySet<string>> {
    const ids = new Set(operations.flatMap(({ ids }) => ids));
    return archivedSince(this.#fs, this.#current.realPath, ids, since);
  }

  async #write(
    { operations, number }: Round,
    context: Omit<RoundContext, 'fs' | 'now' | 'round'>,
  ): Promise<Written> {
    const { file } = context;
    file.retain();
    try {
      const whole = { ...context, round: number, fs: this.#fs, now: this.#clock.now() };
      return await Operation.write(whole, operations);
    } catch (error) {
      file.release();
      throw error;
    }
  }
}
