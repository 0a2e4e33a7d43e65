import { TsvqError } from '../../job/errors.js';
import { formatIn } from '../format/format.js';
import { type Layout, parseHeader } from '../format/layout.js';
import { HASH, LF } from '../format/line.js';
import { type FileSystem, readFully } from './fs.js';

/** The longest header that is read. */
const LONGEST_HEADER = 64 * 1024;

/** The lines before a file's rows: the header, and the line that names the format. */
export interface Head {
  readonly layout: Layout;
  /** The number of the file format; 1 if the file names none. */
  readonly format: number;
  /** False if the second line doesn't name the format, as in an older file, or after an edit by hand. */
  readonly hasFormatLine: boolean;
  /** Where the next line begins after the header, or after the format line if that follows the header. */
  readonly start: number;
}

/** Reads a file's head. @returns undefined if the file is empty @throws TsvqError `NOT_A_QUEUE` */
export function readHead(fs: FileSystem, fd: number, path: string): Head | undefined {
  const buffer = Buffer.alloc(LONGEST_HEADER);
  const bytes = buffer.subarray(0, readFully(fs, fd, buffer, 0));
  if (bytes.length === 0) return undefined;
  const lf = bytes.indexOf(LF);
  if (lf < 0 && bytes.length === LONGEST_HEADER) {
    throw new TsvqError(
      'NOT_A_QUEUE',
      `${path}: its first line is longer than any header; nothing was changed`,
    );
  }
  const end = lf < 0 ? bytes.length : lf;
  const layout = parseHeader(bytes.toString('utf8', 0, end), path);
  const next = Math.min(end + 1, bytes.length);
  const named = namedFormat(bytes, next);
  const hasFormatLine = named?.start === next;
  return { layout, format: named?.format ?? 1, hasFormatLine, start: hasFormatLine ? named.end : next };
}

/** Finds the format line among the comments after the header: the format, and where the line is. */
function namedFormat(head: Buffer, from: number): { format: number; start: number; end: number } | undefined {
  for (let start = from; head[start] === HASH; ) {
    const lf = head.indexOf(LF, start);
    if (lf < 0) return undefined;
    const format = formatIn(head.toString('latin1', start, lf));
    if (format !== undefined) return { format, start, end: lf + 1 };
    start = lf + 1;
  }
  return undefined;
}
