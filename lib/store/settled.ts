import type { OpenFile } from './open-file.js';

/*
 * A compaction writes the finished jobs first. Behind the header it notes the byte where they end, and there a
 * second comment stands. Whoever finds both in their places need not read what lies between to learn what is to
 * do: no row there waits or runs, and whatever supersedes one of them comes after. Workers and idle ticks begin at
 * that byte, so their cost does not grow with the number of finished jobs.
 *
 * An edit by hand that changes the length of anything before the second comment moves it, and the note is void;
 * the file is then read from its beginning, until the next compaction.
 */

export const OPEN_MARK = '# open jobs begin here\n';
const BEFORE = '# finished jobs end at byte ';
const DIGITS = 15;

/** The note behind the header; always the same length, so that it can be filled in afterwards. */
export const settledMark = (end: number): string => `${BEFORE}${String(end).padStart(DIGITS, '0')}\n`;

/** Whether a comment is one of the two. */
export function isMark(bytes: Buffer, start: number, end: number): boolean {
  if (end - start > BEFORE.length + DIGITS) return false;
  const line = bytes.toString('latin1', start, end + 1);
  return line === OPEN_MARK || line.startsWith(BEFORE);
}

/** From which byte on the file has to be read to learn what is to do. */
export function settledEnd(file: OpenFile): number {
  const note = file.readPiece(file.start, BEFORE.length + DIGITS).toString('latin1');
  if (!note.startsWith(BEFORE)) return file.start;
  const end = Number(note.slice(BEFORE.length));
  if (!Number.isSafeInteger(end) || end < file.start) return file.start;
  return file.readPiece(end, OPEN_MARK.length).toString('latin1') === OPEN_MARK ? end : file.start;
}
