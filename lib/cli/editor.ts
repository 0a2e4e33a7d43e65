import { isUtf8 } from 'node:buffer';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CliError, EXIT, usageError } from './exit.js';

/** A text that a person edits, in a file that only this user can read. */
export interface EditedText {
  readonly path: string;
  /** The text as the editor left it last. @throws CliError if it isn't UTF-8, or there is no file any more */
  readonly current: string;
  /** Opens the editor again. @throws CliError if the editor fails */
  again(): Promise<void>;
  /** Removes the file. */
  remove(): void;
}

/**
 * Opens a text in the person's editor, and waits until they have left it.
 *
 * @param name the name of the file, whose ending tells the editor what it is
 * @throws CliError if the editor fails
 */
export async function editText(text: string, name: string): Promise<EditedText> {
  const path = join(mkdtempSync(join(tmpdir(), 'queue-edit-')), name);
  const remove = (): void => rmSync(dirname(path), { recursive: true, force: true });
  writeFileSync(path, text, { mode: 0o600 });
  const again = async (): Promise<void> => runEditor(path);
  try {
    await again();
  } catch (error) {
    remove();
    throw error;
  }
  return {
    path,
    get current() {
      return readText(path, remove);
    },
    again,
    remove,
  };
}

/** @param remove is called if there is no text to keep */
function readText(path: string, remove: () => void): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') remove();
    throw new CliError(EXIT.failed, `the editor left no file at ${path}; nothing was changed`);
  }
  // Otherwise bytes of another encoding would become question marks in the payload.
  if (!isUtf8(bytes)) throw usageError('the text is not UTF-8; save it as UTF-8');
  return bytes.toString('utf8');
}

function runEditor(path: string): Promise<void> {
  const { VISUAL, EDITOR } = process.env;
  const editor = VISUAL || EDITOR || 'vi';
  return new Promise((resolve, reject) => {
    // The editor's own affair: in some it undoes a command. The terminal sends it to both.
    const ignore = (): void => {};
    process.on('SIGINT', ignore);
    // The variable is a command line: `code --wait`.
    const child = spawn('sh', ['-c', `${editor} "$1"`, 'sh', path], { stdio: 'inherit' });
    const fail = (how: string): void =>
      reject(
        new CliError(
          EXIT.failed,
          `the editor ${JSON.stringify(editor)} ${how}; nothing was changed. Set EDITOR`,
        ),
      );
    child.once('error', ({ message }) => fail(`could not be started: ${message}`));
    child.once('exit', (code, signal) => {
      process.off('SIGINT', ignore);
      if (code === 0) resolve();
      else fail(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`);
    });
  });
}
