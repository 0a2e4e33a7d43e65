import { inspect } from 'node:util';
import type { Command } from 'commander';
import { escapeText } from '../../file/format/text.js';
import { errorMessage } from '../../job/errors.js';
import type { WorkerOptions } from '../../job/options.js';
import { readWorkerOptions, type WorkerTexts } from '../../job/settings.js';
import type { WorkerEvent } from '../../job/worker-event.js';
import type { Queue } from '../../queue.js';
import { firstLine, isoSeconds } from '../../view/text.js';
import type { Cli } from '../cli.js';
import { EXIT } from '../exit.js';
import { load } from '../handlers-module.js';
import { type About, about } from '../help.js';
import { type Output, say } from '../output.js';

/** How long a process that an exception ends waits for its last commit. */
const LAST_WORDS_MS = 10_000;
/** How long a handler may keep the process alive after its job is recorded. */
const LEFTOVERS_MS = 10_000;

const ABOUT: About = {
  text: `Runs what is due, once, with the handlers of a module. The handlers are the default export, or the export named \`handlers\`, as
an object; or the named exports. Each is a function, or an object with a \`handler\` and the [options of its
type](api.md#options-of-a-type), which count before those of the command. An export \`schedules\`, an object, has [recurring
jobs](api.md#recurring-jobs) by their names: one that the queue lacks is added, one that differs is changed. Other named exports
are ignored. A \`.ts\` file needs a Node that can import it ([Handlers in TypeScript](operations.md#handlers-in-typescript)). The
command doesn't make the queue file, also not for \`schedules\`: \`queue add\` and \`queue schedule add\` make it.

\`QUEUE_PING_URL\` in the environment is the address of a [monitoring
service](operations.md#if-cron-or-the-worker-stops), which is asked for each minute.

It prints a line for each event of a job or schedule; without events, it prints nothing. The first SIGINT or SIGTERM lets the
running jobs finish, for 10 s at most. The second one ends it at once.`,
  plain:
    'time, event, id, type, attempt, milliseconds, error, schedule. For `skipped`, `error` says why the slot has no job.',
  exits:
    "0 done, also if jobs failed, or if the first signal shut it down; 1 if the queue or the module can't be used, or there was an uncaught exception, which is the error of each job that ran; 2 if an argument or option can't be used, or the module exports no handlers; 3 if there is no such module or queue file; 13 if a top-level await of the module never ends; 75; 130 and 143 if a second SIGINT or SIGTERM ended it at once, and the next worker takes its jobs back.",
  examples: ['queue work workers/handlers.js', 'queue work handlers.js --concurrency 4 --linger 55s'],
};

export function define(command: Command, cli: Cli): void {
  command
    .argument(
      '<file>',
      'a module with handlers, with or without policies: an object (its default export, or the one named handlers), or named exports; its export schedules has recurring jobs',
    )
    .option('--concurrency <number>', 'how many jobs may run at once; default: 1')
    .option(
      '--linger <time>',
      "how long to stay and wait for more jobs ('55s'); default: end when nothing is due",
    )
    .option('--max-attempts <number>', 'how often a job is tried before it has failed for good; default: 10')
    .option(
      '--backoff <times>',
      "the waits between attempts ('1m,5m,1h'); the last one repeats; default: 30s, doubled up to 1h",
    )
    .option('--timeout <time>', 'the time limit of one attempt; default: 1h');
  about(command, ABOUT).action(async (file: string, options: WorkerTexts) => {
    const resolved = resolve(options);
    // Opens the queue first, so that a mistyped path is reported before the user's code runs.
    const { output, queue } = cli;
    let dying: Promise<never> | undefined;
    process.on('uncaughtException', (error: unknown) => {
      dying ??= die(queue, error);
    });
    // The rejection would also arrive above, but without its reason. A handler that listens for it decides by itself.
    process.on('unhandledRejection', (reason) => {
      if (process.listenerCount('unhandledRejection') === 1) dying ??= die(queue, reason);
    });
    const { handlers, schedules } = await load(file);
    try {
      await queue.processJobs(handlers, {
        ...resolved,
        schedules,
        signal: shutdownSignal(),
        logger: (event) => log(output, event),
      });
    } catch (error) {
      // The exception was already reported, and ends the process.
      await dying;
      throw error;
    } finally {
      setTimeout(() => {
        say('a handler left something running (a timer, a connection); ended the process');
        process.exit();
      }, LEFTOVERS_MS).unref();
    }
  });
}

/** Reads the options. The address to ping isn't one, because it is a secret, and others can see a command line. */
const resolve = (options: WorkerTexts): Omit<WorkerOptions, 'schedules'> =>
  readWorkerOptions({ ...options, pingUrl: process.env.QUEUE_PING_URL }, optionName);

const optionName = (option: string): string =>
  option === 'pingUrl' ? 'QUEUE_PING_URL' : `--${option.replace(/[A-Z]/g, '-$&').toLowerCase()}`;

/** Ends the process by an uncaught exception, after the running jobs have it as their error. */
async function die(queue: Queue, error: unknown): Promise<never> {
  setTimeout(() => process.exit(EXIT.failed), LAST_WORDS_MS);
  process.exitCode = EXIT.failed;
  const recorded = queue.abandon(error);
  say(`ended by an uncaught exception: ${stackOf(error)}`);
  await recorded;
  process.exit(EXIT.failed);
}

function stackOf(error: unknown): string {
  try {
    return inspect(error);
  } catch {
    return errorMessage(error);
  }
}

/** Returns a signal that the first SIGINT or SIGTERM aborts; the second acts as usual. */
function shutdownSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => {
      process.removeAllListeners('SIGINT').removeAllListeners('SIGTERM');
      say(`${name}: starting no more jobs, finishing those that run; a second signal ends them at once`);
      controller.abort(new Error(`the worker was shut down by ${name}`));
    });
  }
  return controller.signal;
}

/** What an event calls the time that it names. */
const NEXT_WORDS: { readonly [Event in WorkerEvent['event']]?: string } = {
  scheduled: 'next run',
  rate_limited: 'next start',
};

function log(output: Output, entry: WorkerEvent): void {
  const { event, time, id, type, group, schedule, attempt, ms, error, runAt, message } = entry;
  if (event === 'warning') {
    say(message ?? '');
    return;
  }
  const again = NEXT_WORDS[event] ?? 'again';
  const parts = [
    [event, id, type].filter((part) => part !== undefined).join(' '),
    group === undefined ? '' : `, group ${group}`,
    schedule === undefined ? '' : `, schedule ${schedule}`,
    attempt === undefined ? '' : `, attempt ${attempt}`,
    ms === undefined ? '' : `, ${ms} ms`,
    runAt === undefined ? '' : `, ${again} at ${isoSeconds(runAt)}`,
    error === undefined ? '' : `: ${firstLine(error)}`,
    message === undefined ? '' : `: ${message}`,
  ];
  const why = error ?? message;
  const plain = [time, event, id, type, attempt, ms, why && escapeText(why), schedule];
  output.record(entry, parts.join(''), plain);
}
