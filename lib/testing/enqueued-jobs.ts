import { AssertionError } from 'node:assert';
import { inspect } from 'node:util';
import type { Job } from '../job/job.js';
import type { Queue } from '../queue.js';
import { asJson, isLike } from './payload-like.js';

/** The most jobs that the message of a failed assertion lists. */
const MOST_LISTED = 20;

/** The jobs that were enqueued in a test, and what is asserted of them. */
export class EnqueuedJobs {
  readonly #queue: Queue;
  /** The jobs in the order in which they were added: a compaction moves finished ones to the front. */
  readonly #order = new Map<string, number>();

  constructor(queue: Queue) {
    this.#queue = queue;
  }

  /** Notes the order of jobs that are new since the last call. It is called before anything may compact the file. */
  async note(): Promise<Job[]> {
    const jobs = await this.#queue.listJobs();
    const unknown = jobs.filter(({ id }) => !this.#order.has(id));
    for (const { id } of unknown.sort((a, b) => Number(a.createdAt) - Number(b.createdAt)))
      this.#order.set(id, this.#order.size);
    return jobs;
  }

  readonly list = async (type?: string): Promise<Job[]> => {
    const jobs = await this.note();
    const found = type === undefined ? jobs : jobs.filter((job) => job.type === type);
    return found.sort((a, b) => (this.#order.get(a.id) as number) - (this.#order.get(b.id) as number));
  };

  readonly assertEnqueued = async (type: string, payload?: unknown): Promise<Job> => {
    const jobs = await this.list();
    const found = jobs.find((job) => fits(job, type, payload));
    if (found !== undefined) return found;
    throw new AssertionError({
      message: `no job of type ${type}${likeText(payload)} was enqueued; ${listText(jobs)}`,
      actual: jobs.filter((job) => job.type === type).map((job) => job.payload),
      expected: payload,
      operator: 'assertEnqueued',
    });
  };

  readonly assertNotEnqueued = async (type?: string, payload?: unknown): Promise<void> => {
    const found = (await this.list()).filter((job) => fits(job, type, payload));
    if (found.length === 0) return;
    const what = type === undefined ? 'no job' : `no job of type ${type}${likeText(payload)}`;
    throw new AssertionError({
      message: `${what} should have been enqueued; ${listText(found)}`,
      actual: found.map((job) => job.payload),
      expected: [],
      operator: 'assertNotEnqueued',
    });
  };
}

const fits = (job: Job, type: string | undefined, payload: unknown): boolean =>
  (type === undefined || job.type === type) &&
  (payload === undefined || isLike(job.payload, asJson(payload)));

const likeText = (payload: unknown): string =>
  payload === undefined ? '' : ` with a payload like ${partText(payload)}`;

/** Returns a part as JSON. One that JSON can't hold fits no payload, and is shown all the same. */
function partText(part: unknown): string {
  try {
    return JSON.stringify(part);
  } catch {
    return inspect(part);
  }
}

function listText(jobs: readonly Job[]): string {
  if (jobs.length === 0) return 'none was enqueued at all';
  const lines = jobs.slice(0, MOST_LISTED).map(({ type, payload }) => `  ${type} ${JSON.stringify(payload)}`);
  if (jobs.length > MOST_LISTED) lines.push(`  and ${jobs.length - MOST_LISTED} more`);
  return ['these were:', ...lines].join('\n');
}
