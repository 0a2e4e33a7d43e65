import type { FileSystem } from '../disk/fs.js';
import { filesOfMonth } from './archive.js';

/** A month's files stay at least so long after its end, in ms, for the reason that purge.ts gives. */
const LEAST_MS = 60_000;

/**
 * Removes the archive files of months that ended longer ago than `retention`, in ms. A file that can't be removed stays
 * until the next try. A link under such a name isn't the queue's, and stays.
 */
export function removeOldMonths(fs: FileSystem, queueFile: string, now: number, retention: number): void {
  if (retention === Number.POSITIVE_INFINITY) return;
  try {
    for (const path of filesOfMonth(fs, queueFile, '')) {
      if (endOfMonth(path) > now - Math.max(retention, LEAST_MS) || fs.readlink(path) !== undefined) continue;
      try {
        fs.unlink(path);
      } catch {
        // Another file may still be removable.
      }
    }
  } catch {
    // The compaction is over, and the next one tries again.
  }
}

/** Returns when the month in an archive file's name ended, in ms since 1970. */
function endOfMonth(path: string): number {
  const [, year, month] = /(\d{4})-(\d\d)(?:\.\d+)?\.tsv$/.exec(path) ?? [];
  // Months are counted from 0 there, so this is the first day of the next one.
  return Date.UTC(Number(year), Number(month));
}
