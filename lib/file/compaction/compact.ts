import { dirname } from 'node:path';
import { TsvqError } from '../../job/errors.js';
import type { FileSystem } from '../disk/fs.js';
import type { OpenFile } from '../disk/open-file.js';
import { gluedAt } from '../format/glued.js';
import { upgraded } from '../format/layout.js';
import { LineReader } from '../format/line.js';
import { JobIndex } from '../index/job-index.js';
import { sealedPart } from '../index/sealed.js';
import type { Lock } from '../lock/lock.js';
import { ArchiveWriter, settleLeftovers } from './archive-writer.js';
import { CompactionPass } from './compaction-pass.js';
import { Replacement } from './rewrite.js';

/** What a compaction did. */
export interface CompactionSummary {
  /** Jobs that stay in the file. */
  kept: number;
  /** Finished jobs moved to archive/. */
  archived: number;
  /** Jobs made that a crash had cut off the completion which carries them. */
  recovered: number;
  bytesBefore: number;
  bytesAfter: number;
}

/** What a compaction works with. */
export interface CompactionContext {
  readonly fs: FileSystem;
  readonly lock: Lock;
  /** Of the queue file. */
  readonly path: string;
  /** In ms; Infinity keeps finished jobs for ever. */
  readonly retention: number;
  readonly now: number;
}

/** Takes in the rows that stand together in one line: the second, and the first if it lacks nothing but its end. */
async function takeGlued(index: JobIndex): Promise<void> {
  const { file } = index;
  const reader = new LineReader(file.layout);
  await file.eachLine(index.from, (bytes, start, end, offset) => {
    const at = reader.read(bytes, start, end) === 'unreadable' && gluedAt(bytes, start, end, file.layout);
    if (!at) return;
    if (reader.read(bytes, start, at) === 'row') index.add(bytes, start, at, offset);
    index.add(bytes, at, end, offset + at - start);
  });
  // Those that may supersede a finished job are compared with it.
  await index.catchUp();
}

/**
 * Writes the file anew: finished jobs first, then what is still to do, without superseded rows; comments and
 * lines that can't be read are kept byte for byte. Only under the lock; this is what truly depends on it.
 *
 * The order of the steps: the archive is durable before the new file lacks what went there; the new file is
 * durable before it takes the name; the name is durable before anybody acknowledges anything in it. A crash
 * between any two leaves the old file or the new one, and a job in both the file and the archive at the worst.
 *
 * @param known the index of the same file, caught up to its end; made here if there is none
 */
export async function compact(
  context: CompactionContext,
  file: OpenFile,
  known?: JobIndex,
): Promise<CompactionSummary> {
  const { fs, lock, path } = context;
  const layout = file.layout.current ? file.layout : upgraded(file.layout);
  const index = known ?? new JobIndex(file, sealedPart(file));
  if (known === undefined) await index.catchUp();
  if (index.glued > 0 && layout === file.layout) await takeGlued(index);

  checkRoom(fs, path, (file.size - index.deadBytes) * (layout === file.layout ? 1 : UPGRADE_GROWTH));
  await settleLeftovers(fs, path, file);

  const archive = new ArchiveWriter(fs, path, layout);
  const output = new Replacement(fs, path);
  try {
    const summary = await new CompactionPass(context, file, index, layout, archive, output).write();
    await archive.sync();
    await output.sync();
    await output.replace(lock);
    await archive.settle();
    return { ...summary, archived: archive.count, bytesBefore: file.size, bytesAfter: output.size };
  } finally {
    // Also where the name could not be made durable: the rows are nowhere else.
    archive.close(output.hasName);
    output.close();
  }
}

/** How much longer rows may get by the columns that an upgrade adds. */
const UPGRADE_GROWTH = 1.5;

/** Begins nothing that can't be ended: each row that counts is written once more, to the new file or to the archive. */
function checkRoom(fs: FileSystem, path: string, needed: number): void {
  const free = fs.statfs(dirname(path))?.free ?? Number.POSITIVE_INFINITY;
  if (free >= needed) return;
  throw new TsvqError(
    'DISK_FULL',
    `no room to write ${path} again without superseded rows: it takes ${Math.ceil(needed)} bytes, and ${free} are free. ` +
      'Nothing was changed; free some space',
  );
}
