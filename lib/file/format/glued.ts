import { isHex, OUR_ID } from './id.js';
import type { Layout } from './layout.js';
import { LineReader, TAB } from './line.js';

/**
 * Finds where the second of two rows in one line begins. A writer was killed in the middle of the first, just
 * when another had seen the file end well and was about to append the second. The first is cut off.
 * The second is whole, and has an id of ours, because otherwise its beginning is unknown.
 *
 * @param end the place of the line's LF
 * @returns undefined for any other line
 */
export function gluedAt(bytes: Buffer, start: number, end: number, layout: Layout): number | undefined {
  // Only this line: a search without a hit would go on through everything before it.
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
