import { isFinal } from '../../job/job.js';
import { SMALL } from '../disk/fs.js';
import { eachLine, LineReader } from '../format/line.js';
import type { JobIndex } from '../index/job-index.js';
import type { LeavingRules } from './destination.js';
import { mayBeDropped } from './purge.js';

/** The most bytes that are read to learn when the first finished jobs finished. */
const MOST_BYTES_READ = 32 * 1024 * 1024;
/** The most bytes that are read to find a job of the state with the shortest retention time, after any finished one. */
const MOST_BYTES_SEARCHED = 4 * 1024 * 1024;
/** The most bytes of a small file, which is compacted at the end of every cron tick that did something. */
const SMALL_FILE = 256 * 1024;

/**
 * True if more than half of a large file is superseded, so that compacting costs a constant per job. A small
 * file qualifies only with `includesSmall`, but then with one superseded row. Any file qualifies if two rows
 * are glued, because that keeps a job from running.
 */
export function needsCompaction({ file, deadBytes, glued }: JobIndex, includesSmall: boolean): boolean {
  if (glued > 0) return true;
  const { size } = file;
  return size <= SMALL_FILE ? includesSmall && deadBytes > 0 : deadBytes > size - deadBytes;
}

/**
 * True if one of the file's first finished jobs, which are among the oldest, is a tenth over the retention time of its
 * state. So the file stays small, and isn't rewritten for each job that expires. Jobs of a state that is kept for
 * longer may come first, so it looks further until it has seen one of the state with the shortest time.
 */
export function isPastRetention(index: JobIndex, { now, retention, archive }: LeavingRules): boolean {
  const shortest = Math.min(retention.completed, retention.failed, retention.cancelled);
  if (shortest === Number.POSITIVE_INFINITY) return false;
  const { file } = index;
  const reader = new LineReader(file.layout);
  const from = firstFinished(index);
  for (let size = SMALL; from < file.size && size <= MOST_BYTES_READ; size *= 8) {
    let hasAny = false;
    let hasShortest = false;
    let isPast = false;
    const piece = file.readPiece(from, size);
    eachLine(piece, 0, piece.length, (start, end) => {
      if (reader.read(piece, start, end) !== 'row' || !isFinal(reader.status)) return;
      // A held job stays in the file.
      if (!index.unreadable.isEmpty && index.isHeld(reader.text(file.layout.at.id))) return;
      const finishedAt = reader.number(file.layout.at.finished_at, Number.MAX_SAFE_INTEGER) * 1000;
      const limit = retention[reader.status];
      hasAny = true;
      hasShortest ||= limit === shortest;
      isPast ||= finishedAt < now - limit * 1.1 && (archive || mayBeDropped(finishedAt, now));
    });
    if (isPast || hasShortest || piece.length < size) return isPast;
    if (hasAny && size >= MOST_BYTES_SEARCHED) return false;
    // The first finished row is longer than that piece, or is kept for longer than others.
  }
  return false;
}

/** Estimates the size of the finished jobs. */
export function finishedBytes(index: JobIndex): number {
  let bytes = index.from - index.file.start;
  for (let slot = 0; slot < index.size; slot++) if (isFinal(index.status(slot))) bytes += index.length(slot);
  return bytes;
}

/** Returns where the finished jobs begin: the file's beginning if sealed, otherwise the first one's place. */
function firstFinished(index: JobIndex): number {
  const { file, from, size } = index;
  if (from > file.start) return file.start;
  let first = file.size;
  for (let slot = 0; slot < size; slot++) {
    if (isFinal(index.status(slot))) first = Math.min(first, index.offset(slot));
  }
  return first;
}
