/* The files that `queue init` writes into a project. */

/** How Node reads the .js files of a project. */
export type ModuleKind = 'module' | 'commonjs';

const WORKER_ABOUT = `/*
 * Runs the jobs that are due, then exits. cron starts it every minute; \`queue cron print\` prints the line.
 * You may also start it by hand at any time, and several may overlap.
 *
 *   node workers/queue_worker.js
 *
 * It prints a line of JSON on stdout for each thing that happened to a job, and nothing if nothing happened.
 *
 * Environment; a duration needs its unit, like '30s', '10m' or '2h'
 *   QUEUE_FILE          the queue; default: data/queue.tsv next to the folder of this script
 *   QUEUE_LINGER        how long to stay, so that jobs start at once ('55s': until cron starts the next one); default 0
 *   QUEUE_CONCURRENCY   how many jobs may run at once; default 1
 *   QUEUE_GRACE         how long running jobs may go on after SIGTERM or SIGINT; default 10s
 *   QUEUE_MAX_ATTEMPTS  how often a job is tried before it has failed for good; default 10
 *   QUEUE_BACKOFF       the waits between the attempts ('1m,5m,1h'); the last one repeats; default: 30s, doubled up to 1h
 *   QUEUE_TIMEOUT       the time limit of one attempt; default 1h
 *   QUEUE_PING_URL      the address of a monitoring service, which is asked for each minute while workers are well;
 *                       default: none
 *   QUEUE_RETENTION     how long finished jobs stay in the queue's file: '30d', or 'completed=1d,failed=90d';
 *                       default: 7d, failed ones 30d
 *   QUEUE_ARCHIVE       0, false or no: drop jobs after that time, instead of moving them to archive/
 *   QUEUE_ARCHIVE_RETENTION  how long the archive keeps a month after its end; default: for ever
 *   QUEUE_MAX_BYTES     the most that the file may have ('10GB') after a job is added; default 4 GiB
 *   QUEUE_MIN_FREE      the space that the disk must have ('1GB') for a job to start; default 0: it isn't looked at
 */
`;

const WORKER_IMPORTS: Record<ModuleKind, string> = {
  module: `import { fileURLToPath } from 'node:url';
import { openQueue, queueOptionsFrom, workerOptionsFrom } from 'tsvq';
import { hello } from './handlers/hello.js';

const file = process.env.QUEUE_FILE || fileURLToPath(new URL('../data/queue.tsv', import.meta.url));
`,
  commonjs: `'use strict';
const { join } = require('node:path');
const { hello } = require('./handlers/hello.js');

const file = process.env.QUEUE_FILE || join(__dirname, '../data/queue.tsv');
`,
};

const WORKER_ENDS = `
// The name of a job picks its handler. A type may have options of its own; they count before the worker's.
const handlers = {
  hello: { handler: hello, timeout: 600_000 }, // an attempt may take 10 minutes
};

// A log that can't be written (its disk is full, its reader gone) must not end a job or this process.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

// The first SIGTERM or SIGINT lets the running jobs finish; the second ends the process.
const shutdown = new AbortController();
const stop = (name) => {
  process.off('SIGINT', stop).off('SIGTERM', stop);
  shutdown.abort(new Error(\`the worker was shut down by \${name}\`));
};
process.on('SIGINT', stop).on('SIGTERM', stop);

// An uncaught exception ends the process, and the job that ran has it as its error.
let queue;
let dying;
process.on('uncaughtException', (error) => {
  dying ??= die(error);
});
process.on('unhandledRejection', (reason) => {
  // A handler that listens for it decides by itself.
  if (process.listenerCount('unhandledRejection') === 1) dying ??= die(reason);
});

async function die(error) {
  setTimeout(() => process.exit(1), 10_000);
  process.exitCode = 1;
  const recorded = queue?.abandon(error);
  complain(error);
  await recorded;
  process.exit(1);
}
`;

const WORKER_MAIN = (kind: ModuleKind): string => `
async function main() {
${kind === 'commonjs' ? "  const { openQueue, queueOptionsFrom, workerOptionsFrom } = await import('tsvq');\n" : ''}  const options = workerOptionsFrom(process.env);
  queue = openQueue(file, queueOptionsFrom(process.env));
  await queue.processJobs(handlers, {
    ...options,
    // A recurring job, by its name; queue schedule list shows when it runs next.
    // schedules: { morning: { type: 'hello', cron: '0 6 * * 1-5', timezone: 'Europe/Berlin' } },
    signal: shutdown.signal,
    logger: log,
  });
  // A handler that left something running would keep this process alive, and cron adds another one each minute.
  if (shutdown.signal.aborted) process.exit();
  setTimeout(() => process.exit(), 10_000).unref();
}

function log(event) {
  if (event.event === 'warning') complain(event.message);
  else console.log(JSON.stringify(event));
}

function complain(what) {
  try {
    console.error('queue_worker:', what);
  } catch {
    // The error can't even be printed.
  }
}

main().catch((error) => {
  // The exception was printed already, and ends the process.
  if (dying) return;
  complain(error.message);
  process.exitCode = error.code === 'LOCK_TIMEOUT' ? 75 : error.code === 'INVALID_ARGUMENT' ? 2 : 1;
});
`;

const HANDLER = (kind: ModuleKind): string => `/*
 * A first handler. It gets the job's payload, and what it returns is the job's result. If it throws, the job is tried
 * again later. A crash may cut an attempt short, and then the job runs again: make sure that a second run does no harm.
 */
${kind === 'module' ? 'export ' : ''}async function hello(payload, { signal }) {
  signal.throwIfAborted(); // aborted when the job is cancelled, its time is up, or the worker is shut down
  return \`Hello, \${payload?.name ?? 'world'}!\`;
}
${kind === 'commonjs' ? '\nmodule.exports = { hello };\n' : ''}`;

/** The files of a new project, by their paths in it. */
export const projectFiles = (kind: ModuleKind): Record<string, string> => ({
  'workers/queue_worker.js': WORKER_ABOUT + WORKER_IMPORTS[kind] + WORKER_ENDS + WORKER_MAIN(kind),
  'workers/handlers/hello.js': HANDLER(kind),
  // The queue and its log don't belong in git.
  'data/.gitignore': '*\n!.gitignore\n',
});
