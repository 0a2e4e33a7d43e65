import { constants } from 'node:fs';
import { basename, dirname } from 'node:path';
import { assertWhole, type FileSystem, storeError, syncFolder } from '../disk/fs.js';
import { giveToOwner } from '../disk/ownership.js';
import { TAB } from '../format/line.js';
import type { JobIndex } from '../index/job-index.js';
import type { OldLine } from './destination.js';
import type { AsideRule } from './extras.js';

/** The flags never follow a symlink, because other users can put one at this known name. */
const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;

/** The mark of a row that an earlier compaction kept as a comment, because another row has its id and version. */
const DUPLICATE = '#duplicate ';

/** Returns the path of the file to which lines of a queue file are moved aside. */
export const asidePath = (queueFile: string): string => `${queueFile}.aside`;

/**
 * The lines that a compaction moves out of the queue file, because they can't be read, or are a second row of a job.
 * They are kept byte for byte, below a comment with the time.
 */
export class AsideFile {
  readonly #fs: FileSystem;
  readonly #queueFile: string;
  readonly #index: JobIndex;
  readonly #rule: AsideRule;
  readonly #lines: Buffer[] = [];

  constructor(fs: FileSystem, queueFile: string, index: JobIndex, rule: AsideRule) {
    this.#fs = fs;
    this.#queueFile = queueFile;
    this.#index = index;
    this.#rule = rule;
  }

  /** Takes a line, if it is to be moved. @param end the place of its LF @returns true if it was taken */
  takes({ kind }: OldLine, bytes: Buffer, start: number, end: number): boolean {
    const isTaken =
      kind === 'duplicate' ||
      (kind === 'comment' && bytes.toString('latin1', start, start + DUPLICATE.length) === DUPLICATE) ||
      (kind === 'unreadable' && (this.#rule.includesHeld || !this.#holdsJob(bytes, start, end)));
    // A copy, because the bytes are used again.
    if (isTaken) this.#lines.push(Buffer.from(bytes.subarray(start, end + 1)));
    return isTaken;
  }

  #holdsJob(bytes: Buffer, start: number, end: number): boolean {
    const tab = bytes.indexOf(TAB, start);
    const id = bytes.toString('utf8', start, tab < 0 ? end : Math.min(tab, end));
    return this.#index.find(id) !== undefined;
  }

  /** Appends the lines durably. Call it before the new file, which lacks them, has the name. @param now in ms */
  async sync(now: number): Promise<void> {
    if (this.#lines.length === 0) return;
    const fs = this.#fs;
    const path = asidePath(this.#queueFile);
    try {
      const fd = fs.open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o660);
      try {
        if (fs.fstat(fd).size === 0) giveToOwner(fs, fd, this.#queueFile);
        const head = `# moved here from ${basename(this.#queueFile)} at ${new Date(now).toISOString()}\n`;
        const bytes = Buffer.concat([Buffer.from(head), ...this.#lines]);
        assertWhole(await fs.write(fd, bytes, null), bytes);
        await fs.fsync(fd);
      } finally {
        fs.close(fd);
      }
      await syncFolder(fs, dirname(path));
    } catch (error) {
      throw storeError(error, path);
    }
  }
}
