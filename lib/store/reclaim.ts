import { dirname } from 'node:path';
import type { CurrentFile } from './current-file.js';
import { type FileSystem, SMALL } from './fs.js';
import type { Lock } from './lock.js';
import type { OpenFile } from './open-file.js';
import { giveReplaced, type Owner, ownerIn, ROOT } from './ownership.js';
import { Replacement } from './replacement.js';

/**
 * Gives the queue file back to its owner, where an editor that root ran has put a file of root's in its place. Root
 * gives that file away; others can only put a copy of their own there. Only under the lock, by one who rewrites.
 *
 * @param tokens of owners who died or were evicted: they look as the queue file did, and so tell whose it was
 */
export async function reclaim(
  fs: FileSystem,
  current: CurrentFile,
  lock: Lock,
  tokens: readonly string[],
): Promise<void> {
  const path = current.realPath;
  if (fs.stat(path)?.uid !== ROOT) return;
  const before = lock.infosOf(tokens).find(({ uid }) => uid !== ROOT);
  if (before !== undefined) giveReplaced(fs, path, before);
  const file = current.reopen();
  const folder = fs.stat(dirname(path));
  // A file that may be written is nobody else's; nor is root's own folder the place for a copy.
  if (file === undefined || file.writable || folder === undefined || folder.uid === ROOT) return;
  await replaceByCopy(fs, lock, file, before ?? ownerIn(folder, file.info.mode));
}

async function replaceByCopy(fs: FileSystem, lock: Lock, file: OpenFile, owner: Owner): Promise<void> {
  const output = new Replacement(fs, file.path, owner);
  file.retain();
  try {
    for (let position = 0; ; ) {
      const bytes = file.readPiece(position, SMALL);
      if (bytes.length === 0) break;
      position += bytes.length;
      output.add(bytes);
      await output.flush();
    }
    await output.sync();
    await output.replace(lock);
  } finally {
    file.release();
    output.close();
  }
}
