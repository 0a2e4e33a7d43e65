import type { FileSystem } from '../disk/fs.js';
import { missingFollowUps } from '../format/follow-ups.js';
import { HASH, LineReader } from '../format/line.js';
import type { StoredJob } from '../format/stored-job.js';
import type { JobIndex } from '../index/job-index.js';
import { isOverIn, releaseOf } from '../joins/release.js';
import { archivedSince } from './archive.js';

/**
 * Makes the rows of jobs that a crash cut off from the rows that carry them. A row carries jobs until a compaction, so
 * they are in the open part, if anywhere. A row that a person put back from a backup may carry jobs that have run
 * since. So a job that seems missing is looked for everywhere.
 *
 * @param now in ms
 */
export async function recoveredRows(
  fs: FileSystem,
  queueFile: string,
  index: JobIndex,
  { carriers, now }: { carriers: readonly StoredJob[]; now: number },
): Promise<StoredJob[]> {
  const cutOff = missingFollowUps(carriers, index);
  const isKnown = await sealedOrArchived(fs, queueFile, index, cutOff);
  const missing = cutOff.filter(({ id }) => !isKnown.has(id));
  const ids = new Set(missing.map(({ id }) => id));
  return missing.map((job) => {
    const release = releaseOf(job, now, (id) => !ids.has(id) && isOverIn(index, id));
    return release === undefined ? job : job.next(release);
  });
}

/** Returns the ids of those jobs that the sealed part or the archive has. Only these places are searched. */
export async function sealedOrArchived(
  fs: FileSystem,
  queueFile: string,
  index: JobIndex,
  jobs: readonly StoredJob[],
): Promise<ReadonlySet<string>> {
  const ids = new Set(jobs.map(({ id }) => id));
  if (ids.size === 0) return ids;
  const created = jobs.reduce((least, { createdAt }) => Math.min(least, createdAt), Number.POSITIVE_INFINITY);
  const found = await archivedSince(fs, queueFile, ids, created);
  const { file } = index;
  const reader = new LineReader(file.layout);
  const note = (bytes: Buffer, start: number, end: number): void => {
    if (bytes[start] === HASH || reader.read(bytes, start, end) !== 'row') return;
    const id = reader.text(file.layout.at.id);
    if (ids.has(id)) found.add(id);
  };
  if (index.from > file.start) await file.eachLine(file.start, note, { to: index.from });
  return found;
}
