import { type Row, splitRows } from '../format/row.js';
import { StoredJob } from '../format/stored-job.js';
import type { JobIndex } from './job-index.js';

/** The most bytes of adjacent rows that are read together. */
const PIECE = 1024 * 1024;
/** How many jobs are read at once, or how many bytes if they are large. */
const GROUP = 500;
const GROUP_BYTES = 4 * PIECE;

/**
 * Reads the newest rows of jobs that the index knows. Adjacent rows are read and split together.
 *
 * @returns jobs in the order of `slots`; undefined for a row that is no longer as the index says (struck since,
 *   or changed in place by an editor)
 */
export function readJobs(index: JobIndex, slots: readonly number[]): (StoredJob | undefined)[] {
  const jobs: (StoredJob | undefined)[] = [];
  for (let i = 0; i < slots.length; ) {
    const from = index.offset(slots[i] as number);
    let end = from;
    const first = i;
    do {
      end = index.offset(slots[i] as number) + index.length(slots[i] as number) + 1;
      i++;
    } while (i < slots.length && index.offset(slots[i] as number) === end && end - from < PIECE);
    const split = splitRows(index.file.readPiece(from, end - from - 1).toString('utf8'));
    for (let k = first; k < i; k++) jobs.push(checked(split[k - first], index, slots[k] as number));
  }
  return jobs;
}

/** Divides slots into groups to be read together. */
export function* groupsOf(index: JobIndex, slots: readonly number[]): IterableIterator<number[]> {
  for (let i = 0; i < slots.length; ) {
    const first = i;
    for (let bytes = 0; i < slots.length && i - first < GROUP && bytes < GROUP_BYTES; i++) {
      bytes += index.length(slots[i] as number);
    }
    yield slots.slice(first, i);
  }
}

/** Reads jobs a group at a time, so that a caller that keeps few of many needs little memory. */
export function* eachJob(index: JobIndex, slots: readonly number[]): IterableIterator<StoredJob | undefined> {
  for (const group of groupsOf(index, slots)) yield* readJobs(index, group);
}

/** Yields every job that is processing, as far as the file was read. */
export function* runningJobs(index: JobIndex): IterableIterator<StoredJob> {
  for (const job of eachJob(index, [...index.withStatus('processing')])) if (job !== undefined) yield job;
}

function checked(row: Row | undefined, index: JobIndex, slot: number): StoredJob | undefined {
  const { layout } = index.file;
  if (row?.length !== layout.names.length) return undefined;
  const job = new StoredJob(row, layout, { index, slot });
  // Compare the id, because an edit in place may have moved another job's row to this byte. A struck row's id
  // begins with `#`, and no job's does.
  return index.find(job.id) === slot ? job : undefined;
}
