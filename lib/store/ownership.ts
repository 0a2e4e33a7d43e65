import { constants } from 'node:fs';
import { dirname } from 'node:path';
import type { FileSystem } from './fs.js';

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;

/**
 * Gives what is made for a queue to the owner of its file, or of the folder if there is no file yet: made by root, it
 * would shut out everybody else who works the queue. Others may not give away what is theirs; a queue that several
 * users share lives by its group.
 */
export function giveToOwner(fs: FileSystem, fd: number, queueFile: string): void {
  try {
    const owner = fs.stat(queueFile) ?? fs.stat(dirname(queueFile));
    const { uid, gid } = fs.fstat(fd);
    if (owner === undefined || (uid === owner.uid && gid === owner.gid)) return;
    fs.fchown(fd, owner.uid, owner.gid);
  } catch {
    // Not ours to give away.
  }
}

/** The same for a folder that was just made; what somebody has put in its place since stays as it is. */
export function giveFolderToOwner(fs: FileSystem, folder: string, queueFile: string): void {
  let fd: number;
  try {
    fd = fs.open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch {
    return;
  }
  giveToOwner(fs, fd, queueFile);
  fs.close(fd);
}
