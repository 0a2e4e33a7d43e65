import { dirname } from 'node:path';
import { TsvqError } from '../../job/errors.js';
import type { ResolvedQueueOptions } from '../../job/queue-options.js';
import type { FileSystem } from '../disk/fs.js';
import type { OpenFile } from '../disk/open-file.js';
import { gluedAt } from '../format/glued.js';
import { upgraded } from '../format/layout.js';
import { LineReader } from '../format/line.js';
import type { StoredJob } from '../format/stored-job.js';
import { JobIndex } from '../index/job-index.js';
import { sealedPart } from '../index/sealed.js';
import { JobFiles, removeFiles } from '../job-files/job-files.js';
import type { Lock } from '../lock/lock.js';
import { removeOldMonths } from './archive-retention.js';
import { ArchiveWriter, settleLeftovers } from './archive-writer.js';
import { AsideFile } from './aside-file.js';
import { CompactedFile } from './compacted-file.js';
import { CompactionPass, type PassRules } from './compaction-pass.js';
import type { Extras } from './extras.js';
import type { Purge } from './purge.js';
import { recoveredRows } from './recover.js';
import { Replacement } from './rewrite.js';

/** The results of a compaction. */
export interface CompactionSummary {
  /** Number of jobs that stay in the file. */
  kept: number;
  /** Number of finished jobs moved to archive/. */
  archived: number;
  /** Number of finished jobs removed for good, with the option `archive: false`. */
  dropped: number;
  /** Number of follow-ups and jobs of schedules made again, because a crash had cut them off. */
  recovered: number;
  bytesBefore: number;
  bytesAfter: number;
}

/** The inputs of a compaction. */
export interface CompactionContext {
  readonly fs: FileSystem;
  readonly lock: Lock;
  /** The path of the queue file. */
  readonly path: string;
  readonly options: Pick<ResolvedQueueOptions, 'retention' | 'archive' | 'archiveRetention'>;
  /** The jobs to take out of the file. With a purge, no job goes to the archive. */
  readonly purge: Purge | undefined;
  readonly extras?: Extras;
  readonly now: number;
}

const FOR_EVER = Number.POSITIVE_INFINITY;

function rulesOf(
  { options, purge, now }: CompactionContext,
  also: Pick<PassRules, 'aside' | 'jobFiles'>,
): PassRules {
  const { retention, archive } = options;
  if (purge === undefined) return { now, retention, archive, purge, ...also };
  const kept = { completed: FOR_EVER, failed: FOR_EVER, cancelled: FOR_EVER };
  return { now, retention: kept, archive, purge, ...also };
}

/** Indexes rows glued in one line: the second, and the first if only its LF is missing. */
async function takeGlued(index: JobIndex): Promise<void> {
  const { file } = index;
  const reader = new LineReader(file.layout);
  await file.eachLine(index.from, (bytes, start, end, offset) => {
    const at = reader.read(bytes, start, end) === 'unreadable' && gluedAt(bytes, start, end, file.layout);
    if (!at) return;
    if (reader.read(bytes, start, at) === 'row') index.add(bytes, start, at, offset);
    index.add(bytes, at, end, offset + at - start);
  });
  // Late rows among them are compared with the sealed part.
  await index.catchUp();
}

/**
 * Rewrites the file without superseded rows: finished jobs first, then the open part. Comments and lines that
 * can't be read are kept byte for byte. Call it only under the lock, because this truly depends on it.
 *
 * The order of the steps: the archive is durable before the new file lacks the archived jobs. The new file is
 * durable before it takes the name. The name is durable before a process acknowledges anything in it. A crash
 * between two steps leaves the old file or the new one; at worst, a job is in both file and archive.
 *
 * @param known the file's index, caught up to its end; by default, a new index is made
 */
export async function compact(
  context: CompactionContext,
  file: OpenFile,
  known?: JobIndex,
): Promise<CompactionSummary> {
  const { fs, lock, path, purge, now } = context;
  const { additions, aside: rule } = context.extras ?? {};
  const layout = file.layout.current ? file.layout : upgraded(file.layout);
  const index = known ?? new JobIndex(file, sealedPart(file));
  if (known === undefined) await index.catchUp();
  if (index.glued > 0 && layout === file.layout) await takeGlued(index);

  // How much a purge takes out is known only when it is done. Without room it fails, and the old file stays.
  if (purge === undefined)
    checkRoom(
      fs,
      path,
      (file.size - index.deadBytes) * (layout === file.layout ? 1 : UPGRADE_GROWTH) + (additions?.bytes ?? 0),
    );
  await settleLeftovers(fs, path, file);

  const archive = new ArchiveWriter(fs, path, layout);
  const output = new Replacement(fs, path);
  try {
    const target = new CompactedFile(output, file, layout, now);
    const jobFiles = JobFiles.find(fs, path);
    const aside = rule && new AsideFile(fs, path, index, rule);
    const pass = new CompactionPass(index, target, archive, rulesOf(context, { aside, jobFiles }));
    const recover = (carriers: readonly StoredJob[]) => recoveredRows(fs, path, index, { carriers, now });
    const summary = await pass.write(recover, additions?.lines(index, layout));
    await archive.sync();
    await aside?.sync(now);
    await output.sync();
    await output.replace(lock);
    await archive.settle();
    await jobFiles?.removeLeaving();
    if (purge === undefined) {
      removeOldMonths(fs, path, now, context.options.archiveRetention);
      await removeOrphans(context, index, jobFiles);
    }
    return { ...summary, archived: archive.count, bytesBefore: file.size, bytesAfter: output.size };
  } finally {
    // Keep the staged files also if the name could not be made durable, because the rows are nowhere else.
    archive.close(output.hasName);
    output.close();
  }
}

/** Removes files whose job is in no row, and was not for as long as any finished job stays. */
async function removeOrphans(
  { fs, options: { retention }, now }: CompactionContext,
  index: JobIndex,
  files: JobFiles | undefined,
): Promise<void> {
  // A line that can't be read may be their job's only one.
  files?.stayIf((id) => index.isHeld(id));
  const age = Math.max(retention.completed, retention.failed, retention.cancelled);
  await removeFiles(fs, files?.orphans(now, age) ?? []);
}

/** The factor by which an upgrade's new columns may make rows longer. */
const UPGRADE_GROWTH = 1.5;

/** Refuses to begin without room, because each row that counts is written again, to the new file or the archive. */
function checkRoom(fs: FileSystem, path: string, needed: number): void {
  const free = fs.statfs(dirname(path))?.free ?? Number.POSITIVE_INFINITY;
  if (free >= needed) return;
  throw new TsvqError(
    'DISK_FULL',
    `no room to rewrite ${path} without superseded rows: this takes ${Math.ceil(needed)} bytes, and ${free} are free. ` +
      'Nothing was changed; free some space',
  );
}
