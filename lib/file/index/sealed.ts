import type { OpenFile } from '../disk/open-file.js';
import { formatIn } from '../format/format.js';

/*
 * A compaction writes the finished jobs first: the sealed part. A note after the header says at which byte
 * they end, and a second comment stands there. If both are in their places, a reader that looks for jobs to do
 * skips the sealed part. No job in it waits or runs, and rows that supersede one of its rows come after it.
 * Workers and idle cron ticks begin at that byte, so their cost does not grow with the number of finished jobs.
 *
 * The note also says where the new file ended. A row after that byte, with a version greater than 1,
 * supersedes a row that the reader has seen, or one in the sealed part (a retry, or an editor's copy). These
 * few late rows are compared with the sealed part.
 *
 * If an edit by hand changes the length of anything before the second comment, the comment moves and the note
 * isn't valid. Then the file is read from its beginning until the next compaction.
 */

export const OPEN_MARK = '# open jobs begin here\n';
const NOTE = /^# finished jobs end at byte (\d{15}), rows are new from byte (\d{15})\n$/;

/** Returns the note after the header; its length is constant, so that it can be filled in later. */
export const sealedMark = (end: number, newFrom: number): string =>
  `# finished jobs end at byte ${digits(end)}, rows are new from byte ${digits(newFrom)}\n`;

const digits = (byte: number): string => String(byte).padStart(15, '0');
const LENGTH = sealedMark(0, 0).length;

/** True if a comment is one that a compaction writes: one of these two, or the format line. */
export function isMark(bytes: Buffer, start: number, end: number): boolean {
  if (end - start >= LENGTH) return false;
  const line = bytes.toString('latin1', start, end + 1);
  return line === OPEN_MARK || NOTE.test(line) || formatIn(line) !== undefined;
}

/** The two bytes that the note names. */
export interface SealedPart {
  /** Where the sealed part ends, and the open part begins. */
  readonly end: number;
  /** Rows from this byte on were appended after the compaction. */
  readonly newFrom: number;
}

/** Returns the sealed part; an empty one at the beginning of the file if the file has no valid note. */
export function sealedPart(file: OpenFile): SealedPart {
  const nothing = { end: file.start, newFrom: file.start };
  const note = NOTE.exec(file.readPiece(file.start, LENGTH).toString('latin1'));
  if (note === null) return nothing;
  const [end, newFrom] = [Number(note[1]), Number(note[2])];
  if (end < file.start || newFrom < end) return nothing;
  return file.readPiece(end, OPEN_MARK.length).toString('latin1') === OPEN_MARK ? { end, newFrom } : nothing;
}
