import { constants } from 'node:fs';
import { dirname } from 'node:path';
import { NotDurable, Replacement } from '../compaction/rewrite.js';
import { type FileInfo, type FileSystem, SMALL } from '../disk/fs.js';
import { giveReplaced, type Owner, ownerIn, ROOT } from '../disk/ownership.js';
import type { CurrentFile } from '../index/current-file.js';
import type { Lock } from '../lock/lock.js';

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/** The traces that tell who owned a file before. */
export interface Traces {
  /** The tokens of dead or evicted processes. Each has the owner that the queue file had. */
  readonly tokens?: readonly string[];
  /** The file's information from before an edit. */
  readonly before?: FileInfo | undefined;
}

/**
 * Gives the queue file back to its owner, after an editor that root ran replaced it by a file that root owns. A copy
 * takes its place, because root may be killed at any moment, and other users may not give root's file away. Call it
 * only under the lock, during a rewrite.
 */
export async function reclaim(
  fs: FileSystem,
  current: CurrentFile,
  lock: Lock,
  { tokens = [], before }: Traces,
): Promise<void> {
  const path = current.realPath;
  const now = fs.stat(path);
  if (now === undefined) return;
  if (before !== undefined && (now.uid !== ROOT || before.uid === ROOT)) giveReplaced(fs, path, before);
  if (now.uid !== ROOT) return;
  const owner = [before, ...lock.infosOf(tokens)].find((info) => info !== undefined && info.uid !== ROOT);
  // An edit in place keeps the owner, or changes it on purpose.
  if (before?.ino === now.ino || (owner !== undefined && !lock.stillHeld())) return;
  if (owner !== undefined) {
    await replaceByCopy(fs, lock, path, owner).catch((error: unknown) => {
      if (error instanceof NotDurable) throw error;
      // Without room for a copy, root can still give the file away.
      giveReplaced(fs, path, owner);
    });
    return;
  }
  const folder = fs.stat(dirname(path));
  if (folder === undefined || folder.uid === ROOT) return;
  const file = current.reopen();
  // A writable file can keep its owner.
  if (file?.writable === false) await replaceByCopy(fs, lock, path, ownerIn(folder, now.mode));
}

async function replaceByCopy(fs: FileSystem, lock: Lock, path: string, owner: Owner): Promise<void> {
  const fd = fs.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const output = new Replacement(fs, path, owner);
    try {
      const bytes = Buffer.allocUnsafe(SMALL);
      for (let position = 0; ; ) {
        const length = await fs.read(fd, bytes, SMALL, position);
        if (length === 0) break;
        position += length;
        output.add(bytes.subarray(0, length));
        await output.flush();
      }
      await output.sync();
      await output.replace(lock);
    } finally {
      output.close();
    }
  } finally {
    fs.close(fd);
  }
}
