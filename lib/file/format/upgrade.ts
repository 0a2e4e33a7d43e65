import { isFinal, type Status } from '../../job/job.js';
import { columns, seconds } from './columns.js';
import { ANCESTRAL, type Layout } from './layout.js';
import type { Row } from './row.js';

/** Converts a row from older or reordered columns to the layout `to`; `now` in ms. */
export function upgrade(row: Row, from: Layout, to: Layout, now: number): Row {
  if (from === to) return row;
  const { at } = to;
  const next = to.names.map((name) => row[from.names.indexOf(name)] ?? '');
  // A file without versions doesn't escape its error texts either.
  if (from.at.version < 0) next[at.error] = (next[at.error] as string).replaceAll('\\', '\\\\');
  // The first columns always existed, so an empty field in them is meant.
  for (const { name, initial } of columns.slice(ANCESTRAL.length)) next[at[name]] ||= initial;
  if (isFinal(next[at.status] as Status)) next[at.finished_at] ||= seconds(now);
  return next;
}
