import { type Duration, duration, invalid } from '../job/checks.js';
import type { DefaultJobs } from '../job/job.js';
import type { WorkerOptions } from '../job/options.js';
import type { Queue } from '../queue.js';
import type { HandlerEntries, Summary } from '../runner/handler.js';
import type { MovableClock } from './clock.js';
import type { EnqueuedJobs } from './enqueued-jobs.js';

/** The options of {@link TestQueue.drain}: those of a worker, and how far the time is moved. */
export interface TestDrainOptions<Jobs = DefaultJobs> extends WorkerOptions<Jobs> {
  /**
   * By how much the clock is moved on: from one time at which a job is due to the next, so that delayed jobs, sleeping ones,
   * schedules and further attempts run as well. Default: 0.
   */
  advance?: Duration | undefined;
}

/** What a drain works with. */
interface Parts {
  readonly queue: Queue;
  readonly clock: MovableClock;
  readonly jobs: EnqueuedJobs;
}

/** Runs what is due, then moves the clock from one due time to the next. @returns the counts of all workers */
export async function drain(
  parts: Parts,
  handlers: Partial<HandlerEntries> | undefined,
  { advance = 0, ...options }: TestDrainOptions = {},
): Promise<Summary> {
  const { clock } = parts;
  const by = duration('advance', advance);
  if (handlers === undefined)
    throw invalid('handlers', handlers, 'an object of functions, here or in the options of testQueue');
  const sum = await work(parts, handlers, options);
  // From here, because what was just enqueued for then is a moment later than the call.
  const end = clock.now() + by;
  for (;;) {
    const next = await nextDue(parts, handlers);
    if (next > end) break;
    await clock.advance(Math.max(0, next - clock.now()));
    add(sum, await work(parts, handlers, options));
  }
  await clock.advance(Math.max(0, end - clock.now()));
  return sum;
}

async function work(
  { queue, jobs }: Parts,
  handlers: Partial<HandlerEntries>,
  options: WorkerOptions,
): Promise<Summary> {
  await jobs.note();
  return queue.processJobs(handlers, options);
}

/** Returns when the next job that has a handler is due, or the next schedule, in ms; Infinity for never. */
async function nextDue({ queue, clock }: Parts, handlers: Partial<HandlerEntries>): Promise<number> {
  const pending = await queue.listJobs({ status: 'pending' });
  const times = pending
    .filter(({ type }) => Object.hasOwn(handlers, type))
    .map(({ runAt }) => runAt.getTime());
  for (const { nextRun } of await queue.listSchedules()) if (nextRun) times.push(nextRun.getTime());
  // What is due already waits for something else: a pause, say.
  const now = clock.now();
  return Math.min(...times.filter((time) => time > now), Number.POSITIVE_INFINITY);
}

/** Adds the counts of a further worker, which knows best which types have no handler. */
function add(sum: Summary, { unhandled, ...counts }: Summary): void {
  for (const [name, count] of Object.entries(counts)) sum[name as keyof typeof counts] += count;
  sum.unhandled = unhandled;
}
