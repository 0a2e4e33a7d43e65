import type { Status } from '../../job/job.js';
import { LF, type LineReader } from './line.js';

/**
 * Finds the rows of a block in this state by a search in its bytes, and calls `visit` for each. The search ends when
 * `visit` returns true. The reader then describes that row.
 */
export function eachRowWith(
  reader: LineReader,
  bytes: Buffer,
  end: number,
  status: Status,
  visit: () => boolean,
): void {
  const word = Buffer.from(`\t${status}`);
  for (let hit = bytes.indexOf(word); hit >= 0 && hit < end; ) {
    const stop = bytes.indexOf(LF, hit);
    const kind = reader.read(bytes, bytes.lastIndexOf(LF, hit) + 1, stop);
    // Another field may have the word, too.
    if (kind === 'row' && reader.status === status && visit()) return;
    hit = bytes.indexOf(word, stop);
  }
}
