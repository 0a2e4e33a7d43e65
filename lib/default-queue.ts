import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { queuePath } from './job/checks.js';
import { TsvqError } from './job/errors.js';
import { openQueue, type Queue } from './queue.js';

/**
 * Where the default queue is: `QUEUE_FILE`, else data/queue.tsv beside the nearest package.json at or above
 * `from`.
 *
 * @throws TsvqError `NO_QUEUE_FILE`, or `INVALID_ARGUMENT` where QUEUE_FILE is an address
 */
export function defaultQueueFile(from: string = process.cwd()): string {
  const named = process.env.QUEUE_FILE;
  if (named) return resolve(from, queuePath('QUEUE_FILE', named));
  const project = nearestProject(from);
  if (project !== undefined) return join(project, 'data', 'queue.tsv');
  throw new TsvqError(
    'NO_QUEUE_FILE',
    `no package.json at or above ${resolve(from)} shows where data/queue.tsv would be; set QUEUE_FILE to its path`,
  );
}

/** The folder of the nearest package.json at or above `from`. */
export function nearestProject(from: string): string | undefined {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}

let opened: Queue | undefined;

/** The default queue, found and opened at the first use. */
function defaultQueue(): Queue {
  opened ??= openQueue(defaultQueueFile());
  return opened;
}

/** {@link Queue.enqueue} on the default queue. @example const id = await enqueue('email', { to: 'ann@example.com' }); */
export const enqueue: Queue['enqueue'] = async (type, ...rest) => defaultQueue().enqueue(type, ...rest);

/** {@link Queue.enqueueMany} on the default queue. @example await enqueueMany([{ type: 'email', payload: { to } }]); */
export const enqueueMany: Queue['enqueueMany'] = async (jobs) => defaultQueue().enqueueMany(jobs);

/** {@link Queue.getJob} on the default queue. @example const job = await getJob(id, { archive: true }); */
export const getJob: Queue['getJob'] = async (id, options) => defaultQueue().getJob(id, options);

/** {@link Queue.cancelJob} on the default queue. @example await cancelJob(id); */
export const cancelJob: Queue['cancelJob'] = async (id) => defaultQueue().cancelJob(id);

/** {@link Queue.retryJob} on the default queue. @example await retryJob(id); */
export const retryJob: Queue['retryJob'] = async (id) => defaultQueue().retryJob(id);

/** {@link Queue.listJobs} on the default queue. @example await listJobs({ status: 'failed', limit: 10 }); */
export const listJobs: Queue['listJobs'] = async (options) => defaultQueue().listJobs(options);

/** {@link Queue.iterateJobs} on the default queue. @example for await (const job of iterateJobs()) count++; */
export async function* iterateJobs(
  ...args: Parameters<Queue['iterateJobs']>
): ReturnType<Queue['iterateJobs']> {
  yield* defaultQueue().iterateJobs(...args);
}

/** {@link Queue.stats} on the default queue. @example const { due } = await stats(); */
export const stats: Queue['stats'] = async () => defaultQueue().stats();

/** {@link Queue.processJobs} on the default queue. @example await processJobs({ email: send }, { linger: '55s' }); */
export const processJobs: Queue['processJobs'] = async (handlers, options) =>
  defaultQueue().processJobs(handlers, options);
