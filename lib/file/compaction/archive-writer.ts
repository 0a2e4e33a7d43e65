import { dirname } from 'node:path';
import { randomHex } from '../../job/random.js';
import { assertWhole, type FileSystem, removeIfThere, syncFolder, withStoreErrorsSync } from '../disk/fs.js';
import type { OpenFile } from '../disk/open-file.js';
import { giveToOwner, removeEmptyFileOfRoot } from '../disk/ownership.js';
import { headOf, type Layout } from '../format/layout.js';
import { LineReader } from '../format/line.js';
import { JobIndex } from '../index/job-index.js';
import { eachArchivedLine, filesOfMonth, stagedFiles } from './archive.js';
import { ArchiveFolder } from './archive-folder.js';

/*
 * A compaction moves old jobs to the archive in three steps, so that a failed one leaves no copies:
 *
 * 1. Stage: a month's rows go into a file beside the queue, `queue.tsv.2030-01.<random>.tmp`, which is synced.
 * 2. The new queue file, without these rows, takes the old name. If that fails, the staged file is removed.
 * 3. Settle: the rows are appended to the month's file in archive/, and the staged file is removed.
 *
 * After a crash in step 3, or with a full disk, the staged file stays, and readers of the archive read it
 * too. The next compaction appends those of its rows that the month's file lacks. After a crash before step 2
 * the staged file is removed, because its rows are still in the queue. Staged files are beside the queue
 * because its lock protects them there; an archive folder may be shared.
 */

/** The number of bytes up to which lines are collected before a write. */
const PIECE = 1024 * 1024;

interface Staged {
  readonly month: string;
  readonly path: string;
  readonly fd: number;
  lines: string[];
  size: number;
}

/** Stages rows for the archive. They are not in its files until {@link settle}. */
export class ArchiveWriter {
  /** The number of added rows. */
  count = 0;
  readonly #fs: FileSystem;
  readonly #queueFile: string;
  readonly #archive: ArchiveFolder;
  readonly #head: string;
  readonly #months = new Map<string, Staged>();
  #bytes = 0;

  constructor(fs: FileSystem, queueFile: string, layout: Layout) {
    this.#fs = fs;
    this.#queueFile = queueFile;
    this.#head = headOf(layout);
    this.#archive = new ArchiveFolder(fs, queueFile);
  }

  /** Stages a row. @param line with LF @param finishedAt in ms; a time before 1970 is a typo, and counts as 1970 */
  add(line: string, finishedAt: number): void {
    const month = new Date(Math.max(finishedAt, 0)).toISOString().slice(0, 7);
    let staged = this.#months.get(month);
    if (staged === undefined) {
      staged = this.#stage(month);
      this.#months.set(month, staged);
    }
    staged.lines.push(line);
    staged.size += line.length;
    this.count++;
  }

  /** Writes the rows of each month, unless there are only a few. */
  async flush(): Promise<void> {
    for (const staged of this.#months.values()) if (staged.size > PIECE) await this.#write(staged);
  }

  /** Makes the staged rows and file names durable. @throws TsvqError `DISK_FULL` without room in archive/ */
  async sync(): Promise<void> {
    if (this.#months.size === 0) return;
    for (const staged of this.#months.values()) {
      await this.#write(staged);
      await this.#fs.fdatasync(staged.fd);
    }
    await syncFolder(this.#fs, dirname(this.#queueFile));
    this.#archive.checkRoom(this.#bytes);
  }

  /** Moves the staged rows, which left the queue, to archive/. If that fails, the next compaction does it. */
  async settle(): Promise<void> {
    for (const { fd, path, month } of this.#months.values()) {
      // Read the open file, because a person may have removed its name.
      await this.#archive.append(month, fd).then(
        () => removeIfThere(this.#fs, path),
        () => {},
      );
    }
  }

  /** Closes the staged files. @param isCommitted true if the queue lacks their rows; otherwise they are removed */
  close(isCommitted: boolean): void {
    for (const { fd, path } of this.#months.values()) {
      this.#fs.close(fd);
      if (!isCommitted) removeIfThere(this.#fs, path);
    }
    this.#months.clear();
    if (!isCommitted) this.#archive.removeIfMade();
  }

  #stage(month: string): Staged {
    this.#archive.check(month, Buffer.from(this.#head));
    const path = `${this.#queueFile}.${month}.${randomHex(6)}.tmp`;
    const fd = withStoreErrorsSync(path, () => this.#fs.open(path, 'wx+', 0o660));
    giveToOwner(this.#fs, fd, this.#queueFile);
    return { month, path, fd, lines: [this.#head], size: 0 };
  }

  async #write(staged: Staged): Promise<void> {
    const bytes = Buffer.from(staged.lines.join(''));
    staged.lines = [];
    staged.size = 0;
    this.#bytes += bytes.length;
    assertWhole(await this.#fs.write(staged.fd, bytes, null), bytes);
  }
}

/**
 * Settles staged files of processes that died in a compaction. Rows that the queue lacks go to archive/. A
 * file whose rows are still in the queue is removed. Call it only under the lock.
 */
export async function settleLeftovers(fs: FileSystem, queueFile: string, file: OpenFile): Promise<void> {
  const leftovers = stagedFiles(fs, queueFile);
  if (leftovers.length === 0) return;
  const index = new JobIndex(file);
  await index.catchUp();
  for (const { path, month } of leftovers) {
    // Root was killed before it could give the file away.
    if (removeEmptyFileOfRoot(fs, path)) continue;
    const lines = new Set<string>();
    let isCommitted = false;
    await eachArchivedLine(fs, path, (layout) => {
      const reader = new LineReader(layout);
      return (bytes, start, end) => {
        if (reader.read(bytes, start, end) !== 'row') return;
        lines.add(bytes.toString('latin1', start, end));
        isCommitted ||= index.find(reader.text(layout.at.id)) === undefined;
      };
    });
    if (!isCommitted) removeIfThere(fs, path);
    else await settleLeftover(fs, queueFile, { path, month }, lines).catch(() => {});
  }
}

async function settleLeftover(
  fs: FileSystem,
  queueFile: string,
  { path, month }: { path: string; month: string },
  lines: ReadonlySet<string>,
): Promise<void> {
  const alreadyAppended = new Set<string>();
  for (const file of filesOfMonth(fs, queueFile, month)) {
    // Root was killed before it could give the file away, or write its first line.
    if (removeEmptyFileOfRoot(fs, file)) continue;
    await eachArchivedLine(fs, file, () => (bytes, start, end) => {
      const line = bytes.toString('latin1', start, end);
      if (lines.has(line)) alreadyAppended.add(line);
    });
  }
  const fd = fs.open(path, 'r');
  try {
    await new ArchiveFolder(fs, queueFile).append(month, fd, alreadyAppended);
  } finally {
    fs.close(fd);
  }
  removeIfThere(fs, path);
}
