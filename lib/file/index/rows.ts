import { type Row, splitRows } from '../format/row.js';
import { StoredJob } from '../format/stored-job.js';
import type { JobIndex } from './job-index.js';

/** Rows that lie side by side are read in pieces up to this size. */
const PIECE = 1024 * 1024;
/** Of many jobs, so many are read at once, or so many bytes if they are large. */
const GROUP = 500;
const GROUP_BYTES = 4 * PIECE;

/**
 * The newest rows of jobs, as the index knows them. Rows that lie side by side are read and split together.
 *
 * @returns in the order of `slots`; undefined for a row that is no longer what the index says (struck since, or
 *   changed in place by an editor).
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

/** Few enough each to be read together. */
export function* groupsOf(index: JobIndex, slots: readonly number[]): IterableIterator<number[]> {
  for (let i = 0; i < slots.length; ) {
    const first = i;
    for (let bytes = 0; i < slots.length && i - first < GROUP && bytes < GROUP_BYTES; i++) {
      bytes += index.length(slots[i] as number);
    }
    yield slots.slice(first, i);
  }
}

/** Reads as {@link readJobs} does, a group at a time, so that a caller who keeps few of many jobs needs little memory. */
export function* eachJob(index: JobIndex, slots: readonly number[]): IterableIterator<StoredJob | undefined> {
  for (const group of groupsOf(index, slots)) yield* readJobs(index, group);
}

function checked(row: Row | undefined, index: JobIndex, slot: number): StoredJob | undefined {
  const { layout } = index.file;
  if (row === undefined || row.length !== layout.names.length) return undefined;
  // By its id, not by its version alone: an edit in place may have moved another job's row to this very byte. That of
  // a struck row begins with `#`, as no job's does.
  const isNewest = index.find(row[layout.at.id] as string) === slot;
  return isNewest ? new StoredJob(row, layout, { index, slot }) : undefined;
}
