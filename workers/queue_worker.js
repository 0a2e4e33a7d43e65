#!/usr/bin/env node
/*
 * Runs the jobs that are due, then exits. cron starts it every minute (see crontab.example); it may be started
 * by hand at any time as well, and several may overlap.
 *
 *   node workers/queue_worker.js
 *
 * Environment; a duration needs its unit, like '30s', '10m' or '2h'
 *   QUEUE_FILE          the queue; default: data/queue.tsv beside the folder of this script
 *   QUEUE_LINGER        stay so long, waiting for more jobs ('55s'); default: exit when nothing is due
 *   QUEUE_CONCURRENCY   how many jobs may run at once; default 1
 *   QUEUE_GRACE         how long running jobs may go on after SIGTERM or SIGINT; default 10s
 *   QUEUE_MAX_ATTEMPTS  how often a job is tried before it has failed for good; default 10
 *   QUEUE_BACKOFF       the waits between the attempts, of which the last one stays ('1m,5m,1h'); one alone is the wait
 *                       before each attempt; default: 30s, doubled each time up to an hour
 *   QUEUE_TIMEOUT       time limit for one attempt; default 1h
 *   QUEUE_ANY_FILE_SYSTEM  1, true or yes: work a queue on NFS, SMB, 9p and the like, too, which is refused otherwise
 *   and what the handlers read: SMTP_URL, MAIL_FROM, SEND_EMAIL_TIMEOUT (handlers/send_email.js), WEBHOOK_TIMEOUT
 *
 * Output
 *   stdout: one line of JSON for each thing that happened to a job; nothing if nothing happened
 *   stderr: one line for each warning or error
 *   Where one of them can't be written, jobs go on as if it could.
 *
 * Exit codes
 *   0    done, or shut down by the first SIGTERM or SIGINT: nothing more was started, running jobs were finished
 *        or, after the grace time, aborted and given back
 *   1    the queue could not be worked, or an exception that nothing caught ended the process: a job that ran has it
 *        as its error
 *   2    an argument or a variable of the environment can't be used
 *   75   somebody else held the lock for too long; the next start will do
 *   130  a second signal, SIGINT: ended at once; the jobs that ran are taken back by the next worker
 *   143  the same with SIGTERM
 */
import module from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

// From Node 22 on, compiled code is kept from one tick to the next. In a folder of our own, not in /tmp: it is run.
/** @type {{ enableCompileCache?: (folder: string) => unknown }} */ (module).enableCompileCache?.(
  fileURLToPath(new URL('../node_modules/.cache/tsvq', import.meta.url)),
);
const { openQueue, workerOptionsFrom } = await import('tsvq');

/** What the handlers read of the environment; looked at before any of them runs. */
const HANDLERS_READ = ['SMTP_URL', 'MAIL_FROM', 'SEND_EMAIL_TIMEOUT', 'WEBHOOK_TIMEOUT'];

let isGuarded = false;

/**
 * The jobs that this worker serves. A handler's module is loaded by the first job of its type: most ticks of cron
 * find nothing to do, and what they load is what they cost.
 *
 * @param {string} outbox folder for the messages that send_email writes where there is no SMTP server
 * @returns {import('tsvq').Handlers}
 */
const handlers = (outbox) => ({
  webhook: async (payload, context) => {
    guardStreams();
    return (await import('./handlers/webhook.js')).webhook(payload, context);
  },
  send_email: async (payload, context) => {
    guardStreams();
    return (await import('./handlers/send_email.js')).sendEmail(payload, context, outbox);
  },
});

const shutdown = new AbortController();
for (const [name, exitCode] of /** @type {const} */ ([
  ['SIGINT', 130],
  ['SIGTERM', 143],
])) {
  process.on(name, () => {
    if (shutdown.signal.aborted) process.exit(exitCode);
    complain(`${name}: starting no more jobs, waiting for those that run; once more ends them at once`);
    shutdown.abort(new Error(`the worker was shut down by ${name}`));
  });
}

/** @type {import('tsvq').Queue | undefined} */
let queue;
/** @type {Promise<never> | undefined} */
let dying;
// Of several, it is the first that counts.
process.on('uncaughtException', (error) => {
  dying ??= die(error);
});
// It would come that way too, but without what was rejected with. Handlers that listen themselves have decided for it.
process.on('unhandledRejection', (reason) => {
  if (process.listenerCount('unhandledRejection') === 1) dying ??= die(reason);
});

try {
  if (process.argv.length > 2) throw usage('it takes no arguments; what can be set is in the environment');
  if (HANDLERS_READ.some((name) => process.env[name])) {
    (await import('./handlers/environment.js')).checkEnvironment();
  }
  const options = workerOptionsFrom(process.env);
  const { QUEUE_FILE } = process.env;
  queue = openQueue(QUEUE_FILE || fileURLToPath(new URL('../data/queue.tsv', import.meta.url)), {
    // Anything else has been refused, or says no.
    anyFileSystem: /^(1|true|yes)$/i.test(process.env.QUEUE_ANY_FILE_SYSTEM ?? ''),
  });
  const outbox = join(dirname(queue.file), 'outbox');
  await queue.processJobs(handlers(outbox), { ...options, signal: shutdown.signal, logger: log });
} catch (error) {
  // It has been told already.
  if (dying) await dying;
  const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
  complain(message);
  process.exitCode = code === 'LOCK_TIMEOUT' ? 75 : code === 'INVALID_ARGUMENT' ? 2 : 1;
}
// Every job has been accounted for by now. A handler that ignored its abort would keep this process for as long as
// it likes, and cron would add another each minute.
if (shutdown.signal.aborted) process.exit();
setTimeout(() => {
  complain('a handler left something running; ended it');
  process.exit();
}, 5_000).unref();

/**
 * Ends the process by an exception that nothing caught, when the jobs that run have it as their error.
 *
 * @param {unknown} error
 * @returns {Promise<never>}
 */
async function die(error) {
  setTimeout(() => process.exit(1), 10_000);
  process.exitCode = 1;
  const recorded = queue?.abandon(error);
  try {
    const { inspect } = await import('node:util');
    complain(`ended by an exception that nothing caught: ${inspect(error)}`);
  } catch {
    complain('ended by an exception that nothing caught, and that could not be read');
  }
  await recorded;
  process.exit(1);
}

/** @param {import('tsvq').WorkerEvent} event */
function log(event) {
  if (event.event === 'warning') complain(event.message ?? '');
  else write(process.stdout, JSON.stringify({ time: new Date(), ...event }));
}

/** @param {string} message */
function complain(message) {
  write(process.stderr, `queue_worker: ${message.replace(/\s*\n\s*/g, ' | ')}`);
}

/**
 * Lets a log that can't be written (its reader gone, its disk full) end no job that runs. Otherwise it would end the
 * process, also by way of a handler's console.log. Called before the first write: an idle tick loads no stream.
 */
function guardStreams() {
  if (isGuarded) return;
  isGuarded = true;
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
}

/**
 * @param {NodeJS.WriteStream} stream
 * @param {string} line
 */
function write(stream, line) {
  guardStreams();
  try {
    stream.write(`${line}\n`);
  } catch {
    // Some streams throw what others emit.
  }
}

/** @param {string} message */
function usage(message) {
  return Object.assign(new Error(message), { code: 'INVALID_ARGUMENT' });
}
