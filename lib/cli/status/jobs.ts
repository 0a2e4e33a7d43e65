import type { Job } from '../../job/job.js';
import { progressLine } from '../../view/job-text.js';
import { lasting } from '../../view/numbers.js';
import type { Snapshot } from '../../view/snapshot.js';
import { firstLine, harmless } from '../../view/text.js';
import type { View } from '../../view/view.js';
import { DEAD, workerOf } from '../../view/worker-text.js';
import type { Colours } from '../screen/colours.js';
import { type Column, tableLines } from '../screen/table.js';
import { fit, widthOf } from '../screen/width.js';
import { spread, titleLine } from './problems.js';

/** How much of an id tells a person which job it is. */
const SHORT_ID = 8;
/** How many jobs and groups each section shows. */
const MOST_RUNNING = 10;
const MOST_RETRIES = 4;
const MOST_GROUPS = 8;
/** From this width on, the ids of groups have room. */
const WITH_GROUP_IDS = 80;

/** What the sections below need. */
export interface Screen {
  readonly view: View;
  readonly columns: number;
  readonly colours: Colours;
}

const idColumn: Column<Job> = { head: '', cell: ({ id }) => `  ${id.slice(0, SHORT_ID)}` };
const typeColumn: Column<Job> = { head: '', cell: ({ type }) => harmless(type), least: 12 };

const progressColumn: Column<Job> = {
  head: '',
  cell: ({ progress }) => (progress === undefined ? '' : progressLine(progress)),
  least: 8,
};

/** Returns the table of jobs without its empty head. */
const rowsOf = (jobs: readonly Job[], shape: readonly Column<Job>[], columns: number): string[] =>
  tableLines(jobs, shape, columns).slice(1);

/** Returns the jobs that run, the longest first; none if nothing runs. */
export function runningLines(
  { running, counts, at }: Snapshot,
  { view, columns, colours }: Screen,
): string[] {
  const jobs = view.jobs(running.slice(0, MOST_RUNNING));
  if (jobs.length === 0) return [];
  const worker = (job: Job): string => workerOf(job, view);
  return [
    titleLine('Running', counts.processing, colours),
    ...rowsOf(
      jobs,
      [
        idColumn,
        typeColumn,
        { head: '', isRight: true, cell: (job) => lasting(at.getTime() - Number(job.startedAt)) },
        { head: '', rank: 1, cell: ({ attempts }) => `attempt ${attempts}` },
        {
          head: '',
          cell: worker,
          least: 14,
          colour: (job) => (worker(job) === DEAD ? colours.bad : undefined),
        },
        ...(jobs.some(({ progress }) => progress !== undefined) ? [progressColumn] : []),
      ],
      columns,
    ),
    '',
  ];
}

/** Returns the jobs that are tried again next; none if no job is. */
export function retryLines({ retries, counts, at }: Snapshot, { view, columns, colours }: Screen): string[] {
  const jobs = view.jobs(retries.slice(0, MOST_RETRIES));
  if (jobs.length === 0) return [];
  return [
    titleLine('Next retries', counts.retrying, colours),
    ...rowsOf(
      jobs,
      [
        idColumn,
        typeColumn,
        { head: '', isRight: true, cell: ({ runAt }) => `in ${lasting(runAt.getTime() - at.getTime())}` },
        { head: '', rank: 1, cell: ({ attempts }) => `tried ${attempts}×` },
        { head: '', least: 10, cell: ({ error }) => harmless(firstLine(error ?? '', 200)) },
      ],
      columns,
    ),
    '',
  ];
}

/** Returns the groups of failures, with the types and the time of the newest; none if nothing failed. */
export function failureLines({ failures, at }: Snapshot, { columns, colours }: Screen): string[] {
  if (failures.length === 0) return [];
  const hasIds = columns >= WITH_GROUP_IDS;
  const lines = [
    titleLine('Failures by what they have in common', undefined, colours),
    colours.dim(`   HOUR   ALL${hasIds ? '  ID' : ''}`),
  ];
  for (const { id, lastHour, jobs, text, types, newest } of failures.slice(0, MOST_GROUPS)) {
    const counts = `${String(lastHour).padStart(7)}${String(jobs).padStart(6)}  ${hasIds ? `${id}  ` : ''}`;
    const others = types.length > 1 ? ` and ${types.length - 1} more` : '';
    const when = Number.isNaN(newest.getTime())
      ? ''
      : `, ${lasting(Math.max(0, at.getTime() - newest.getTime()))} ago`;
    const who = harmless(`${types[0]}${others}${when}`);
    const most = columns - counts.length;
    const room = most - widthOf(who);
    if (room >= widthOf(text) || room > 30)
      lines.push(`${counts}${spread(harmless(text), who, columns - counts.length)}`);
    else
      lines.push(
        counts + spread(harmless(text), '', columns - counts.length).trimEnd(),
        ' '.repeat(counts.length) + colours.dim(fit(who, most)),
      );
  }
  return [...lines, ''];
}
