import { constants } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type FileSystem, isRegular, readFullyAsync, storeError, withStoreErrorsSync } from '../disk/fs.js';
import { type Layout, parseHeader } from '../format/layout.js';
import { eachLine, LF, LineReader, TAB } from '../format/line.js';
import { splitRow, splitRows } from '../format/row.js';
import { StoredJob } from '../format/stored-job.js';

const { O_NONBLOCK, O_RDONLY } = constants;
/** Size of the pieces in which files are read. */
const PIECE = 1024 * 1024;

/** Returns the folder of jobs past their retention time. It has a file for each month of `finished_at`. */
export function archiveFolder(queueFile: string): string {
  return join(dirname(queueFile), 'archive');
}

/** The longest time by which a clock is set back, in ms. */
const SET_BACK_MS = 24 * 60 * 60 * 1000;

/** Matches an archive file's name after the queue's name. */
const ARCHIVED = /^\d{4}-\d\d(\.\d+)?\.tsv$/;
/** Matches a staged file's name after the queue's name; see archive-writer.ts. */
const STAGED = /^(\d{4}-\d\d)\.[0-9a-f]{12}\.tmp$/;

/** Lists the archive files, newest month first, and after them the staged files that are not settled. */
export const archiveFiles = (fs: FileSystem, queueFile: string): string[] => [
  ...filesOfMonth(fs, queueFile, ''),
  ...stagedFiles(fs, queueFile).map(({ path }) => path),
];

/** Lists the archive files of a month; of all months for ''. */
export function filesOfMonth(fs: FileSystem, queueFile: string, month: string): string[] {
  const folder = archiveFolder(queueFile);
  if (fs.stat(folder) === undefined) return [];
  const prefix = prefixOf(queueFile);
  return withStoreErrorsSync(folder, () => fs.readdir(folder))
    .filter((name) => name.startsWith(prefix + month) && ARCHIVED.test(name.slice(prefix.length)))
    .sort()
    .reverse()
    .map((name) => join(folder, name));
}

/** Lists the files beside the queue that a compaction has staged and not settled, with their months. */
export function stagedFiles(fs: FileSystem, queueFile: string): { path: string; month: string }[] {
  const folder = dirname(queueFile);
  if (fs.stat(folder) === undefined) return [];
  const prefix = `${basename(queueFile)}.`;
  return withStoreErrorsSync(folder, () => fs.readdir(folder)).flatMap((name) => {
    const month = name.startsWith(prefix) && STAGED.exec(name.slice(prefix.length))?.[1];
    return month ? [{ path: join(folder, name), month }] : [];
  });
}

/** Returns the name of a month's archive file. @param number from 1; higher if the first file can't be used */
export const archiveName = (queueFile: string, month: string, number: number): string =>
  `${prefixOf(queueFile)}${month}${number === 1 ? '' : `.${number}`}.tsv`;

const prefixOf = (queueFile: string): string => `${basename(queueFile, '.tsv')}-`;

/** Finds an archived job. If a crash between two steps left several copies, it returns one of them. */
export async function findArchived(
  fs: FileSystem,
  queueFile: string,
  id: string,
): Promise<StoredJob | undefined> {
  for (const path of archiveFiles(fs, queueFile)) {
    const found = await searchArchive(fs, path, id);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Returns those ids that were archived since `since`, in ms by the file system's clock, which may be set back. */
export async function archivedSince(
  fs: FileSystem,
  queueFile: string,
  ids: ReadonlySet<string>,
  since: number,
): Promise<Set<string>> {
  const found = new Set<string>();
  for (const path of archiveFiles(fs, queueFile)) {
    if ((fs.stat(path)?.mtimeMs ?? 0) < since - SET_BACK_MS) continue;
    for await (const bytes of archivedPieces(fs, path)) {
      eachLine(bytes, 0, bytes.length, (start, end) => {
        const tab = bytes.indexOf(TAB, start);
        const id = bytes.toString('latin1', start, Math.min(tab < 0 ? end : tab, end));
        if (ids.has(id)) found.add(id);
      });
    }
  }
  return found;
}

/**
 * Yields all archived jobs, those of the newest month first, in the order of its file. A job of which a crash left
 * copies comes once.
 */
export async function* archivedJobs(fs: FileSystem, queueFile: string): AsyncIterableIterator<StoredJob> {
  const staged = stagedFiles(fs, queueFile).map(({ path }) => path);
  const seen = new Set<string>();
  for (const path of [...staged, ...filesOfMonth(fs, queueFile, '')]) {
    const isStaged = staged.includes(path);
    let layout: Layout | undefined;
    for await (const bytes of archivedPieces(fs, path)) {
      if (layout === undefined) {
        const header = lineAt(bytes, 0);
        if (!bytes.includes(LF) || header === '' || isLost(header)) break;
        layout = parseHeader(header, path);
      }
      const rows: StoredJob[] = [];
      const reader = new LineReader(layout);
      eachLine(bytes, 0, bytes.length, (start, end) => {
        if (reader.read(bytes, start, end) !== 'row') return;
        const [row] = splitRows(bytes.toString('utf8', start, end));
        if (row !== undefined) rows.push(new StoredJob(row, layout as Layout));
      });
      for (const job of rows) {
        if (seen.has(job.id)) continue;
        if (isStaged) seen.add(job.id);
        yield job;
      }
    }
  }
}

/** Reads an archive file. @param lines gets its columns, and returns a function that gets each whole line */
export async function eachArchivedLine(
  fs: FileSystem,
  path: string,
  lines: (layout: Layout) => (bytes: Buffer, start: number, end: number) => void,
): Promise<void> {
  let line: ReturnType<typeof lines> | undefined;
  for await (const bytes of archivedPieces(fs, path)) {
    if (line === undefined) {
      const header = lineAt(bytes, 0);
      // If a crash has cut the header, no row was taken out of the queue.
      if (!bytes.includes(LF) || header === '' || isLost(header)) return;
      line = lines(parseHeader(header, path));
    }
    const each = line;
    eachLine(bytes, 0, bytes.length, (start, end) => each(bytes, start, end));
  }
}

/** Yields the jobs of an archive file. */
export async function* archivedRows(fs: FileSystem, path: string): AsyncIterableIterator<StoredJob> {
  let layout: Layout | undefined;
  for await (const bytes of archivedPieces(fs, path)) {
    if (layout === undefined) {
      const header = lineAt(bytes, 0);
      if (!bytes.includes(LF) || header === '' || isLost(header)) return;
      layout = parseHeader(header, path);
    }
    const reader = new LineReader(layout);
    const rows: StoredJob[] = [];
    for (let from = bytes[0] === LF ? 1 : 0; from < bytes.length; ) {
      const lf = bytes.indexOf(LF, from);
      if (lf < 0) break;
      // The header has no status, so it isn't a row.
      if (reader.read(bytes, from, lf) === 'row')
        rows.push(new StoredJob(splitRow(bytes.toString('utf8', from, lf)), layout));
      from = lf + 1;
    }
    yield* rows;
  }
}

async function searchArchive(fs: FileSystem, path: string, id: string): Promise<StoredJob | undefined> {
  let header: string | undefined;
  let line: string | undefined;
  const wanted = Buffer.from(`\n${id}\t`);
  for await (const bytes of archivedPieces(fs, path)) {
    header ??= lineAt(bytes, 0);
    const at = bytes.lastIndexOf(wanted);
    if (at >= 0) line = lineAt(bytes, at + 1);
  }
  if (header === undefined || line === undefined || id === '' || isLost(header)) return undefined;
  const layout = parseHeader(header, path);
  const [row] = splitRows(line);
  if (row?.length !== layout.names.length) return undefined;
  const job = new StoredJob(row, layout);
  return job.id === id ? job : undefined;
}

function lineAt(bytes: Buffer, from: number): string {
  const end = bytes.indexOf(LF, from);
  return bytes.toString('utf8', from, end < 0 ? bytes.length : end);
}

/** True if power was lost before the first sync. The rows below were then never taken out of the queue. */
const isLost = (header: string): boolean => header.includes('\0');

/** Yields an archive file in pieces, see {@link piecesOf}; nothing if it was deleted, or isn't a regular file. */
async function* archivedPieces(fs: FileSystem, path: string): AsyncIterableIterator<Buffer> {
  let fd: number;
  try {
    fd = fs.open(path, O_RDONLY | O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw storeError(error, path);
  }
  try {
    if (isRegular(fs.fstat(fd))) yield* piecesOf(fs, fd, 0);
  } finally {
    fs.close(fd);
  }
}

/**
 * Yields a file from a byte on, in pieces of whole lines, so that only one piece is in memory. Each later piece
 * begins with the LF of the line before it, and the last one ends where the file does.
 */
export async function* piecesOf(fs: FileSystem, fd: number, from: number): AsyncIterableIterator<Buffer> {
  let rest = Buffer.alloc(0);
  for (let position = from; ; ) {
    // Read larger pieces for a long line, so that it isn't joined from many small ones.
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
}
