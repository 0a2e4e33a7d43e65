import type { Command } from 'commander';
import { durationText } from '../../job/checks.js';
import { TsvqError } from '../../job/errors.js';
import { WaitTimeoutError } from '../../job/job-errors.js';
import { toSafeJson } from '../../view/text.js';
import type { Cli } from '../cli.js';
import { EXIT, exitCodeOf, messageOf } from '../exit.js';
import { about } from '../help.js';
import { resolveIds } from '../ids.js';
import { say } from '../output.js';

interface Options {
  timeout?: string;
}

/** The codes of several jobs, the one that counts most first. */
const WORST = [EXIT.failed, EXIT.notFound, EXIT.cancelled, EXIT.timedOut];

export function define(command: Command, cli: Cli): void {
  command
    .argument('<id...>', 'IDs of the jobs, or the beginnings of them')
    .option('--timeout <time>', 'how long to wait; 0 looks once; default: as long as it takes');
  about(command, {
    text: `Waits until jobs have ended, in whatever process they run, and prints the result of each that completed as a line of JSON,
in the order of the IDs; \`null\` if it has none. What became of the others goes to stderr. A failed attempt that is tried again
is no end, and a job that hasn't ended in time goes on.

A job that retention has moved to the archive is found there.`,
    plain: 'a line for each job: id, status, result. A job that is unknown has no line.',
    exits:
      "0 if all completed; 1 if a job failed; 3 if one is unknown; 4 if one was cancelled; 124 if one hasn't ended in time. Of several, the first of these counts. 2 if an ID could be several jobs; 75.",
    examples: ['queue wait 3fa9 --timeout 5m', 'queue wait 3fa9 --timeout 0 --json'],
  }).action(async (given: string[], options: Options) => wait(cli, given, options));
}

async function wait(cli: Cli, given: readonly string[], options: Options): Promise<void> {
  const { output, existingStore: store, queue } = cli;
  const timeout =
    options.timeout === undefined ? Number.POSITIVE_INFINITY : durationText('--timeout', options.timeout);
  const ids = (await resolveIds(store, given, true)).map((id, i) => id ?? (given[i] as string));
  const ends = await Promise.all(
    ids.map((id) =>
      queue.waitForJob(id, { timeout }).then(
        (result) => ({ id, result }),
        (error: unknown) => ({ id, error }),
      ),
    ),
  );
  const codes = new Set<number>();
  for (const end of ends) {
    const { id } = end;
    if (!('error' in end)) {
      const result = toSafeJson(end.result ?? null);
      output.record({ id, status: 'completed', result: end.result }, result, [id, 'completed', result]);
      continue;
    }
    const { error } = end;
    const status = statusAfter(error);
    if (status === undefined && !(error instanceof TsvqError)) throw error;
    say(messageOf(error));
    codes.add(exitCodeOf(error));
    if (status !== undefined) output.data({ id, status, error: messageOf(error) }, [id, status, undefined]);
  }
  process.exitCode = WORST.find((code) => codes.has(code)) ?? [...codes][0] ?? EXIT.done;
}

/** Returns the status of a job whose wait ended with this error; undefined if that isn't known. */
function statusAfter(error: unknown): string | undefined {
  if (error instanceof WaitTimeoutError) return error.job.status;
  if (!(error instanceof TsvqError)) return undefined;
  return { JOB_FAILED: 'failed', JOB_CANCELLED: 'cancelled' }[error.code as string];
}
