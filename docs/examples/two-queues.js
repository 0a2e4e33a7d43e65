/*
 * A worker for two queues, each in a file of its own. cron starts it:
 *
 *   * * * * * cd /srv/app && /usr/bin/node two-queues.js >> data/worker.log 2>&1
 *
 * Mails are quick and must not be lost. Reports take long and can be made again.
 *
 * Exit codes: 0 done, or shut down by the first signal; 1 one of the queues could not be worked.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { openQueue, workerOptionsFrom } from 'tsvq';

const mails = openQueue('data/mails.tsv');
const reports = openQueue('data/reports.tsv', { durability: 'os', retention: '1d' });

// One signal for both: the first SIGTERM or SIGINT lets the running jobs finish, the second ends the process.
const shutdown = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'])
  process.once(name, () => shutdown.abort(new Error(`the worker was shut down by ${name}`)));

// A log that can't be written must not end a job.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

// An uncaught exception ends the process. The jobs that ran have it as their error, in both queues.
process.on('uncaughtException', async (error) => {
  setTimeout(() => process.exit(1), 10_000);
  console.error(error);
  await Promise.all([mails.abandon(error), reports.abandon(error)]);
  process.exit(1);
});

/**
 * Works one queue. An error of it is told at once, and doesn't concern the other queue.
 *
 * @param {import('tsvq').Queue} queue
 * @param {import('tsvq').Handlers} handlers
 * @param {import('tsvq').WorkerOptions} options
 */
async function work(queue, handlers, options) {
  try {
    await queue.processJobs(handlers, {
      ...workerOptionsFrom(process.env), // QUEUE_LINGER, QUEUE_GRACE and so on, for both
      ...options,
      signal: shutdown.signal,
      logger: (event) => console.log(JSON.stringify({ queue: queue.file, ...event })),
    });
  } catch (error) {
    console.error(`${queue.file}: ${/** @type {Error} */ (error).message}`);
    process.exitCode = 1;
  }
}

// The sleeps stand for the real work.
await Promise.all([
  work(mails, { mail: (payload, { signal }) => sleep(payload?.ms, 'sent', { signal }) }, { concurrency: 5 }),
  work(
    reports,
    { report: (payload, { signal }) => sleep(payload?.ms, 'made', { signal }) },
    { maxWorkers: 1 },
  ),
]);

// A handler that ignored its abort would keep the process alive.
if (shutdown.signal.aborted) process.exit();
