#!/usr/bin/env node
/*
 * Runs the jobs that are due, then exits. cron starts it every minute (see crontab.example). You may also start it by
 * hand at any time, and several may overlap.
 *
 *   node workers/queue_worker.js
 *
 * Environment; a duration needs its unit, like '30s', '10m' or '2h'
 *   QUEUE_FILE          the queue; default: data/queue.tsv next to the folder of this script
 *   QUEUE_LINGER        how long to stay and wait for more jobs ('55s'); default: exit when nothing is due
 *   QUEUE_CONCURRENCY   how many jobs may run at once; default 1
 *   QUEUE_GRACE         how long running jobs may go on after SIGTERM or SIGINT; default 10s
 *   QUEUE_MAX_ATTEMPTS  how often a job is tried before it has failed for good; default 10
 *   QUEUE_BACKOFF       the waits between the attempts ('1m,5m,1h'); the last one repeats; default: 30s, doubled each
 *                       time up to an hour
 *   QUEUE_TIMEOUT       the time limit of one attempt; default 1h
 *   QUEUE_PING_URL      the address of a monitoring service, which is asked for each minute while workers are well;
 *                       default: none
 *   QUEUE_RETENTION     how long finished jobs stay in the queue's file: '30d', or 'completed=1d,failed=90d';
 *                       default: 7d, failed ones 30d
 *   QUEUE_ARCHIVE       0, false or no: drop jobs after that time, instead of moving them to archive/
 *   QUEUE_ARCHIVE_RETENTION  how long the archive keeps a month after its end; default: for ever
 *   QUEUE_MAX_BYTES     the most that the file may have ('10GB') after a job is added; default 4 GiB
 *   QUEUE_MIN_FREE      the space that the disk must have ('1GB') for a job to start; default 0: it isn't looked at
 *   QUEUE_ANY_FILE_SYSTEM  1, true or yes: also work a queue on NFS, SMB, 9p or the like, which is refused otherwise
 *   EMAIL_CONCURRENCY   how many mails may be sent at a time, over all workers; default 4
 *   WEBHOOK_CONCURRENCY how many webhooks of one group may run at a time, over all workers; default 2. The group is the
 *                       receiver, if jobs are added with it: { group: new URL(url).host }
 *   The handlers read SMTP_URL, MAIL_FROM, SEND_EMAIL_TIMEOUT (handlers/send_email.js) and WEBHOOK_TIMEOUT.
 *
 * Output
 *   stdout: one line of JSON for each event of a job; without events, nothing
 *   stderr: one line for each warning or error
 *   If one of them can't be written, jobs go on.
 *
 * Exit codes
 *   0    done; or shut down by the first SIGTERM or SIGINT: no more jobs were started, and the running ones finished
 *        or, after the grace time, were aborted and given back
 *   1    the worker could not use the queue; or an uncaught exception ended the process, and a job that ran has it as
 *        its error
 *   2    an argument or a variable of the environment can't be used
 *   75   another process held the lock for too long; the next start tries again
 *   130  ended at once by a second signal, SIGINT; the next worker takes back the jobs that ran
 *   143  ended at once by a second signal, SIGTERM; the next worker takes back the jobs that ran
 */
import module from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

// From Node 22 on, compiled code is kept from one start to the next. Its folder is not in /tmp, because it is run.
/** @type {{ enableCompileCache?: (folder: string) => unknown }} */ (module).enableCompileCache?.(
  fileURLToPath(new URL('../node_modules/.cache/tsvq', import.meta.url)),
);
const { defineHandlers, openQueue, queueOptionsFrom, workerOptionsFrom } = await import('tsvq');

/** The variables of the handlers. They are checked before any handler runs. */
const HANDLERS_READ = [
  ...['SMTP_URL', 'MAIL_FROM', 'SEND_EMAIL_TIMEOUT', 'EMAIL_CONCURRENCY'],
  ...['WEBHOOK_TIMEOUT', 'WEBHOOK_CONCURRENCY'],
];

let isGuarded = false;

/**
 * Returns the handlers of this worker. The first job of a type loads its handler's module, because most starts by cron
 * find nothing to do, and their cost is what they load.
 *
 * A type may have options of its own: `webhook: { handler, maxAttempts: 5 }`. They count before the variables of the
 * environment, so the two types here have only limits: a mail server takes so many connections, and a receiver that is
 * slow must not hold up webhooks to others. A webhook without a group has no limit.
 *
 * @param {string} outbox the folder for messages of send_email if there is no SMTP server
 */
const handlers = (outbox) =>
  defineHandlers({
    webhook: {
      handler: async (payload, context) => {
        guardStreams();
        return (await import('./handlers/webhook.js')).webhook(payload, context);
      },
      concurrency: { max: Number(process.env.WEBHOOK_CONCURRENCY?.trim() || 2), by: 'group' },
    },
    send_email: {
      handler: async (payload, context) => {
        guardStreams();
        return (await import('./handlers/send_email.js')).sendEmail(payload, context, outbox);
      },
      concurrency: Number(process.env.EMAIL_CONCURRENCY?.trim() || 4),
    },
  });

const shutdown = new AbortController();
for (const [name, exitCode] of /** @type {const} */ ([
  ['SIGINT', 130],
  ['SIGTERM', 143],
])) {
  process.on(name, () => {
    if (shutdown.signal.aborted) process.exit(exitCode);
    complain(`${name}: starting no more jobs, finishing those that run; a second signal ends them at once`);
    shutdown.abort(new Error(`the worker was shut down by ${name}`));
  });
}

/** @type {import('tsvq').Queue | undefined} */
let queue;
/** @type {Promise<never> | undefined} */
let dying;
// If there are several, the first one counts.
process.on('uncaughtException', (error) => {
  dying ??= die(error);
});
// The rejection would also arrive above, but without its reason. A handler that listens for it decides by itself.
process.on('unhandledRejection', (reason) => {
  if (process.listenerCount('unhandledRejection') === 1) dying ??= die(reason);
});

try {
  if (process.argv.length > 2)
    throw usage('it takes no arguments; set the variables of the environment instead');
  if (HANDLERS_READ.some((name) => process.env[name])) {
    (await import('./handlers/environment.js')).checkEnvironment();
  }
  const options = workerOptionsFrom(process.env);
  const { QUEUE_FILE } = process.env;
  const file = QUEUE_FILE || fileURLToPath(new URL('../data/queue.tsv', import.meta.url));
  queue = openQueue(file, queueOptionsFrom(process.env));
  const outbox = join(dirname(queue.file), 'outbox');
  // Recurring jobs are declared here, as `schedules`, or once for all by `queue schedule add`.
  await queue.processJobs(handlers(outbox), { ...options, signal: shutdown.signal, logger: log });
} catch (error) {
  // The exception was reported already.
  if (dying) await dying;
  const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
  complain(message);
  process.exitCode = code === 'LOCK_TIMEOUT' ? 75 : code === 'INVALID_ARGUMENT' ? 2 : 1;
}
// Every job is recorded by now. A handler that ignored its abort would keep this process alive, and cron would start
// another one each minute.
if (shutdown.signal.aborted) process.exit();
setTimeout(() => {
  complain('a handler left something running (a timer, a connection); ended the process');
  process.exit();
}, 5_000).unref();

/**
 * Ends the process because of an uncaught exception, after the running jobs have it as their error.
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
    complain(`ended by an uncaught exception: ${inspect(error)}`);
  } catch {
    complain('ended by an uncaught exception that could not be read');
  }
  await recorded;
  process.exit(1);
}

/** @param {import('tsvq').WorkerEvent} event */
function log(event) {
  if (event.event === 'warning') complain(event.message ?? '');
  else write(process.stdout, JSON.stringify(event));
}

/** @param {string} message */
function complain(message) {
  write(process.stderr, `queue_worker: ${message.replace(/\s*\n\s*/g, ' | ')}`);
}

/**
 * Makes sure that a log that can't be written (its reader gone, its disk full) doesn't end a job. Otherwise it would
 * end the process, even through a handler's console.log. The function is called before the first write, so that an
 * idle start loads no stream.
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
    // Some streams throw instead of emitting an error.
  }
}

/** @param {string} message */
function usage(message) {
  return Object.assign(new Error(message), { code: 'INVALID_ARGUMENT' });
}
