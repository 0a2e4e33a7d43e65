import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type { TestContext } from 'node:test';
import { root, temporaryFolder } from '../support/folders.js';
import { bareEnvironment } from '../support/processes.js';
import { line, writeQueue } from '../support/queue-file.js';

/** The command as it is installed. */
export const CLI: string = join(root, 'dist/cli.js');

/** How a command ended, and what it printed. */
export interface Ran {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

interface Options {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Given on stdin; without it, stdin is closed. */
  input?: string | Buffer;
}

/** A command under way. */
export interface Running {
  child: ChildProcessByStdio<Writable, Readable, Readable>;
  ended: Promise<Ran>;
  /** Resolves when the text stands on stdout; rejects if the command ends without it. */
  said: (text: string) => Promise<void>;
}

/** Longer than anything here takes; what hangs fails, and tells what it printed until then. */
const PATIENCE_MS = 60_000;

/** Starts a command; it ends with the test at the latest. */
export function start(
  t: TestContext,
  args: readonly string[],
  { cwd = '/', env = {} }: Options = {},
): Running {
  const child = spawn(process.execPath, [CLI, ...args], {
    cwd,
    env: { ...bareEnvironment, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // What it started may outlive it, and keep the pipes open; but not without its stdin.
  const end = (): void => {
    child.kill('SIGKILL');
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
  };
  const timer = setTimeout(end, PATIENCE_MS);
  t.after(end);
  let stdout = '';
  let stderr = '';
  child.stdin.on('error', () => {});
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = once(child, 'close').then(([code, signal]): Ran => {
    clearTimeout(timer);
    return { code, signal, stdout, stderr };
  });
  let over = false;
  ended.then(() => {
    over = true;
  });
  const said = async (text: string): Promise<void> => {
    while (!stdout.includes(text)) {
      if (over) throw new Error(`it ended without saying "${text}", but: ${stdout}${stderr}`);
      await Promise.race([once(child.stdout, 'data'), ended]);
    }
  };
  return { child, ended, said };
}

/** Runs a command to its end. */
export async function run(t: TestContext, args: readonly string[], options: Options = {}): Promise<Ran> {
  const { child, ended } = start(t, args, options);
  child.stdin.end(options.input);
  return ended;
}

/** The same on one queue file, by QUEUE_FILE. */
export const runOn =
  (t: TestContext, file: string) =>
  (...args: string[]): Promise<Ran> =>
    run(t, args, { env: { QUEUE_FILE: file } });

/** The records of `--json`. */
export const records = (stdout: string): Record<string, unknown>[] =>
  lines(stdout).map((text) => JSON.parse(text));

/** The fields of `--plain`. */
export const fields = (stdout: string): string[][] => lines(stdout).map((text) => text.split('\t'));

/** Lines, each of which must have its end. */
export function lines(stdout: string): string[] {
  const all = stdout.split('\n');
  if (all.pop() !== '') throw new Error(`the last line has no end: ${stdout}`);
  return all;
}

/** A queue file of one job in each state, and the command on it. */
export function fiveStates(t: TestContext): { file: string; queue: ReturnType<typeof runOn> } {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(
    file,
    line({ id: 'aa00000000000001', payload: '{"to":"ann@example.com"}' }),
    line({
      id: 'aa00000000000002',
      status: 'processing',
      attempts: 1,
      started_at: 1000,
      locked_by: 'elsewhere.boot.1.2.3.4',
    }),
    line({
      id: 'bb00000000000003',
      status: 'completed',
      attempts: 1,
      started_at: 1000,
      finished_at: 1002,
      result: '[1]',
    }),
    line({
      id: 'bb00000000000004',
      type: 'report',
      status: 'failed',
      attempts: 3,
      error: 'Error: no\\n    at work',
      finished_at: 1003,
    }),
    line({ id: 'cc00000000000005', status: 'cancelled', finished_at: 1004 }),
  );
  return { file, queue: runOn(t, file) };
}
