import type { OpenFile } from '../disk/open-file.js';
import { formatIn } from '../format/format.js';

/*
 * A compaction writes the finished jobs first. Behind the header it notes the byte where they end, and there a
 * second comment stands. Whoever finds both in their places need not read what lies between to learn what is to
 * do: no row there waits or runs, and whatever supersedes one of them comes after. Workers and idle ticks begin at
 * that byte, so their cost does not grow with the number of finished jobs.
 *
 * It notes as well where the new file ended. A row behind that byte whose version is not its first supersedes one
 * that the reader has seen, or one of the finished jobs: a retry, or a copy that somebody's editor made. Those few
 * are compared with what stands among the finished ones.
 *
 * An edit by hand that changes the length of anything before the second comment moves it, and the note is void;
 * the file is then read from its beginning, until the next compaction.
 */

export const OPEN_MARK = '# open jobs begin here\n';
const NOTE = /^# finished jobs end at byte (\d{15}), rows are new from byte (\d{15})\n$/;

/** The note behind the header; always the same length, so that it can be filled in afterwards. */
export const settledMark = (end: number, newFrom: number): string =>
  `# finished jobs end at byte ${digits(end)}, rows are new from byte ${digits(newFrom)}\n`;

const digits = (byte: number): string => String(byte).padStart(15, '0');
const LENGTH = settledMark(0, 0).length;

/** Whether a comment is a compaction's own: one of the two, or the number of the format. */
export function isMark(bytes: Buffer, start: number, end: number): boolean {
  if (end - start >= LENGTH) return false;
  const line = bytes.toString('latin1', start, end + 1);
  return line === OPEN_MARK || NOTE.test(line) || formatIn(line) !== undefined;
}

/** What the note says. */
export interface SealedPart {
  /** From here on the file has to be read to learn what is to do. */
  readonly end: number;
  /** From here on rows were appended since. */
  readonly newFrom: number;
}

/** Where the finished jobs end that need no reading; at the beginning of the file if it has no valid note. */
export function sealedPart(file: OpenFile): SealedPart {
  const nothing = { end: file.start, newFrom: file.start };
  const note = NOTE.exec(file.readPiece(file.start, LENGTH).toString('latin1'));
  if (note === null) return nothing;
  const [end, newFrom] = [Number(note[1]), Number(note[2])];
  if (end < file.start || newFrom < end) return nothing;
  return file.readPiece(end, OPEN_MARK.length).toString('latin1') === OPEN_MARK ? { end, newFrom } : nothing;
}
