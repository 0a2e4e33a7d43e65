import type { Job, Status } from '../../job/job.js';
import { archivedRows, archiveFiles } from '../compaction/archive.js';
import { withStoreErrors } from '../disk/fs.js';
import type { OpenFile } from '../disk/open-file.js';
import { eachLine, HASH, TAB } from '../format/line.js';
import { isSchedule } from '../format/meta.js';
import { splitRow } from '../format/row.js';
import { StoredJob } from '../format/stored-job.js';
import { JobIndex } from '../index/job-index.js';
import type { Store } from '../store.js';

/** Which jobs of a snapshot are wanted; all if a field is undefined. */
export interface SnapshotFilter {
  readonly status?: Status | readonly Status[] | undefined;
  readonly type?: string | readonly string[] | undefined;
}

/**
 * The jobs of a queue file as they were at one moment, while it is in use. The moment is the end of the first reading:
 * a read that reaches the end of the file has seen all rows before it, and nothing of the file is ever taken away. Rows
 * that are struck later still have all but their status and the first letter of their id, which the index tells.
 */
export class Snapshot {
  readonly #store: Store;
  readonly #file: OpenFile | undefined;
  #index: JobIndex | undefined;

  private constructor(store: Store, file: OpenFile | undefined) {
    this.#store = store;
    this.#file = file;
  }

  /** Takes a snapshot, which is kept until {@link close}. */
  static async take(store: Store): Promise<Snapshot> {
    const file = store.openFile()?.retain();
    const snapshot = new Snapshot(store, file);
    if (file === undefined) return snapshot;
    // An index of its own, because the store's goes on with the file.
    const index = new JobIndex(file);
    await withStoreErrors(store.path, () => index.catchUp());
    snapshot.#index = index;
    return snapshot;
  }

  close(): void {
    this.#file?.release();
  }

  /** The number of bytes of the file. */
  get bytes(): number {
    return this.#index?.position ?? 0;
  }

  /** Yields the jobs in the order of the file. @param progress is told how many bytes were read */
  async *jobs(filter: SnapshotFilter, progress?: (bytes: number) => void): AsyncIterableIterator<Job> {
    const index = this.#index;
    if (index === undefined) return;
    const isWanted = wantedBy(filter);
    const newest = index.offsets();
    let next = 0;
    for (let position = index.file.start; position < index.position; ) {
      const jobs: StoredJob[] = [];
      position = await this.#eachPiece(position, (bytes, start, end, offset) => {
        if (offset !== newest[next]) return;
        next++;
        const job = this.#jobOf(index, bytes, start, end, offset);
        if (job !== undefined && isWanted(job)) jobs.push(job);
      });
      progress?.(position);
      for (const job of jobs) yield job.toJob();
    }
  }

  /** Yields the archived jobs, newest month first. A job that the file has too is left out. */
  async *archived(filter: SnapshotFilter): AsyncIterableIterator<Job> {
    const { fs, realPath } = this.#store;
    const isWanted = wantedBy(filter);
    for (const path of archiveFiles(fs, realPath)) {
      for await (const job of archivedRows(fs, path))
        if (this.#index?.find(job.id) === undefined && isWanted(job)) yield job.toJob();
    }
  }

  /** Calls `line` for each line of the next piece of the file. @returns where the piece ends */
  async #eachPiece(
    from: number,
    line: (bytes: Buffer, start: number, end: number, offset: number) => void,
  ): Promise<number> {
    const index = this.#index as JobIndex;
    for (let size = PIECE; ; size *= 2) {
      await new Promise(setImmediate);
      const bytes = index.file.readPiece(from, Math.min(size, index.position - from));
      const end = eachLine(bytes, 0, bytes.length, (start, stop) => line(bytes, start, stop, from + start));
      if (end > 0) return from + end;
      if (bytes.length < size) return index.position;
    }
  }

  /** Returns the job in a line that was its newest row. */
  #jobOf(index: JobIndex, bytes: Buffer, start: number, end: number, offset: number): StoredJob | undefined {
    const { layout } = index.file;
    const row = splitRow(bytes.toString('utf8', start, end));
    if (row.length !== layout.names.length) return undefined;
    if (bytes[start] !== HASH) {
      const slot = index.find(row[layout.at.id] as string);
      if (slot !== undefined) row[layout.at.status] = index.status(slot);
      return slot === undefined ? undefined : new StoredJob(row, layout);
    }
    const tab = bytes.indexOf(TAB, start);
    const rest = bytes.toString('utf8', start + 1, tab);
    for (const first of FIRST_LETTERS) {
      const slot = index.find(first + rest);
      if (slot === undefined || index.offset(slot) !== offset) continue;
      row[layout.at.id] = first + rest;
      row[layout.at.status] = index.status(slot);
      return new StoredJob(row, layout);
    }
    return undefined;
  }
}

/** Size of the pieces in which the file is read. */
const PIECE = 512 * 1024;
/** With what an id may begin. The ids of this queue begin with one of the first sixteen. */
const FIRST_LETTERS = [
  ...'0123456789abcdef',
  ...Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)).filter((c) => !/[0-9a-f]/.test(c)),
];

function wantedBy({ status, type }: SnapshotFilter): (job: StoredJob) => boolean {
  const statuses = status === undefined ? undefined : [status].flat();
  const types = type === undefined ? undefined : [type].flat();
  return (job) =>
    job.status !== 'recurring' &&
    (statuses === undefined || statuses.includes(job.status)) &&
    (types === undefined || types.includes(job.type)) &&
    !job.isForgotten &&
    !isSchedule(job.meta);
}
