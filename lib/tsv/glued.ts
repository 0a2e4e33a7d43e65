import type { Layout } from './columns.js';
import { LineReader } from './line.js';

const TAB = 9;
/** How many hex digits an id of ours has. */
const OUR_ID = 16;

/**
 * Where the second of two rows begins that stand in one line: a writer was killed in the middle of the first, just when
 * another had seen the file end well and was about to append the second. Of the first there is as much as was written;
 * the second is whole, and has an id of ours, since otherwise nobody can tell where it begins.
 *
 * @param end where the line's LF is
 * @returns undefined for any other line
 */
export function gluedAt(bytes: Buffer, start: number, end: number, layout: Layout): number | undefined {
  let at = end;
  for (let column = layout.names.length - 1; column > 0; column--) {
    at = bytes.lastIndexOf(TAB, at - 1);
    if (at <= start) return undefined;
  }
  at -= OUR_ID;
  if (at <= start || !/^[0-9a-f]{16}$/.test(bytes.toString('latin1', at, at + OUR_ID))) return undefined;
  return new LineReader(layout).read(bytes, at, end) === 'row' ? at : undefined;
}
