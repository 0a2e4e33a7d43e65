import { isHex, OUR_ID } from './id.js';
import type { Layout } from './layout.js';
import { LineReader, TAB } from './line.js';

/**
 * Finds where the second of two rows in one line begins. A process was killed while it wrote the first, after
 * another process had seen the file end with LF, and before that one appended the second. The first is cut
 * off. The second is whole, and has an id that this queue made, because otherwise its beginning is unknown.
 *
 * @param end the place of the line's LF
 * @returns undefined if the line has no glued row
 */
export function gluedAt(bytes: Buffer, start: number, end: number, layout: Layout): number | undefined {
  // Search only this line, because a search without a hit would go on through everything before it.
  const line = bytes.subarray(start, end);
  let tab = line.length;
  for (let column = layout.names.length - 1; column > 0; column--) {
    tab = tab > 0 ? line.lastIndexOf(TAB, tab - 1) : -1;
    if (tab < 0) return undefined;
  }
  const at = start + tab - OUR_ID;
  if (at <= start || !isHex(bytes, at, at + OUR_ID)) return undefined;
  return new LineReader(layout).read(bytes, at, end) === 'row' ? at : undefined;
}
