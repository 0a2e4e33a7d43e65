/*
 * Helpers that several checks need, and that know no engine.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { HandlerEntries, Job, Queue, Summary, WorkerOptions } from 'tsvq';
import { type Child, startModule } from '../fixtures/children.js';
import type { Engine } from './engine.js';

/** Runs what is due. Attempts follow each other at once, and nothing is said on stderr. */
export const drain = (
  queue: Queue,
  handlers: Partial<HandlerEntries>,
  options: WorkerOptions = {},
): Promise<Summary> => queue.processJobs(handlers, { backoff: [0], logger: () => {}, ...options });

/** The same, but stays until `end` is called. */
export function stay(
  queue: Queue,
  handlers: Partial<HandlerEntries>,
  options: WorkerOptions = {},
): { end: () => Promise<Summary> } {
  const shutdown = new AbortController();
  const { signal } = shutdown;
  const over = drain(queue, handlers, { linger: Number.POSITIVE_INFINITY, ...options, signal });
  return {
    end: () => {
      shutdown.abort();
      return over;
    },
  };
}

/** A job that has to be there. */
export async function look(queue: Queue, id: string): Promise<Job> {
  const job = await queue.getJob(id);
  assert.ok(job, `job ${id} is not there`);
  return job;
}

/** Some fields of a job that has to be there. */
export async function fields<Field extends keyof Job>(
  queue: Queue,
  id: string,
  ...names: Field[]
): Promise<unknown[]> {
  const job = await look(queue, id);
  return names.map((name) => job[name]);
}

/** `type status` of each job, sorted. */
export const states = async (queue: Queue): Promise<string[]> =>
  (await queue.listJobs()).map(({ type, status }) => `${type} ${status}`).sort();

/** Resolves when the signal is aborted, whenever that was. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}

/** A timer may be a millisecond early by another clock. */
export function lasted(since: number, least: number, most = 20_000): void {
  const ms = performance.now() - since;
  assert.ok(ms >= least - 1, `${ms} ms are less than ${least}`);
  assert.ok(ms < most, `${ms} ms are more than ${most}`);
}

/** Whether a time lies in a range, both ends included. */
export function between(time: Date | undefined, earliest: number, latest: number): void {
  const ms = Number(time) - earliest;
  assert.ok(ms >= 0 && ms <= latest - earliest, `${ms} ms after the beginning of ${latest - earliest} ms`);
}

/** Starts a worker in a process of its own, on the same queue. It is gone after the test. */
export function startWorker(t: TestContext, engine: Engine, queue: Queue): Child {
  const path = fileURLToPath(new URL('worker.js', import.meta.url));
  const child = startModule(t, path, { address: engine.address(queue) });
  t.after(async () => {
    child.process.kill('SIGKILL');
    await child.ended;
  });
  return child;
}
