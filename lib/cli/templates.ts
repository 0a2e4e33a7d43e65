/* What `queue init` writes into a project. */

/** How a project's .js files are read. */
export type ModuleKind = 'module' | 'commonjs';

const WORKER_ABOUT = `/*
 * Runs the jobs that are due, then exits. cron starts it every minute; \`queue cron print\` prints the line.
 * It may be started by hand at any time as well, and several may overlap.
 *
 *   node workers/queue_worker.js
 *
 * What happened to each job is one line of JSON on stdout; a start with nothing to do prints nothing.
 */
`;

const WORKER_IMPORTS: Record<ModuleKind, string> = {
  module: `import { fileURLToPath } from 'node:url';
import { openQueue } from 'tsvq';
import { hello } from './handlers/hello.js';

const file = process.env.QUEUE_FILE || fileURLToPath(new URL('../data/queue.tsv', import.meta.url));
`,
  commonjs: `'use strict';
const { join } = require('node:path');
const { hello } = require('./handlers/hello.js');

const file = process.env.QUEUE_FILE || join(__dirname, '../data/queue.tsv');
`,
};

const WORKER_BODY = (kind: ModuleKind): string => `
// The name of a job picks its handler.
const handlers = { hello };

// The first SIGTERM or SIGINT lets the running jobs finish; the second ends the process.
const shutdown = new AbortController();
const stop = (name) => {
  process.off('SIGINT', stop).off('SIGTERM', stop);
  shutdown.abort(new Error(\`the worker was shut down by \${name}\`));
};
process.on('SIGINT', stop).on('SIGTERM', stop);

async function main() {
${kind === 'commonjs' ? "  const { openQueue } = await import('tsvq');\n" : ''}  await openQueue(file, { anyFileSystem: process.env.QUEUE_ANY_FILE_SYSTEM === '1' }).processJobs(handlers, {
    signal: shutdown.signal,
    logger: log,
    // QUEUE_LINGER=55s: stay until cron starts the next one, so that jobs start at once.
    linger: process.env.QUEUE_LINGER || 0,
    concurrency: Number(process.env.QUEUE_CONCURRENCY || 1),
    // So long running jobs may go on after SIGTERM or SIGINT.
    grace: process.env.QUEUE_GRACE || '10s',
  });
  // A handler that left something running would keep this process, and cron adds another each minute.
  if (shutdown.signal.aborted) process.exit();
  setTimeout(() => process.exit(), 10_000).unref();
}

function log(event) {
  if (event.event === 'warning') console.error(\`queue_worker: \${event.message}\`);
  else console.log(JSON.stringify({ time: new Date(), ...event }));
}

main().catch((error) => {
  console.error(\`queue_worker: \${error.message}\`);
  process.exitCode = error.code === 'LOCK_TIMEOUT' ? 75 : error.code === 'INVALID_ARGUMENT' ? 2 : 1;
});
`;

const HANDLER = (kind: ModuleKind): string => `/*
 * A first handler. It gets the job's payload; what it returns is kept as the job's result. If it throws, the job is
 * tried again later. An attempt may be cut short by a crash and run again: let a second run do no harm.
 */
${kind === 'module' ? 'export ' : ''}async function hello(payload, { signal }) {
  signal.throwIfAborted(); // aborted when the job is cancelled, its time is up, or the worker is shut down
  return \`Hello, \${payload?.name ?? 'world'}!\`;
}
${kind === 'commonjs' ? '\nmodule.exports = { hello };\n' : ''}`;

/** The files of a new project, by their paths in it. */
export const projectFiles = (kind: ModuleKind): Record<string, string> => ({
  'workers/queue_worker.js': WORKER_ABOUT + WORKER_IMPORTS[kind] + WORKER_BODY(kind),
  'workers/handlers/hello.js': HANDLER(kind),
  // The queue and its log are no part of the program.
  'data/.gitignore': '*\n!.gitignore\n',
});
