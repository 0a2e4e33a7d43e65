import { STATUSES, type Status } from '../../job/job.js';
import { LineReader } from '../format/line.js';
import { readMeta } from '../format/meta.js';
import type { JobIndex } from './job-index.js';
import { Names } from './slots.js';

/** The number of jobs in each state. Of the failed ones, some may be dismissed. */
type Counts = Record<Status | 'dismissed', number>;

/** The number of jobs of the sealed part in each state, by type. */
export type SealedCounts = ReadonlyMap<string, Readonly<Counts>>;

interface Counted {
  readonly counts: Promise<SealedCounts>;
  /** The index's {@link JobIndex.lateRows} when the count began. */
  readonly lateRows: number;
}

/** A store, as far as the counts need it. */
interface Readable {
  read(needs: 'open' | 'all'): Promise<JobIndex | undefined>;
}

const counted = new WeakMap<JobIndex, Counted>();

/**
 * Reads the index of the open part, and counts the jobs in the sealed part that no row in that index
 * supersedes. It counts once for each index, and again after one of these jobs was retried.
 */
export async function readSealedCounts(
  store: Readable,
): Promise<{ index: JobIndex; sealed: SealedCounts } | undefined> {
  const open = await store.read('open');
  if (open === undefined) return undefined;
  const { counts, lateRows } = countsOf(open);
  const sealed = await counts;
  const index = await store.read('open');
  if (index === open && index.lateRows === lateRows) return { index, sealed };
  // A job retried meanwhile may have been struck before its row was read, and its new row comes last.
  const all = await store.read('all');
  return all && { index: all, sealed: new Map() };
}

function countsOf(index: JobIndex): Counted {
  const before = counted.get(index);
  if (before?.lateRows === index.lateRows) return before;
  const now = { counts: count(index), lateRows: index.lateRows };
  counted.set(index, now);
  now.counts.catch(() => counted.delete(index));
  return now;
}

/** Counts in one pass without indexing the jobs, which takes three quarters of the time, and no memory. */
async function count(index: JobIndex): Promise<SealedCounts> {
  const { file } = index;
  const { at } = file.layout;
  const reader = new LineReader(file.layout);
  const types = new Names();
  const counts: Counts[] = [];
  await file.eachLine(
    file.start,
    (bytes, start, end) => {
      if (reader.read(bytes, start, end) !== 'row') return;
      if (index.findRow(reader) !== undefined) return;
      const type = types.codeAt(bytes, reader.from(at.type), reader.to(at.type));
      counts[type] ??= Object.fromEntries([...STATUSES, 'dismissed'].map((name) => [name, 0])) as Counts;
      counts[type][reader.status]++;
      // Few rows have notes, and nearly none of them a failed job's.
      if (reader.status === 'failed' && reader.has(at.meta) && readMeta(reader.text(at.meta))['@dismissed'])
        counts[type].dismissed++;
    },
    { to: index.from },
  );
  return new Map(counts.map((count, code) => [types.name(code), count]));
}
