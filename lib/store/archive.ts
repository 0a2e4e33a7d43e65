import { constants } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { headerLine, type Layout, parseHeader } from '../tsv/columns.js';
import { eachLine, LF, TAB, TORN } from '../tsv/line.js';
import { type Row, splitRows } from '../tsv/row.js';
import {
  assertWhole,
  type FileSystem,
  readFully,
  readFullyAsync,
  storeError,
  syncFolder,
  tellingSync,
} from './fs.js';
import { giveToOwner, makeFolder, removeHollowOfRoot } from './ownership.js';

/** The names are known beforehand: where somebody put a symlink, nothing is written to what it leads to. */
const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDWR } = constants;
const APPEND = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK;

/** Lines are gathered up to this size before they are written, and read in pieces as large. */
const PIECE = 1024 * 1024;

/** Where a queue's finished jobs go once they are past their retention time: a file a month, by finished_at. */
export function archiveFolder(queueFile: string): string {
  return join(dirname(queueFile), 'archive');
}

/** No clock is set back by more. */
const SET_BACK_MS = 24 * 60 * 60 * 1000;

/** The queue's archive files, newest month first. */
export function archiveFiles(fs: FileSystem, queueFile: string): string[] {
  const folder = archiveFolder(queueFile);
  if (fs.stat(folder) === undefined) return [];
  const prefix = `${basename(queueFile, '.tsv')}-`;
  return tellingSync(folder, () => fs.readdir(folder))
    .filter((name) => name.startsWith(prefix) && /^\d{4}-\d\d(\.\d+)?\.tsv$/.test(name.slice(prefix.length)))
    .sort()
    .reverse()
    .map((name) => join(folder, name));
}

/** Appends rows to archive files; nothing counts until {@link sync}. */
export class ArchiveWriter {
  /** How many rows were added. */
  count = 0;
  readonly #fs: FileSystem;
  readonly #queueFile: string;
  readonly #layout: Layout;
  readonly #months = new Map<string, { fd: number; lines: string[]; size: number }>();

  constructor(fs: FileSystem, queueFile: string, layout: Layout) {
    this.#fs = fs;
    this.#queueFile = queueFile;
    this.#layout = layout;
  }

  /** @param line with its LF @param finishedAt in ms; one from before 1970, or beyond any calendar, is a slip of a hand */
  async add(line: string, finishedAt: number): Promise<void> {
    const month = new Date(Math.max(finishedAt, 0)).toISOString().slice(0, 7);
    let file = this.#months.get(month);
    if (file === undefined) {
      file = { fd: this.#open(month), lines: [], size: 0 };
      this.#months.set(month, file);
    }
    file.lines.push(line);
    file.size += line.length;
    this.count++;
    if (file.size > PIECE) await this.#flush(file);
  }

  /** Makes durable what was added: lines first, then the names of the files and of the folder. */
  async sync(): Promise<void> {
    if (this.#months.size === 0) return;
    for (const file of this.#months.values()) {
      await this.#flush(file);
      await this.#fs.fdatasync(file.fd);
    }
    await syncFolder(this.#fs, archiveFolder(this.#queueFile));
    await syncFolder(this.#fs, dirname(this.#queueFile));
  }

  close(): void {
    for (const { fd } of this.#months.values()) this.#fs.close(fd);
    this.#months.clear();
  }

  #open(month: string): number {
    const folder = archiveFolder(this.#queueFile);
    // A file whose columns are others (the queue gained one in mid-month), or that is closed to us, is left as it is, and a
    // further one begun.
    for (let part = 1; ; part++) {
      const name = `${basename(this.#queueFile, '.tsv')}-${month}${part === 1 ? '' : `.${part}`}.tsv`;
      const fd = this.#openPart(join(folder, name));
      if (fd !== undefined) return fd;
    }
  }

  /** @returns undefined if the file has other columns, is closed to us, or is none. */
  #openPart(path: string, mayHeal = true): number | undefined {
    const header = headerLine(this.#layout);
    const folder = dirname(path);
    tellingSync(folder, () => makeFolder(this.#fs, folder, this.#queueFile));
    let fd: number;
    try {
      fd = this.#fs.open(path, APPEND, 0o660);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ELOOP' || code === 'EISDIR') return undefined;
      // Root was killed before it could give it away.
      if (code === 'EACCES' && mayHeal && removeHollowOfRoot(this.#fs, path))
        return this.#openPart(path, false);
      // One that is there; where none is, the folder is closed.
      if (code === 'EACCES' && this.#fs.stat(path) !== undefined) return undefined;
      throw storeError(error, path);
    }
    const { size, mode } = this.#fs.fstat(fd);
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) {
      this.#fs.close(fd);
      return undefined;
    }
    const head = Buffer.alloc(Math.min(size, Buffer.byteLength(header)));
    readFully(this.#fs, fd, head, 0);
    if (!header.startsWith(head.toString())) {
      this.#fs.close(fd);
      return undefined;
    }
    const last = Buffer.alloc(1);
    if (size === 0) giveToOwner(this.#fs, fd, this.#queueFile);
    if (size < Buffer.byteLength(header)) this.#write(fd, header.slice(head.toString().length));
    // A tail that a crash cut must not swallow the row that comes next.
    else if (readFully(this.#fs, fd, last, size - 1) === 1 && last[0] !== LF) this.#write(fd, `${TORN}\n`);
    return fd;
  }

  async #flush(file: { fd: number; lines: string[]; size: number }): Promise<void> {
    const bytes = Buffer.from(file.lines.join(''));
    file.lines = [];
    file.size = 0;
    assertWhole(await this.#fs.write(file.fd, bytes, null), bytes);
  }

  #write(fd: number, text: string): void {
    const bytes = Buffer.from(text);
    assertWhole(this.#fs.writeSync(fd, bytes, null), bytes);
  }
}

/** Finds a job among the archived ones; of several copies (a crash between two steps) the newest version. */
export async function findArchived(
  fs: FileSystem,
  queueFile: string,
  id: string,
): Promise<{ row: Row; layout: Layout } | undefined> {
  for (const path of archiveFiles(fs, queueFile)) {
    const found = await searchArchive(fs, path, id);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Which of these jobs were archived since the file system's clock showed so many ms; it may have been set back. */
export async function archivedSince(
  fs: FileSystem,
  queueFile: string,
  ids: ReadonlySet<string>,
  since: number,
): Promise<Set<string>> {
  const found = new Set<string>();
  for (const path of archiveFiles(fs, queueFile)) {
    if ((fs.stat(path)?.mtimeMs ?? 0) < since - SET_BACK_MS) continue;
    for await (const bytes of blocks(fs, path)) {
      eachLine(bytes, 0, bytes.length, (start, end) => {
        const tab = bytes.indexOf(TAB, start);
        const id = bytes.toString('latin1', start, Math.min(tab < 0 ? end : tab, end));
        if (ids.has(id)) found.add(id);
      });
    }
  }
  return found;
}

/** Calls what `lines` makes of a file's columns for each whole line of an archive file. */
export async function eachArchivedLine(
  fs: FileSystem,
  path: string,
  lines: (layout: Layout) => (bytes: Buffer, start: number, end: number) => void,
): Promise<void> {
  let line: ReturnType<typeof lines> | undefined;
  for await (const bytes of blocks(fs, path)) {
    if (line === undefined) {
      const header = lineAt(bytes, 0);
      if (header === '' || isLost(header)) return;
      line = lines(parseHeader(header, path));
    }
    const each = line;
    eachLine(bytes, 0, bytes.length, (start, end) => each(bytes, start, end));
  }
}

async function searchArchive(
  fs: FileSystem,
  path: string,
  id: string,
): Promise<{ row: Row; layout: Layout } | undefined> {
  let header: string | undefined;
  let line: string | undefined;
  const wanted = Buffer.from(`\n${id}\t`);
  for await (const bytes of blocks(fs, path)) {
    header ??= lineAt(bytes, 0);
    const at = bytes.lastIndexOf(wanted);
    if (at >= 0) line = lineAt(bytes, at + 1);
  }
  if (header === undefined || line === undefined || id === '' || isLost(header)) return undefined;
  const layout = parseHeader(header, path);
  const [row] = splitRows(line);
  return row?.length === layout.names.length && row[layout.at.id] === id ? { row, layout } : undefined;
}

function lineAt(bytes: Buffer, from: number): string {
  const end = bytes.indexOf(LF, from);
  return bytes.toString('utf8', from, end < 0 ? bytes.length : end);
}

/** With a power cut before the first sync: what stands behind it was never taken out of the queue. */
const isLost = (header: string): boolean => header.includes('\0');

/**
 * The file in pieces of whole lines, so that no more than one is in memory: each begins with the LF of the line before
 * it, and the last one ends where the file does. Nothing if it was deleted since, or is no file.
 */
async function* blocks(fs: FileSystem, path: string): AsyncIterableIterator<Buffer> {
  let fd: number;
  try {
    fd = fs.open(path, constants.O_RDONLY | O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw storeError(error, path);
  }
  try {
    if ((fs.fstat(fd).mode & constants.S_IFMT) !== constants.S_IFREG) return;
    let rest = Buffer.alloc(0);
    for (let position = 0; ; ) {
      // A line that is longer than a piece is not put together again from many.
      const piece = Buffer.allocUnsafe(Math.max(PIECE, rest.length));
      const length = await readFullyAsync(fs, fd, piece, position);
      position += length;
      const bytes = Buffer.concat([rest, piece.subarray(0, length)]);
      if (length < piece.length) {
        yield bytes;
        return;
      }
      const last = bytes.lastIndexOf(LF);
      if (last > 0) yield bytes.subarray(0, last + 1);
      rest = bytes.subarray(Math.max(last, 0));
    }
  } finally {
    fs.close(fd);
  }
}
