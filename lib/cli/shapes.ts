import { isFinal, type Job } from '../job/job.js';
import { span, toSafeJson } from '../view/text.js';
import type { Field } from './output.js';

/** Returns a job's key, the jobs that it waits for, its labels and its group, as `plain` fields named like the file's columns. */
export const joinFields = ({ dedupeKey, after, meta, group }: Job): [name: string, value: Field][] => [
  ['dedupe_key', dedupeKey],
  ['after', after.join(' ')],
  ['meta', Object.keys(meta).length === 0 ? '' : toSafeJson(meta)],
  ['group', group],
];

/** How much of an id tells a person which job it is. */
const SHORT_ID = 4;

/** The times from the year 3000 on, which a schedule without a next slot has. */
const isNever = (time: Date): boolean => time.getUTCFullYear() >= 3000;

/** Says how long a job waited, must wait, runs, or ran, or which jobs it waits for; of a schedule, when its next slot is. */
export function timeOf(job: Job, now: number): string {
  const { status, runAt, startedAt, finishedAt, after } = job;
  if (job.dismissed)
    return ['dismissed', timeOf({ ...job, dismissed: false }, now)].filter(Boolean).join(', ');
  if (status === 'waiting')
    return after.length === 0 ? '' : `after ${after.map((id) => `${id.slice(0, SHORT_ID)}…`).join(', ')}`;
  if (status === 'recurring' && isNever(runAt)) return 'no next slot';
  if (status === 'pending' || status === 'recurring') {
    const late = now - runAt.getTime();
    if (Number.isNaN(late)) return '';
    return late >= 0 ? `due ${span(late)}` : `in ${span(-late)}`;
  }
  if (startedAt === undefined) return '';
  if (!isFinal(status)) return `runs ${span(now - startedAt.getTime())}`;
  return finishedAt === undefined ? '' : `took ${span(finishedAt.getTime() - startedAt.getTime())}`;
}
