import {
  closeSync,
  fchmodSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { storeError } from '../../file/disk/fs.js';
import { randomHex } from '../../job/random.js';
import { usageError } from '../exit.js';

/** What each text of this command begins with. */
const OURS = /^# HELP tsvq_/;

/** Reads the text that was written last; empty if there is none. @throws CliError (usage) for a file of another kind */
export function readTextfile(path: string): string {
  if (!path.endsWith('.prom'))
    throw usageError(
      `--textfile is ${JSON.stringify(path)}; its name must end with .prom, or node_exporter ignores it`,
    );
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw storeError(error, path);
  }
  // After power loss it may be empty.
  if (text.trim() !== '' && !OURS.test(text))
    throw usageError(
      `--textfile is ${JSON.stringify(path)}, which was not written by queue metrics; name another file`,
    );
  return text;
}

/** Writes a text that anyone may read. A reader finds the old one or the new one, and never a part. */
export function writeTextfile(path: string, text: string): void {
  // node_exporter doesn't read this name.
  const temporary = `${path}.${randomHex(6)}.tmp`;
  try {
    const fd = openSync(temporary, 'wx');
    try {
      // Whatever the umask is: node_exporter is another user.
      fchmodSync(fd, 0o644);
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
