import { spawn } from 'node:child_process';
import { buffer, text } from 'node:stream/consumers';
import { CliError, EXIT } from '../exit.js';

/*
 * The crontab of this user, as the command `crontab` gives and takes it. Its lines are strings of one character a byte,
 * so that lines of others stay byte for byte, whatever their encoding.
 */

/** Reads the lines, each with its LF but perhaps the last. None if the user has no crontab. @throws CliError */
export async function readCrontab(): Promise<string[]> {
  const { code, stdout, stderr } = await crontab(['-l']);
  // Every cron says so in other words, and exits with 1; an error of another kind says something else.
  if (code !== 0 && /no crontab/i.test(stderr)) return [];
  if (code !== 0) throw failed('be read', stderr);
  return stdout.length === 0 ? [] : stdout.toString('latin1').split(/(?<=\n)/);
}

/** Writes the lines. @throws CliError if cron refuses them; then the crontab is as it was */
export async function writeCrontab(lines: readonly string[]): Promise<void> {
  const bytes = Buffer.from(lines.join(''), 'latin1');
  const { code, stderr } = await crontab(['-'], bytes);
  if (code !== 0) throw failed('be written', stderr);
  const now = await readCrontab();
  if (now.join('') !== lines.join(''))
    throw new CliError(EXIT.failed, 'the crontab is not what was written; look at it with crontab -l');
}

/** Turns a text into the form of the lines. */
export const asCrontabText = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

/** Turns a line into text for people. */
export const fromCrontabText = (line: string): string => Buffer.from(line, 'latin1').toString('utf8');

const failed = (what: string, stderr: string): CliError =>
  new CliError(EXIT.failed, `the crontab could not ${what}: ${stderr.trim() || 'crontab says no reason'}`);

async function crontab(args: string[], input?: Buffer) {
  const child = spawn('crontab', args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', ({ message }) =>
      reject(
        new CliError(
          EXIT.failed,
          `crontab could not be run (${message}); is cron installed? queue cron print prints the line`,
        ),
      ),
    );
    child.once('close', resolve);
  });
  // A crontab that ends without reading closes the pipe.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [code, stdout, stderr] = await Promise.all([ended, buffer(child.stdout), text(child.stderr)]);
  return { code, stdout, stderr };
}
