import type { Layout } from './layout.js';
import { LineReader, OUR_ID, TAB } from './line.js';

/**
 * Where the second of two rows begins that stand in one line: a writer was killed in the middle of the first, just when
 * another had seen the file end well and was about to append the second. Of the first there is as much as was written;
 * the second is whole, and has an id of ours, since otherwise nobody can tell where it begins.
 *
 * @param end where the line's LF is
 * @returns undefined for any other line
 */
export function gluedAt(bytes: Buffer, start: number, end: number, layout: Layout): number | undefined {
  // Of this line alone: the search for what it lacks would go on through all that stands before it.
  const line = bytes.subarray(start, end);
  let tab = line.length;
  for (let column = layout.names.length - 1; column > 0; column--) {
    tab = tab > 0 ? line.lastIndexOf(TAB, tab - 1) : -1;
    if (tab < 0) return undefined;
  }
  const at = start + tab - OUR_ID;
  if (at <= start || !/^[0-9a-f]{16}$/.test(bytes.toString('latin1', at, at + OUR_ID))) return undefined;
  return new LineReader(layout).read(bytes, at, end) === 'row' ? at : undefined;
}
