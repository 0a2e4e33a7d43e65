import { readFileSync } from 'node:fs';
import { storeError } from '../../file/disk/fs.js';
import { usageError } from '../exit.js';
import { replaceFile } from '../replace-file.js';

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

/** Writes a text that anyone may read, because node_exporter is another user. It doesn't read the temporary name. */
export const writeTextfile = (path: string, text: string): void => replaceFile(path, text, 0o644);
