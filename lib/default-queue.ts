import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { queuePath } from './job/checks.js';
import { TsvqError } from './job/errors.js';
import { queueOptionsFrom } from './job/queue-settings.js';
import { openQueue } from './open-queue.js';
import type { Queue } from './queue.js';

/**
 * Returns the path of the default queue: `QUEUE_FILE`, otherwise data/queue.tsv next to the nearest package.json at
 * or above `from`.
 *
 * @throws TsvqError `NO_QUEUE_FILE`, or `INVALID_ARGUMENT` if QUEUE_FILE is no path
 */
export function defaultQueueFile(from: string = process.cwd()): string {
  const named = process.env.QUEUE_FILE;
  if (named) return resolve(from, queuePath('QUEUE_FILE', named));
  const project = nearestProject(from);
  if (project !== undefined) return join(project, 'data', 'queue.tsv');
  throw new TsvqError(
    'NO_QUEUE_FILE',
    `no queue is named: there is no package.json at or above ${resolve(from)}; set QUEUE_FILE to its path`,
  );
}

/** Returns the folder of the nearest package.json at or above `from`, or undefined. */
export function nearestProject(from: string): string | undefined {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}

let opened: Queue | undefined;

/** Returns the default queue. The first call finds and opens it, with the options of the environment. */
function defaultQueue(): Queue {
  opened ??= openQueue(defaultQueueFile(), queueOptionsFrom(process.env));
  return opened;
}

/**
 * Adds a job to the default queue, like {@link Queue.enqueue}.
 * @example const id = await enqueue('email', { to: 'ann@example.com' });
 */
export const enqueue: Queue['enqueue'] = async (type, ...rest) => defaultQueue().enqueue(type, ...rest);

/**
 * Adds many jobs to the default queue with one sync, like {@link Queue.enqueueMany}.
 * @example await enqueueMany([{ type: 'email', payload: { to } }]);
 */
export const enqueueMany: Queue['enqueueMany'] = async (jobs) => defaultQueue().enqueueMany(jobs);

/**
 * Looks up a job of the default queue, like {@link Queue.getJob}.
 * @example const job = await getJob(id, { archive: true });
 */
export const getJob: Queue['getJob'] = async (id, options) => defaultQueue().getJob(id, options);

/**
 * Cancels a job of the default queue, like {@link Queue.cancelJob}.
 * @example await cancelJob(id);
 */
export const cancelJob: Queue['cancelJob'] = async (id) => defaultQueue().cancelJob(id);

/**
 * Makes a failed or cancelled job of the default queue pending again, like {@link Queue.retryJob}.
 * @example await retryJob(id);
 */
export const retryJob: Queue['retryJob'] = async (id, options) => defaultQueue().retryJob(id, options);

/**
 * Makes a pending job of the default queue due now, like {@link Queue.promoteJob}.
 * @example await promoteJob(id);
 */
export const promoteJob: Queue['promoteJob'] = async (id) => defaultQueue().promoteJob(id);

/**
 * Notes that a person has seen a failed job of the default queue, like {@link Queue.dismissJob}.
 * @example await dismissJob(id);
 */
export const dismissJob: Queue['dismissJob'] = async (id) => defaultQueue().dismissJob(id);

/**
 * Waits until a job of the default queue has ended, like {@link Results.waitForJob}.
 * @example const report = await waitForJob(id, { timeout: '5m' });
 */
export const waitForJob: Queue['waitForJob'] = async (id, options) => defaultQueue().waitForJob(id, options);

/**
 * Lists jobs of the default queue, like {@link Queue.listJobs}.
 * @example await listJobs({ status: 'failed', limit: 10 });
 */
export const listJobs: Queue['listJobs'] = async (options) => defaultQueue().listJobs(options);

/**
 * Gives jobs of the default queue one after another, like {@link Queue.iterateJobs}.
 * @example for await (const job of iterateJobs()) count++;
 */
export async function* iterateJobs(
  ...args: Parameters<Queue['iterateJobs']>
): ReturnType<Queue['iterateJobs']> {
  yield* defaultQueue().iterateJobs(...args);
}

/**
 * Counts the jobs of the default queue, like {@link Queue.stats}.
 * @example const { due } = await stats();
 */
export const stats: Queue['stats'] = async () => defaultQueue().stats();

/**
 * Runs the due jobs of the default queue, like {@link Queue.processJobs}.
 * @example await processJobs({ email: send }, { linger: '55s' });
 */
export const processJobs: Queue['processJobs'] = async (handlers, options) =>
  defaultQueue().processJobs(handlers, options);
