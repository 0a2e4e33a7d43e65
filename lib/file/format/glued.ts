import { isHex, OUR_ID } from './id.js';
import type { Layout } from './layout.js';
import { LineReader, TAB } from './line.js';

/**
 * Finds where the second of two rows in one line begins. Process A saw the file end with LF. Then process B was
 * killed in the middle of a row. Then A appended its row to B's fragment. Finds the second only if it is whole and
 * has an id as tsvq makes them. With any other id, nothing shows where it begins.
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
