import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Command } from 'commander';
import { TsvqError } from '../../job/errors.js';
import type { Cli } from '../cli.js';
import { CliError, EXIT } from '../exit.js';
import { about } from '../help.js';

/** The exit codes of shells and env(1). */
const CANNOT_RUN = 126;
const NO_COMMAND = 127;

export function define(command: Command, cli: Cli): void {
  command
    .usage('[options] -- <command> [args...]')
    .showHelpAfterError("(the command's own options go after --: queue lock -- sed -i …)")
    .argument('<command...>', 'the program and its arguments; QUEUE_FILE in its environment is the file');
  about(command, {
    text: `Runs a command that edits the file, while it holds the lock. No other process changes the file meanwhile: workers and the web
app wait, for 30 s at most, then they fail with \`LOCK_TIMEOUT\`. So keep the command short. The file is compacted before, so lines
may move. It is compacted afterwards too, because running workers notice the edit by that. The command gets the path of the
file as \`QUEUE_FILE\` in its environment.`,
    exits:
      "the exit code of the command; 1 if the command left a file that isn't a queue; 126 if it can't be run; 127 if there is no such command; 2, 3 and 75 as for every command.",
    examples: [
      "queue lock -- sed -i 's/old\\.example\\.com/new.example.com/' data/queue.tsv",
      'queue lock -- sh -c \'cp "$QUEUE_FILE" "$HOME/"\'',
      'queue lock -- vi data/queue.tsv',
    ],
  }).action(async (line: string[]) => {
    const store = cli.existingStore;
    let exitCode: number = EXIT.done;
    try {
      await store.edit(async () => {
        exitCode = await runCommand(line, store.realPath);
      });
    } catch (error) {
      if (!(error instanceof TsvqError && error.code === 'NOT_A_QUEUE')) throw error;
      throw new CliError(
        EXIT.failed,
        `the command left a file that is not a queue, and it stays like that: ${error.message}`,
      );
    }
    if (exitCode !== EXIT.done) process.exitCode = exitCode;
  });
}

/** Runs a command on this terminal. @returns its exit code */
async function runCommand([program, ...args]: readonly string[], queueFile: string): Promise<number> {
  let child: ChildProcess | undefined;
  // Forwards signals before the command can print, because a reader of its output may send one.
  const stopForwarding = forwardSignals((signal) => child?.kill(signal));
  try {
    return await new Promise<number>((resolve, reject) => {
      const env = { ...process.env, QUEUE_FILE: queueFile };
      const onError = (error: unknown): void => {
        const { code } = error as NodeJS.ErrnoException;
        const exitCode = code === 'ENOENT' ? NO_COMMAND : CANNOT_RUN;
        reject(new CliError(exitCode, `'${program}' could not be run (${code}); nothing was changed`));
      };
      try {
        child = spawn(program as string, args, { stdio: 'inherit', env });
      } catch (error) {
        return onError(error);
      }
      child.on('error', onError);
      child.on('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal as NodeJS.Signals]));
    });
  } finally {
    stopForwarding();
  }
}

/** Forwards signals to the command, because the lock is kept while it runs. */
function forwardSignals(forward: (signal: NodeJS.Signals) => void): () => void {
  // The terminal sends SIGINT to both processes.
  const ignore = (): void => {};
  process.on('SIGINT', ignore).on('SIGTERM', forward).on('SIGHUP', forward);
  return () => {
    process.off('SIGINT', ignore).off('SIGTERM', forward).off('SIGHUP', forward);
  };
}
