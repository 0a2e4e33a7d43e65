import { isFinal, type Status } from '../../job/job.js';
import type { Layout } from './columns.js';
import { type Row, seconds } from './row.js';

/** A row of a file with older columns, or with columns in another order, for a file with these; `now` in ms. */
export function upgrade(row: Row, from: Layout, to: Layout, now: number): Row {
  if (from === to) return row;
  const { at } = to;
  const next = to.names.map((name) => row[from.names.indexOf(name)] ?? '');
  // A file from before there were versions doesn't escape its error texts either.
  if (from.at.version < 0) next[at.error] = (next[at.error] as string).replaceAll('\\', '\\\\');
  next[at.version] ||= '1';
  next[at.priority] ||= '0';
  next[at.forgiven] ||= '0';
  if (isFinal(next[at.status] as Status)) next[at.finished_at] ||= seconds(now);
  return next;
}
