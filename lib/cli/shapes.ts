import { escapeText } from '../file/format/text.js';
import { isFinal, type Job } from '../job/job.js';
import { firstLine, isoSeconds, span } from './format.js';
import type { Field, Shape } from './output.js';

/** Returns the shape of jobs in a list. */
export const jobShape = (now: number): Shape<Job> => ({
  head: ['ID', 'TYPE', 'STATUS', 'ATTEMPTS', 'RUN AT', 'TIME', 'ERROR'],
  cells: (job) => [
    job.id,
    job.type,
    job.status,
    String(job.attempts),
    isoSeconds(job.runAt),
    timeOf(job, now),
    firstLine(job.error ?? ''),
  ],
  plain: jobFields,
});

/** Returns a job's `plain` fields; the help of `list` names them. */
const jobFields = (job: Job): Field[] => [
  job.id,
  job.type,
  job.status,
  job.attempts,
  job.runAt,
  job.createdAt,
  job.startedAt,
  job.finishedAt,
  escapeText(job.error ?? ''),
];

/** Says how long a job waited, must wait, runs, or ran. */
export function timeOf({ status, runAt, startedAt, finishedAt }: Job, now: number): string {
  if (status === 'pending') {
    const late = now - runAt.getTime();
    if (Number.isNaN(late)) return '';
    return late >= 0 ? `due ${span(late)}` : `in ${span(-late)}`;
  }
  if (startedAt === undefined) return '';
  if (!isFinal(status)) return `runs ${span(now - startedAt.getTime())}`;
  return finishedAt === undefined ? '' : `took ${span(finishedAt.getTime() - startedAt.getTime())}`;
}
