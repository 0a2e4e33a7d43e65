import type { OpenFile } from '../disk/open-file.js';
import { LineReader } from '../format/line.js';
import { type Row, splitRows } from '../format/row.js';
import type { StoredJob } from '../format/stored-job.js';
import { restoreRows } from '../format/superseded.js';
import { JobIndex } from '../index/job-index.js';
import type { Store } from '../store.js';

/** A row of a job, and the one that it supersedes. */
export interface RowChange {
  /** Undefined for a job's first row, and if the row is no longer in the file. */
  readonly before: StoredJob | undefined;
  readonly after: StoredJob;
}

/** A row that was read, with its place in the file. */
interface NewRow {
  readonly row: Row;
  readonly offset: number;
}

/** How long a row may take from its times to the file: a caller waits for the lock. */
const SLACK_MS = 60_000;

/** What was known of a job before its new rows. */
interface Known {
  readonly version: number;
  readonly file: OpenFile;
  readonly offset: number;
  readonly length: number;
}

/**
 * Gives all rows that any process appends, struck ones too, each with the one before it. It follows the path into the
 * file that a compaction or an editor puts in its place: the old file is read to its end, and of the new one the rows
 * whose version is new. So no row comes twice, and only those are missed that were dropped before they could be read.
 * A job that an exchanged file brings along is not new, unless its times are.
 */
export class RowFeed {
  readonly #store: Store;
  #index: JobIndex | undefined;
  /** When the file was read last, in ms. */
  #readAt = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Begins at the end of the file. @returns the file up to where it was read; undefined if there is none */
  async start(): Promise<{ readonly file: OpenFile; readonly position: number } | undefined> {
    const file = this.#store.openFile();
    if (file === undefined) return undefined;
    this.#readAt = this.#store.clock.now();
    this.#index = new JobIndex(file.retain());
    await this.#index.catchUp();
    return { file, position: this.#index.position };
  }

  /** Returns what is new, in the order of the file. */
  async read(): Promise<RowChange[]> {
    const file = this.#store.openFile();
    const index = this.#index;
    const before = this.#readAt;
    this.#readAt = this.#store.clock.now();
    if (index !== undefined && index.file === file && index.isIntact())
      return index.position === file.size ? [] : newRows(index, index);
    // What was appended before another file took the name.
    const changes = index === undefined || index.file === file ? [] : await newRows(index, index);
    if (file === undefined) return changes;
    const other = new JobIndex(file.retain());
    this.#index = other;
    changes.push(...(await newRows(other, index, before - SLACK_MS)));
    index?.file.release();
    return changes;
  }

  close(): void {
    this.#index?.file.release();
    this.#index = undefined;
  }
}

/**
 * Reads an index on to the end of its file.
 *
 * @param old knows what is not new
 * @param since rows of unknown jobs with times before this one are not new, in ms
 */
async function newRows(index: JobIndex, old: JobIndex | undefined, since = 0): Promise<RowChange[]> {
  const { file } = index;
  const { layout } = file;
  const reader = new LineReader(layout);
  const { created_at, started_at, finished_at } = layout.at;
  const timeOf = (row: LineReader): number =>
    1000 * Math.max(...[created_at, started_at, finished_at].map((column) => row.number(column, 0)));
  /** By id without its first letter, which a strike takes. */
  const jobs = new Map<string, { id: string; known: Known | undefined; rows: NewRow[] }>();
  const struck: (NewRow & { readonly tail: string })[] = [];
  await file.eachLine(index.position, (bytes, start, end, offset) => {
    const kind = reader.read(bytes, start, end);
    const isStruck = kind === 'struck';
    if (isStruck || kind === 'row') {
      const rowOf = (): Row => splitRows(bytes.toString('utf8', start, end))[0] ?? [];
      const tail = reader.text(layout.at.id).slice(1);
      if (isStruck) struck.push({ row: rowOf(), offset, tail });
      else {
        const known = knownIn(old, reader);
        const isNew = known === undefined ? timeOf(reader) >= since : reader.version > known.version;
        if (isNew) {
          const job = jobs.get(tail) ?? { id: reader.text(layout.at.id), known, rows: [] };
          jobs.set(tail, job);
          job.rows.push({ row: rowOf(), offset });
        }
      }
    }
    index.add(bytes, start, end, offset);
    index.position = offset + end - start + 1;
  });
  index.moveTo(index.position);
  // The row that supersedes a struck one is further down, so it was read as well.
  for (const { tail, ...row } of struck) jobs.get(tail)?.rows.push(row);
  return [...jobs.values()]
    .flatMap(({ id, known, rows }) => changesOf(id, known, rows, index))
    .sort((a, b) => a.offset - b.offset)
    .map(({ before, after }) => ({ before, after }));
}

function knownIn(old: JobIndex | undefined, reader: LineReader): Known | undefined {
  const slot = old?.findRow(reader);
  if (old === undefined || slot === undefined) return undefined;
  return {
    version: old.version(slot),
    file: old.file,
    offset: old.offset(slot),
    length: old.length(slot),
  };
}

/** Pairs a job's new rows with those before them. */
function changesOf(
  id: string,
  known: Known | undefined,
  rows: readonly NewRow[],
  { file: { layout } }: JobIndex,
): (RowChange & { readonly offset: number })[] {
  const last = known === undefined ? undefined : rowAt(known, id);
  const isSameForm = last?.length === layout.names.length;
  const all = restoreRows(
    id,
    [...(last !== undefined && isSameForm ? [last] : []), ...rows.map(({ row }) => row)],
    layout,
  );
  const offsets = new Map(rows.map(({ row, offset }) => [Number(row[layout.at.version]), offset]));
  return all.flatMap((after, i) => {
    const offset = offsets.get(after.version);
    if (offset === undefined || after.version <= (known?.version ?? -1)) return [];
    const before = all[i - 1];
    // With a row missing in between, the one before says nothing.
    return { before: before?.version === after.version - 1 ? before : undefined, after, offset };
  });
}

/** Reads a row that was known, which may be struck by now; undefined if something else is there. */
function rowAt({ file, offset, length }: Known, id: string): Row | undefined {
  const [row] = splitRows(file.readPiece(offset, length).toString('utf8'));
  return row?.[0]?.slice(1) === id.slice(1) ? row : undefined;
}
