import { type ErrorCode, TsvqError } from '../job/errors.js';
import type { Job, Status } from '../job/job.js';
import type { Queue } from '../queue.js';

/** A change of a job's state that a person requests. */
export interface Change {
  /** The participle that names the change in messages: `cancelled`. */
  readonly done: string;
  /** The jobs that allow the change, for messages: `only … can be cancelled`. */
  readonly wanted: string;
  /**
   * Makes the change.
   *
   * @param place the job's place among all, from 0 to less than 1
   * @returns false if the job's state forbids it
   * @throws TsvqError of {@link REFUSALS}
   */
  readonly apply: (queue: Queue, id: string, place: number) => Promise<boolean>;
}

/** A change of all jobs that a filter names. */
export interface FilterChange extends Change {
  /** The states of jobs that a filter without states looks in. */
  readonly states: readonly Status[];
  /** True for a job in these states that the change is for. Default: all. */
  readonly accepts?: (job: Job) => boolean;
}

/** The changes of jobs, by their names. */
export const CHANGES = {
  retry: {
    done: 'pending again:',
    wanted: 'failed and cancelled jobs can be retried',
    states: ['failed'],
    accepts: ({ dismissed }) => !dismissed,
    apply: (queue, id) => queue.retryJob(id),
  },
  cancel: {
    done: 'cancelled',
    wanted: 'waiting, pending and processing jobs can be cancelled',
    states: ['pending', 'waiting', 'processing'],
    apply: (queue, id) => queue.cancelJob(id),
  },
  promote: {
    done: 'due now:',
    wanted: 'pending jobs can be promoted',
    states: ['pending'],
    accepts: ({ runAt }) => runAt.getTime() > Date.now(),
    apply: (queue, id) => queue.promoteJob(id),
  },
  dismiss: {
    done: 'dismissed',
    wanted: 'failed jobs can be dismissed',
    states: ['failed'],
    accepts: ({ dismissed }) => !dismissed,
    apply: (queue, id) => queue.dismissJob(id),
  },
} as const satisfies Record<string, FilterChange>;

/**
 * Returns a retry whose jobs become due one after another.
 *
 * @param within the time in which all become due, in ms
 * @param options.delay the time before the first one, in ms
 * @param options.fromStart true to remove the jobs' recorded steps
 */
export const retryWithin = (
  within: number,
  { delay = 0, fromStart = false }: { delay?: number; fromStart?: boolean } = {},
): FilterChange => ({
  ...CHANGES.retry,
  // In equal steps, because chance makes heaps.
  apply: (queue, id, place) => queue.retryJob(id, { delay: delay + within * place, fromStart }),
});

/** Changes that are asked for together, so that they need one commit. */
const TOGETHER = 500;

/** What came of a change of several jobs. */
export interface Changed {
  readonly changed: number;
  /** The first error about one job; undefined if there was none. */
  readonly refusal: TsvqError | undefined;
}

/**
 * Changes jobs by their ids. Those that can't be changed don't keep the others from it. An error about all, like a lock
 * that can't be had, ends it; jobs before it are changed.
 */
export async function changeAll(queue: Queue, ids: readonly string[], { apply }: Change): Promise<Changed> {
  let changed = 0;
  let refusal: TsvqError | undefined;
  for (let i = 0; i < ids.length; i += TOGETHER) {
    const asked = ids.slice(i, i + TOGETHER).map((id, k) => apply(queue, id, (i + k) / ids.length));
    // All have ended before an error is thrown, so that a caller who counts them counts all.
    for (const answer of await Promise.allSettled(asked.map((change) => change.catch(toRefusal)))) {
      if (answer.status === 'rejected') throw answer.reason;
      if (answer.value === true) changed++;
      else if (answer.value !== false) refusal ??= answer.value;
    }
  }
  return { changed, refusal };
}

/** The refusals that concern one job: another job has its key, or it is a schedule. */
const REFUSALS: readonly ErrorCode[] = ['DUPLICATE_JOB', 'INVALID_ARGUMENT'];

/** Returns the error about one job. It must not keep the other jobs from their change. */
export function toRefusal(error: unknown): TsvqError {
  if (error instanceof TsvqError && REFUSALS.includes(error.code)) return error;
  throw error;
}

/** Says why a job could not be changed, by the state that it is in now. */
export async function whyNot(queue: Queue, id: string, { wanted }: Change): Promise<string> {
  const job = await queue.getJob(id);
  if (job === undefined) return `job ${id} is no longer in the file`;
  return `job ${id} is ${job.status}${job.dismissed ? ' and dismissed' : ''}; only ${wanted}`;
}
