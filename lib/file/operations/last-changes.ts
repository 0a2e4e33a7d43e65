import TinyQueue from 'tinyqueue';
import type { Status } from '../../job/job.js';
import type { OpenFile } from '../disk/open-file.js';
import type { Layout } from '../format/layout.js';
import { LineReader } from '../format/line.js';
import { type Row, splitRows } from '../format/row.js';
import { restoreRows, statusesLike } from '../format/superseded.js';
import type { RowChange } from './row-feed.js';

/** Which changes are wanted. */
export interface Wanted {
  readonly most: number;
  /** In ms since 1970. */
  readonly now: number;
  /** Undefined: of any type. */
  readonly types: ReadonlySet<string> | undefined;
  /** The states that a change leads to. Undefined: any. */
  readonly statuses: ReadonlySet<Status> | undefined;
}

/** A row that may be among the last ones. */
interface Candidate {
  readonly tail: string;
  readonly version: number;
  /** When the row was written, as far as its times say that, in Unix seconds. */
  readonly time: number;
  readonly offset: number;
}

/**
 * Returns the last changes that the file still has, the oldest first. After a compaction, the order of rows says
 * nothing, so they are compared by the times in them. It reads the file twice, and holds only what it returns.
 *
 * @param to where to stop reading
 */
export async function lastChanges(file: OpenFile, to: number, wanted: Wanted): Promise<RowChange[]> {
  const { layout } = file;
  const order = (a: Candidate, b: Candidate): number => a.time - b.time || a.offset - b.offset;
  const last = new TinyQueue<Candidate>([], order);
  await eachRow(file, to, (reader, offset) => {
    const candidate = candidateOf(reader, offset, layout, wanted);
    if (candidate === undefined) return;
    last.push(candidate);
    if (last.length > wanted.most) last.pop();
  });
  const rows = new Map<string, { id: string | undefined; rows: Row[] }>();
  for (const { tail } of last.data) rows.set(tail, { id: undefined, rows: [] });
  await eachRow(file, to, (reader, _, line) => {
    const id = reader.text(layout.at.id);
    const job = rows.get(id.slice(1));
    if (job === undefined) return;
    if (!id.startsWith('#')) job.id = id;
    job.rows.push(line());
  });
  const jobs = new Map(
    [...rows].map(([tail, { id, rows }]) => [tail, restoreRows(id ?? `?${tail}`, rows, layout)]),
  );
  return last.data.sort(order).flatMap(({ tail, version }) => {
    const all = jobs.get(tail) ?? [];
    const after = all.find((job) => job.version === version);
    if (after === undefined || (wanted.statuses !== undefined && !wanted.statuses.has(after.status)))
      return [];
    return { before: all.find((job) => job.version === version - 1), after };
  });
}

/** Calls `row` for each row, also struck ones. @param row gets a function that returns its fields */
async function eachRow(
  file: OpenFile,
  to: number,
  row: (reader: LineReader, offset: number, fields: () => Row) => void,
): Promise<void> {
  const reader = new LineReader(file.layout);
  await file.eachLine(
    file.start,
    (bytes, start, end, offset) => {
      const kind = reader.read(bytes, start, end);
      if (kind === 'row' || kind === 'struck')
        row(reader, offset, () => splitRows(bytes.toString('utf8', start, end))[0] ?? []);
    },
    { to },
  );
}

function candidateOf(
  reader: LineReader,
  offset: number,
  { at }: Layout,
  { types, statuses, now }: Wanted,
): Candidate | undefined {
  if (types !== undefined && !types.has(reader.text(at.type))) return undefined;
  const like = likeStatuses(reader, at);
  if (like[0] === 'recurring') return undefined;
  if (statuses !== undefined && !like.some((status) => statuses.has(status))) return undefined;
  const version = reader.number(at.version, 0);
  return {
    tail: reader.text(at.id).slice(1),
    version,
    time: timeOf(reader, { like, version, now }, at),
    offset,
  };
}

/** Returns what the status of a row may have been before a strike. No row supersedes a completed one. */
function likeStatuses(reader: LineReader, at: Layout['at']): readonly Status[] {
  const like = statusesLike(reader.field(at.status));
  if (like.length === 1 || !like.includes('cancelled')) return like;
  return [reader.text(at.meta).includes('"@schedule":{') ? 'recurring' : 'cancelled'];
}

/** Tells when a row was written, by its times. An attempt that failed and is tried again has only its start. */
function timeOf(
  reader: LineReader,
  {
    like,
    version,
    now,
  }: { readonly like: readonly Status[]; readonly version: number; readonly now: number },
  at: Layout['at'],
): number {
  const created = reader.number(at.created_at, 0);
  const started = reader.number(at.started_at, created);
  if (like.includes('processing')) return started;
  if (!like.includes('pending')) return reader.number(at.finished_at, started);
  const attempts = reader.number(at.attempts, 0);
  // An operator's retry or promotion makes it due at once.
  const isByHand = version > 1 && attempts === reader.number(at.forgiven, 0);
  const runAt = reader.number(at.run_at, 0);
  return isByHand && runAt <= now / 1000 ? Math.max(started, runAt) : started;
}
