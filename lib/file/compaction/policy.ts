import { isFinal } from '../../job/job.js';
import { SMALL } from '../disk/fs.js';
import { eachLine, LineReader } from '../format/line.js';
import type { JobIndex } from '../index/job-index.js';

/** The most bytes that are read to learn a finished job's time. */
const MOST = 32 * 1024 * 1024;
/** A file up to this size is compacted at the end of every cron tick that did something. */
const SMALL_FILE = 256 * 1024;

/**
 * True if superseded rows outweigh the rest, so that compacting costs a constant per job. With `smallToo`,
 * one is enough in a small file. Always true if two rows are glued, because that keeps a job from running.
 */
export function needsCompaction({ file, deadBytes, glued }: JobIndex, smallToo: boolean): boolean {
  if (glued > 0) return true;
  const { size } = file;
  return size <= SMALL_FILE ? smallToo && deadBytes > 0 : deadBytes > size - deadBytes;
}

/**
 * True if the file's first finished jobs, which are among the oldest, are a tenth over their time. That is
 * often enough to keep the file small, and seldom enough not to write it again for each job that expires.
 *
 * @param retention in ms
 */
export function isPastRetention(index: JobIndex, now: number, retention: number): boolean {
  if (retention === Number.POSITIVE_INFINITY) return false;
  const { file } = index;
  const reader = new LineReader(file.layout);
  const from = firstFinished(index);
  for (let size = SMALL; from < file.size && size <= MOST; size *= 8) {
    let first = Number.POSITIVE_INFINITY;
    const piece = file.readPiece(from, size);
    eachLine(piece, 0, piece.length, (start, end) => {
      if (reader.read(piece, start, end) !== 'row' || !isFinal(reader.status)) return;
      // It stays while it is held.
      if (index.isRowHeld(reader)) return;
      first = Math.min(first, reader.number(file.layout.at.finished_at, Number.MAX_SAFE_INTEGER) * 1000);
    });
    if (first < Number.POSITIVE_INFINITY || piece.length < size) return first < now - retention * 1.1;
    // The first one is longer than that.
  }
  return false;
}

/** Returns where the finished jobs begin: the file's beginning if marked, otherwise the first one's place. */
function firstFinished(index: JobIndex): number {
  const { file, from, size } = index;
  if (from > file.start) return file.start;
  let first = file.size;
  for (let slot = 0; slot < size; slot++) {
    if (isFinal(index.status(slot))) first = Math.min(first, index.offset(slot));
  }
  return first;
}
