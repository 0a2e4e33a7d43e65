import type { TestContext } from 'node:test';
import { scheduleId, slotId } from '../../../../lib/file/format/derived-id.js';
import { jobId, line, rowsOf } from '../../../support/queue-file.js';
import { openTest, type TestOptions, type TestQueue } from '../../../support/queues.js';

export const HOUR = 3_600_000;
/** When the tests' clock begins, in ms. */
export const START = Date.UTC(2030, 0, 1);

/** The id of the schedule that the tests declare. */
export const HOURLY = scheduleId('hourly');
/** The id of the job of its n-th slot after {@link START}. */
export const jobOfSlot = (n: number): string => slotId(HOURLY, START + n * HOUR);

/** A queue, with the ids of the jobs that its worker has run. */
export interface Scheduled extends TestQueue {
  readonly runs: string[];
  /** One tick of a worker. */
  readonly tick: () => Promise<unknown>;
}

/** Opens a queue whose worker notes what it runs. */
export function openScheduled(t: TestContext, options: TestOptions = {}, runs: string[] = []): Scheduled {
  const opened = openTest(t, { ...options });
  const tick = () => opened.queue.processJobs({ report: (_, { job }) => void runs.push(job.id) });
  return { ...opened, runs, tick };
}

/** A row for each job or schedule of the file that is one of ours, without those that make the file long. */
export const ownRows = (file: string): Record<string, string>[] =>
  rowsOf(file).filter(({ type }) => type === 'report');

/** Enough finished jobs for a compaction to seal them. */
export const bulk = (finished: number): string[] =>
  Array.from({ length: 400 }, (_, n) =>
    line({
      id: jobId(1000 + n),
      status: 'completed',
      version: 3,
      finished_at: finished / 1000,
      payload: JSON.stringify('x'.repeat(200)),
    }),
  );
