import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import type { Command } from 'commander';
import { escapeText } from '../../file/format/text.js';
import { errorMessage } from '../../job/errors.js';
import { readWorkerOptions, type WorkerTexts } from '../../job/settings.js';
import type { WorkerEvent } from '../../job/worker-event.js';
import type { Queue } from '../../queue.js';
import type { HandlerEntries, HandlerEntry } from '../../runner/handler.js';
import type { Cli } from '../cli.js';
import { CliError, EXIT, notFound, usageError } from '../exit.js';
import { firstLine, isoSeconds } from '../format.js';
import { examples } from '../help.js';
import { type Output, say } from '../output.js';

/** How long a process that an exception ends waits for its last commit. */
const LAST_WORDS_MS = 10_000;
/** How long a handler may keep the process alive after its job is recorded. */
const LEFTOVERS_MS = 10_000;
/** Node's exit code if a top-level await was still waiting. */
const UNSETTLED = 13;

export function define(command: Command, cli: Cli): void {
  command
    .argument(
      '<file>',
      'a module with handlers, with or without policies: an object (its default export, or the one named handlers), or named exports',
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
    .option('--timeout <time>', 'the time limit of one attempt; default: 1h')
    .addHelpText(
      'after',
      `
Prints what happened to each job, and nothing if nothing happened. Exits with 0 even if jobs fail.
An uncaught exception ends it with 1; a job that ran has it as its error.
The first SIGINT or SIGTERM lets the running jobs finish, for 10 s at most. The second one ends it at once.
A .ts file needs a node that can import it, or: NODE_OPTIONS='--import tsx' queue work handlers.ts
--plain prints: time event id type attempt milliseconds error
${examples('queue work workers/handlers.js', 'queue work handlers.js --concurrency 4 --linger 55s')}`,
    )
    .action(async (file: string, options: WorkerTexts) => {
      const resolved = readWorkerOptions(options, optionName);
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
      const handlers = await load(file);
      try {
        await queue.processJobs(handlers, {
          ...resolved,
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

const optionName = (option: string): string => `--${option.replace(/[A-Z]/g, '-$&').toLowerCase()}`;

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

async function load(file: string): Promise<HandlerEntries> {
  const path = resolve(file);
  let module: Record<string, unknown>;
  // Node ends silently with this code if nothing is left that the module could wait for.
  const onExit = (): void => {
    if (process.exitCode === UNSETTLED)
      say(`${path} waits for ever: it awaits something at its top level that never comes`);
  };
  process.on('exit', onExit);
  try {
    module = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (error) {
    if (!(error instanceof Error)) throw new CliError(EXIT.failed, `${path} threw ${String(error)}`);
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_UNKNOWN_FILE_EXTENSION') {
      throw usageError(`this node can't import ${path}; try: NODE_OPTIONS='--import tsx' queue work ${file}`);
    }
    if (code === 'ERR_UNSUPPORTED_DIR_IMPORT' && message.includes(`'${path}'`)) {
      throw usageError(`${path} is a directory; name the module in it`);
    }
    // Node prints the place of a syntax error only for the main program, so this error doesn't name it.
    if (error instanceof SyntaxError && !error.stack?.replaceAll(import.meta.url, '').includes('file:')) {
      throw new CliError(EXIT.failed, `can't import ${path}: ${message}; to see where: node ${file}`);
    }
    // The module itself is missing, not one that it imports.
    if (code === 'ERR_MODULE_NOT_FOUND' && message.includes(`'${path}' imported from`)) {
      throw notFound(`there is no module at ${path}`);
    }
    throw error;
  } finally {
    process.off('exit', onExit);
  }
  const exported = exportsOf(module);
  const named = Object.entries(exported).filter(([name, value]) => isEntry(name, value));
  const tables = [exported.handlers, exported.default].filter((table) => typeof table === 'object');
  const inTables = tables.flatMap((table) => Object.entries(table ?? {}));
  const handlers = Object.fromEntries([...named, ...inTables]) as Record<string, HandlerEntry>;
  if (Object.keys(handlers).length === 0) {
    throw usageError(
      `${path} exports no handlers: neither functions by name (or objects with a handler), nor an object of them as default or as handlers`,
    );
  }
  return handlers;
}

/** The names of exports that are tables of handlers; the last one is the default export of CommonJS, in newer Nodes. */
const TABLES = ['default', 'handlers', 'module.exports'];

/** True if an export is the handler of the type that it is named after, or an object with the handler. */
function isEntry(name: string, value: unknown): boolean {
  if (typeof value === 'function') return name !== 'default';
  if (typeof value !== 'object' || value === null || TABLES.includes(name)) return false;
  return typeof (value as { handler?: unknown }).handler === 'function';
}

/** Returns a module's exports. In CommonJS the default export has all of them; the named ones may be only some. */
function exportsOf(module: Record<string, unknown>): Record<string, unknown> {
  const { default: main, ...named } = module;
  if (typeof main !== 'object' || main === null) return module;
  const table = main as Record<string, unknown>;
  const isCommonJs =
    '__esModule' in table ||
    typeof table.handlers === 'object' ||
    Object.entries(named).some(([name, value]) => Object.hasOwn(table, name) && table[name] === value);
  return isCommonJs ? { ...named, ...table } : module;
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

function log(output: Output, entry: WorkerEvent): void {
  const { event, id, type, attempt, ms, error, runAt, message } = entry;
  if (event === 'warning') {
    say(message ?? '');
    return;
  }
  const time = new Date();
  const parts = [
    `${event} ${id} ${type}`,
    attempt === undefined ? '' : `, attempt ${attempt}`,
    ms === undefined ? '' : `, ${ms} ms`,
    runAt === undefined ? '' : `, again at ${isoSeconds(runAt)}`,
    error === undefined ? '' : `: ${firstLine(error)}`,
  ];
  const plain = [time, event, id, type, attempt, ms, error && escapeText(error)];
  output.record({ time, ...entry }, parts.join(''), plain);
}
