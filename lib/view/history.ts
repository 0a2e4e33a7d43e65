import { eventOf, type JobEventName } from '../job/job-event.js';
import type { JobVersion } from '../job/row-source.js';

/** Something that happened to a job, or is to happen. */
export interface HistoryEntry {
  /** `due`: the time from which it could start. */
  readonly event: JobEventName | 'due';
  /** Undefined if the file doesn't say when. */
  readonly at: Date | undefined;
  /** The number of the attempt that started or ended; undefined for what is no attempt's. */
  readonly attempt: number | undefined;
  /** What the attempt failed with. */
  readonly error: string | undefined;
  /** The worker that started it. */
  readonly worker: string | undefined;
}

/** How much later than it was added or changed a job is due, for that to be an entry of its own. */
const LATER_MS = 1000;

/** What starts or ends an attempt. */
const OF_ATTEMPTS: ReadonlySet<string> = new Set([
  'started',
  'completed',
  'failed',
  'retrying',
  'slept',
  'released',
]);

/**
 * Returns what the file still says of what happened to a job, in order.
 *
 * @param jobs its versions; the first ones may be missing
 * @param now in ms since 1970
 */
export function historyOf(jobs: readonly JobVersion[], now: number): HistoryEntry[] {
  const entries: HistoryEntry[] = [];
  const add = (event: HistoryEntry['event'], at: Date | undefined, job: JobVersion): void => {
    entries.push({
      event,
      at,
      attempt: OF_ATTEMPTS.has(event) && job.attempts > 0 ? job.attempts : undefined,
      error: event === 'failed' || event === 'retrying' ? job.error : undefined,
      worker: event === 'started' ? job.lockedBy : undefined,
    });
  };
  const addDue = (job: JobVersion): void => {
    const last = entries.findLast(({ at }) => at !== undefined)?.at;
    if (last === undefined || job.runAt.getTime() - last.getTime() > LATER_MS) add('due', job.runAt, job);
  };
  let before: JobVersion | undefined;
  for (const job of jobs) {
    const found = eventOf(before, job);
    // The rows before the first one are no longer in the file. It has some of what they said.
    if (before === undefined && found?.event !== 'added') {
      add('added', job.createdAt, job);
      if (job.startedAt !== undefined && found?.event !== 'started') {
        if (job.status !== 'pending') addDue(job);
        add('started', job.startedAt, job);
      }
    }
    if (found?.event === 'started') addDue(before ?? job);
    // The row of a retry for later has only its start, which says nothing of when it was written.
    const isAhead = found?.event === 'retried' && Number(found.at) > now;
    if (found !== undefined) add(found.event, isAhead ? undefined : found.at, job);
    before = job;
  }
  if (before?.status === 'pending') addDue(before);
  return entries;
}
