import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { storeError } from '../file/disk/fs.js';
import { randomHex } from '../job/random.js';

/**
 * Writes a text into a file. A reader finds the old text or the new one, and never a part.
 *
 * @param mode the file's mode, whatever the umask is
 */
export function replaceFile(path: string, text: string, mode: number): void {
  const temporary = `${path}.${randomHex(6)}.tmp`;
  try {
    // Only the owner may read it before it has its mode.
    const fd = openSync(temporary, 'wx', 0o600);
    try {
      fchmodSync(fd, mode);
      writeFileSync(fd, text);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw storeError(error, path);
  }
}
