import { isFinal } from '../../job/job.js';
import { SMALL } from '../disk/fs.js';
import { eachLine, LineReader } from '../format/line.js';
import type { JobIndex } from '../index/job-index.js';

/** Where a single finished job is longer than this, no more is read for the sake of its time. */
const MOST = 32 * 1024 * 1024;
/** A file up to this size is compacted at the end of every tick that did something. */
const SMALL_FILE = 256 * 1024;

/**
 * Whether superseded rows outweigh the rest, so that compacting costs a constant per job; a small file is worth it
 * as soon as there is one, if `smallToo`. Always, if two rows stand in one line, which keeps a job from running.
 */
export function needsCompaction({ file, deadBytes, glued }: JobIndex, smallToo: boolean): boolean {
  if (glued > 0) return true;
  const { size } = file;
  return size <= SMALL_FILE ? smallToo && deadBytes > 0 : deadBytes > size - deadBytes;
}

/**
 * Whether the first finished jobs of the file, which are among the oldest, are a tenth over their time: often enough
 * that the file stays small, and seldom enough that it isn't written anew for each job that gets too old.
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
      // It stays for as long as it is held.
      if (index.isRowHeld(reader)) return;
      first = Math.min(first, reader.number(file.layout.at.finished_at, Number.MAX_SAFE_INTEGER) * 1000);
    });
    if (first < Number.POSITIVE_INFINITY || piece.length < size) return first < now - retention * 1.1;
    // The first of them is longer than that.
  }
  return false;
}

/** Where the finished jobs begin: at the beginning, where they are marked, and wherever the first one is elsewhere. */
function firstFinished(index: JobIndex): number {
  const { file, from, size } = index;
  if (from > file.start) return file.start;
  let first = file.size;
  for (let slot = 0; slot < size; slot++) {
    if (isFinal(index.status(slot))) first = Math.min(first, index.offset(slot));
  }
  return first;
}
