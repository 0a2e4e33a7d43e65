import { constants } from 'node:fs';
import { dirname, join } from 'node:path';
import { headOf, type Layout } from '../tsv/columns.js';
import { LF, LineReader, TORN } from '../tsv/line.js';
import { archiveFolder, archiveName, eachArchivedLine, stagedFiles } from './archive.js';
import {
  assertWhole,
  type FileSystem,
  readFully,
  readFullyAsync,
  removeIfThere,
  storeError,
  syncFolder,
  tellingSync,
} from './fs.js';
import { JobIndex } from './job-index.js';
import type { OpenFile } from './open-file.js';
import { giveToOwner, makeFolder, removeHollowOfRoot } from './ownership.js';

/*
 * A compaction moves old jobs to the archive in three steps, so that one that fails leaves no copies:
 *
 * 1. Stage: the rows of a month go to a file of their own, `queue-2030-01.tsv.<byte>.tmp`, whose name says where in
 *    the month's file they belong. It is synced.
 * 2. The new queue file, which lacks these rows, takes the name of the old one. If that fails, the staged file is removed.
 * 3. Settle: the rows are written into the month's file at that byte, and the staged file is removed. Doing it again
 *    writes the same bytes to the same place, so a crash, or a full disk, may come at any moment.
 *
 * Whoever compacts next settles what a crash has left after step 2, and removes what it left before. Until then, readers
 * of the archive read the staged file as well.
 */

/** The names are known beforehand: where somebody put a symlink, nothing is written to what it leads to. */
const { O_NOFOLLOW, O_NONBLOCK, O_RDWR } = constants;
const EXISTING = O_RDWR | O_NOFOLLOW | O_NONBLOCK;

/** Lines are gathered up to this size before they are written, and copied in pieces as large. */
const PIECE = 1024 * 1024;

interface Staged {
  readonly path: string;
  readonly fd: number;
  lines: string[];
  size: number;
}

/** Stages rows for the archive. Nothing counts until {@link settle}. */
export class ArchiveWriter {
  /** How many rows were added. */
  count = 0;
  readonly #fs: FileSystem;
  readonly #queueFile: string;
  readonly #folder: string;
  readonly #layout: Layout;
  readonly #months = new Map<string, Staged>();
  #hasMadeFolder = false;

  constructor(fs: FileSystem, queueFile: string, layout: Layout) {
    this.#fs = fs;
    this.#queueFile = queueFile;
    this.#folder = archiveFolder(queueFile);
    this.#layout = layout;
  }

  /** @param line with its LF @param finishedAt in ms; one from before 1970, or beyond any calendar, is a slip of a hand */
  async add(line: string, finishedAt: number): Promise<void> {
    const month = new Date(Math.max(finishedAt, 0)).toISOString().slice(0, 7);
    let staged = this.#months.get(month);
    if (staged === undefined) {
      staged = this.#stage(month);
      this.#months.set(month, staged);
    }
    staged.lines.push(line);
    staged.size += line.length;
    this.count++;
    if (staged.size > PIECE) await this.#flush(staged);
  }

  /** Makes the staged rows durable, with the names of their files and of the folder. */
  async sync(): Promise<void> {
    if (this.#months.size === 0) return;
    for (const staged of this.#months.values()) {
      await this.#flush(staged);
      await this.#fs.fdatasync(staged.fd);
    }
    await syncFolder(this.#fs, this.#folder);
    await syncFolder(this.#fs, dirname(this.#queueFile));
  }

  /** Puts the staged rows where they belong: the queue lacks them now. What can't be settled is left for the next one. */
  async settle(): Promise<void> {
    for (const { path } of this.#months.values()) await settle(this.#fs, path).catch(() => {});
  }

  /** @param isCommitted the queue lacks the rows; otherwise they are taken back */
  close(isCommitted: boolean): void {
    for (const { fd, path } of this.#months.values()) {
      this.#fs.close(fd);
      if (!isCommitted) removeIfThere(this.#fs, path);
    }
    this.#months.clear();
    if (!this.#hasMadeFolder || isCommitted) return;
    try {
      this.#fs.rmdir(this.#folder);
    } catch {
      // Another process has put something there.
    }
  }

  #stage(month: string): Staged {
    this.#hasMadeFolder ||= this.#fs.stat(this.#folder) === undefined;
    tellingSync(this.#folder, () => makeFolder(this.#fs, this.#folder, this.#queueFile));
    // A file with other columns (the queue gained one in mid-month), or one that is closed to us, is left as it is.
    for (let part = 1; ; part++) {
      const target = join(this.#folder, archiveName(this.#queueFile, month, part));
      const end = this.#endOf(target);
      if (end === undefined) continue;
      const path = `${target}.${String(end).padStart(15, '0')}.tmp`;
      // Rows that could not be settled before have the place.
      if (this.#fs.stat(path) !== undefined) continue;
      const fd = this.#create(path);
      giveToOwner(this.#fs, fd, this.#queueFile);
      return { path, fd, lines: [headOf(this.#layout)], size: 0 };
    }
  }

  #create(path: string, mayHeal = true): number {
    try {
      return this.#fs.open(path, 'wx+', 0o660);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Root was killed before it could give the folder away.
      const isHealed = code === 'EACCES' && mayHeal && removeHollowOfRoot(this.#fs, path);
      if (!isHealed) throw storeError(error, path.replace(/\.\d{15}\.tmp$/, ''));
      tellingSync(this.#folder, () => makeFolder(this.#fs, this.#folder, this.#queueFile));
      return this.#create(path, false);
    }
  }

  /** Where rows may be added to an archive file; undefined if it has other columns, is closed to us, or is none. */
  #endOf(path: string): number | undefined {
    const head = headOf(this.#layout);
    let fd: number;
    try {
      fd = this.#fs.open(path, EXISTING);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return 0;
      if (code === 'ELOOP' || code === 'EISDIR') return undefined;
      // One that is there; where none is, the folder is closed.
      if (code === 'EACCES' && this.#fs.stat(path) !== undefined) return undefined;
      throw storeError(error, path);
    }
    try {
      const { size, mode } = this.#fs.fstat(fd);
      if ((mode & constants.S_IFMT) !== constants.S_IFREG) return undefined;
      const bytes = Buffer.alloc(Math.min(size, Buffer.byteLength(head)));
      readFully(this.#fs, fd, bytes, 0);
      if (!head.startsWith(bytes.toString())) return undefined;
      if (size < Buffer.byteLength(head)) return 0;
      return closedEnd(this.#fs, fd);
    } finally {
      this.#fs.close(fd);
    }
  }

  async #flush(staged: Staged): Promise<void> {
    const bytes = Buffer.from(staged.lines.join(''));
    staged.lines = [];
    staged.size = 0;
    assertWhole(await this.#fs.write(staged.fd, bytes, null), bytes);
  }
}

/**
 * Settles what processes have left that died in a compaction: rows that the queue lacks go where they belong, and what
 * is still in the queue was never taken out of it. Only under the lock.
 */
export async function settleLeftovers(fs: FileSystem, queueFile: string, file: OpenFile): Promise<void> {
  const staged = stagedFiles(fs, queueFile);
  if (staged.length === 0) return;
  const index = new JobIndex(file);
  await index.catchUp();
  for (const path of staged) {
    if (removeHollowOfRoot(fs, path)) continue;
    if (await isCommitted(fs, path, index)) await settle(fs, path).catch(() => {});
    else removeIfThere(fs, path);
  }
}

/** Whether the queue lacks a row of a staged file. */
async function isCommitted(fs: FileSystem, staged: string, index: JobIndex): Promise<boolean> {
  let isMissing = false;
  await eachArchivedLine(fs, staged, (layout) => {
    const reader = new LineReader(layout);
    return (bytes, start, end) => {
      if (isMissing || reader.read(bytes, start, end) !== 'row') return;
      isMissing = index.find(reader.text(layout.at.id)) === undefined;
    };
  });
  return isMissing;
}

/** Writes the rows of a staged file where its name says, and removes it. */
async function settle(fs: FileSystem, staged: string): Promise<void> {
  const [, target = '', digits = ''] = /^(.*)\.(\d{15})\.tmp$/.exec(staged) ?? [];
  if (Number(digits) === 0) fs.rename(staged, target);
  else {
    await copyRows(fs, staged, target, Number(digits));
    removeIfThere(fs, staged);
  }
  await syncFolder(fs, dirname(target));
}

async function copyRows(fs: FileSystem, staged: string, target: string, at: number): Promise<void> {
  const from = fs.open(staged, 'r');
  try {
    const to = fs.open(target, EXISTING);
    try {
      const start = headLength(fs, from);
      const place = await placeOf(fs, from, start, to, at);
      for await (const { bytes, offset } of pieces(fs, from, start))
        assertWhole(await fs.write(to, bytes, place + offset - start), bytes);
      await fs.fdatasync(to);
    } finally {
      fs.close(to);
    }
  } finally {
    fs.close(from);
  }
}

/** Where the rows go: at their byte, unless a person has put something else there since. */
async function placeOf(fs: FileSystem, from: number, start: number, to: number, at: number): Promise<number> {
  const { size } = fs.fstat(to);
  if (size < at) return closedEnd(fs, to);
  for await (const { bytes, offset } of pieces(fs, from, start)) {
    const place = at + offset - start;
    const there = Buffer.alloc(Math.max(0, Math.min(bytes.length, size - place)));
    await readFullyAsync(fs, to, there, place);
    // Of a write that power loss has cut, NULs may be left.
    const isOurs =
      there.equals(bytes.subarray(0, there.length)) || there.every((b, i) => b === 0 || b === bytes[i]);
    if (!isOurs) return closedEnd(fs, to);
  }
  return at;
}

/** Where an archive file ends. A tail that a crash cut is closed: it must not swallow the row that comes next. */
function closedEnd(fs: FileSystem, fd: number): number {
  const { size } = fs.fstat(fd);
  const last = Buffer.alloc(1);
  readFully(fs, fd, last, size - 1);
  if (last[0] === LF) return size;
  const closing = Buffer.from(`${TORN}\n`);
  assertWhole(fs.writeSync(fd, closing, size), closing);
  return size + closing.length;
}

/** How long the first two lines are: the header and the format. */
function headLength(fs: FileSystem, fd: number): number {
  const bytes = Buffer.alloc(64 * 1024);
  readFully(fs, fd, bytes, 0);
  return bytes.indexOf(LF, bytes.indexOf(LF) + 1) + 1;
}

async function* pieces(
  fs: FileSystem,
  fd: number,
  start: number,
): AsyncIterableIterator<{ bytes: Buffer; offset: number }> {
  for (let offset = start; ; ) {
    const bytes = Buffer.allocUnsafe(PIECE);
    const length = await readFullyAsync(fs, fd, bytes, offset);
    if (length > 0) yield { bytes: bytes.subarray(0, length), offset };
    if (length < PIECE) return;
    offset += length;
  }
}
