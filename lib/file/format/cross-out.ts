import type { Layout } from './layout.js';
import { HASH, slice, TAB } from './line.js';
import { DASH, statusIn } from './status-word.js';

/**
 * Strikes a row in place: `#` for its first byte, dashes for its status; see {@link LineKind}. A line without
 * a status word in its column is left alone.
 *
 * @returns where the status begins and ends in the bytes; undefined if the line was left alone
 */
export function strikeOut(
  bytes: Buffer,
  start: number,
  end: number,
  layout: Layout,
): [from: number, to: number] | undefined {
  if (bytes[start] === HASH) return undefined;
  let from = start;
  for (let column = 0; column < layout.at.status; column++) from = bytes.indexOf(TAB, from) + 1;
  const to = bytes.indexOf(TAB, from);
  if (from <= start || to < 0 || to >= end || statusIn(bytes, from, to) === undefined) return undefined;
  bytes[start] = HASH;
  for (let i = from; i < to; i++) bytes[i] = DASH;
  return [from, to];
}

/**
 * Changes a torn line after a `#` so that no tool takes it for a job. Dashes replace the
 * status (`$4=="pending"`) and the first digit of an id that this queue made (`grep <id>`).
 */
export function muteTorn(bytes: Buffer, start: number, end: number, layout: Layout): void {
  if (/^#[0-9a-f]{16}\t$/.test(slice(bytes, start, Math.min(end, start + 18)))) bytes[start + 1] = DASH;
  let from = start;
  for (let column = 0; column < layout.at.status; column++) {
    const tab = bytes.indexOf(TAB, from);
    if (tab < 0 || tab >= end) return;
    from = tab + 1;
  }
  if (bytes[from] === HASH) return;
  for (let i = from; i < end && bytes[i] !== TAB; i++) bytes[i] = DASH;
}
