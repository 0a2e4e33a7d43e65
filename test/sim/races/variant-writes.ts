import type { FileSystem } from '../../../lib/file/disk/fs.js';
import type { OpenFile } from '../../../lib/file/disk/open-file.js';
import { LineReader } from '../../../lib/file/format/line.js';
import type { JobIndex } from '../../../lib/file/index/job-index.js';

/*
 * Two designs that write more than rows in one append: a marker before the rows of a commit that has several, which
 * count only if all of them are there; and the end of a line that another process left open.
 */

const is = (variant: string): boolean => (globalThis as { VARIANT?: string }).VARIANT === variant;

/** What goes before the first row of an append. */
const prefixes = new WeakMap<object, Buffer>();
/** Files whose last line lacks its end. */
const open = new WeakSet<OpenFile>();

/** The bytes of an append, with what the variant puts before them. */
export function withPrefix(append: object, file: OpenFile, rows: number, bytes: Buffer): Buffer {
  let prefix = '';
  if (is('commit markers') && rows > 1) prefix = `#commit ${rows}\n`;
  if (is('tail closed with rows') && open.delete(file)) prefix = '\n';
  prefixes.set(append, Buffer.from(prefix));
  return Buffer.concat([Buffer.from(prefix), bytes]);
}

export const prefixLength = (append: object): number => prefixes.get(append)?.length ?? 0;

/** Instead of closing the last line at once. @returns the size of the file, which may lack its last LF */
export function closeWithRows(
  fs: FileSystem,
  file: OpenFile,
  closeTail: (fs: FileSystem, file: OpenFile) => number,
): number {
  const { size } = file;
  const tail = file.readPiece(file.start, size - file.start);
  const from = tail.lastIndexOf(10) + 1;
  if (new LineReader(file.layout).read(tail, from, tail.length) !== 'row') return closeTail(fs, file);
  open.add(file);
  return size;
}

const MARKER = /^#commit (\d+)$/;

export const isMarker = (bytes: Buffer, start: number, end: number): boolean =>
  is('commit markers') && MARKER.test(bytes.toString('latin1', start, end));

/** Rows behind a marker, as long as there are not enough of them. */
const groups = new WeakMap<JobIndex, { missing: number; rows: { bytes: Buffer; offset: number }[] }>();

/** @returns whether the line is a marker, or a row that has to wait for others of its commit */
export function waits(index: JobIndex, bytes: Buffer, start: number, end: number, offset: number): boolean {
  const line = bytes.toString('latin1', start, end);
  const marker = MARKER.exec(line);
  if (marker !== null) {
    groups.set(index, { missing: Number(marker[1]), rows: [] });
    return true;
  }
  const group = groups.get(index);
  const kind = new LineReader(index.file.layout).read(bytes, start, end);
  if (group === undefined || (kind !== 'row' && kind !== 'struck')) return false;
  group.rows.push({ bytes: Buffer.from(line, 'latin1'), offset });
  if (--group.missing > 0) return true;
  groups.delete(index);
  for (const { bytes: row, offset: at } of group.rows) index.add(row, 0, row.length, at);
  return true;
}
