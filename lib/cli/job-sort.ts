import TinyQueue from 'tinyqueue';
import { type Job, STATUSES } from '../job/job.js';
import { usageError } from './exit.js';
import { didYouMean } from './nearest.js';

/** What jobs can be sorted by. A job without the value comes last. */
const FIELDS: Record<string, (job: Job) => number | string | undefined> = {
  created: ({ createdAt }) => createdAt.getTime(),
  run_at: ({ runAt }) => runAt.getTime(),
  started: ({ startedAt }) => startedAt?.getTime(),
  finished: ({ finishedAt }) => finishedAt?.getTime(),
  duration: (job) => durationOf(job, Date.now()),
  attempts: ({ attempts }) => attempts,
  type: ({ type }) => type,
  status: ({ status }) => STATUSES.indexOf(status),
};

/** The names of {@link FIELDS}. */
export const SORT_FIELDS: readonly string[] = Object.keys(FIELDS);

/** Returns how long a job ran at last, or has run, in ms; undefined if it never started. */
export function durationOf({ status, startedAt, finishedAt }: Job, now: number): number | undefined {
  if (startedAt === undefined) return undefined;
  const end = status === 'processing' ? now : finishedAt?.getTime();
  return end === undefined ? undefined : end - startedAt.getTime();
}

/** A job, the value that it is sorted by, and its place among all. */
interface Entry {
  readonly job: Job;
  readonly value: number | string | undefined;
  readonly place: number;
}

/** Compares jobs in their order; less than 0 if `a` comes first. */
export type Order = (a: Entry, b: Entry) => number;

/**
 * Reads an order of jobs: a field, with a `-` before it for descending.
 *
 * @throws CliError (usage) for an unknown field
 */
export function orderOf(sort: string, reverse: boolean): { by: (job: Job) => Entry['value']; order: Order } {
  const name = sort.replace(/^-/, '').replace(/(?<!run)_at$/, '');
  const by = FIELDS[name];
  if (by === undefined || !Object.hasOwn(FIELDS, name)) {
    const hint = didYouMean(name, SORT_FIELDS);
    throw usageError(
      `--sort is ${JSON.stringify(sort)}; it must be one of ${SORT_FIELDS.join(', ')}${hint && `; ${hint}`}`,
    );
  }
  const sign = sort.startsWith('-') !== reverse ? -1 : 1;
  const order: Order = (a, b) => {
    const [x, y] = [a.value, b.value];
    if (isMissing(x) || isMissing(y)) return Number(isMissing(x)) - Number(isMissing(y)) || a.place - b.place;
    return x === y ? a.place - b.place : (x as number) < (y as number) ? -sign : sign;
  };
  return { by, order };
}

const isMissing = (value: Entry['value']): boolean => value === undefined || Number.isNaN(value);

/** Sorts jobs. With a limit, it holds no more of them than that. */
export async function sorted(
  jobs: AsyncIterable<Job>,
  { by, order }: ReturnType<typeof orderOf>,
  limit: number,
): Promise<Job[]> {
  // The last of the kept jobs is on top, and leaves first.
  const kept = new TinyQueue<Entry>([], (a, b) => order(b, a));
  let place = 0;
  for await (const job of jobs) {
    const entry = { job, value: by(job), place: place++ };
    if (kept.length < limit) kept.push(entry);
    else {
      const last = kept.peek();
      if (last === undefined || order(entry, last) > 0) continue;
      kept.pop();
      kept.push(entry);
    }
  }
  return kept.data.sort(order).map(({ job }) => job);
}
