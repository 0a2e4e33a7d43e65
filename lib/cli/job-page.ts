import type { Store } from '../file/store.js';
import type { Job } from '../job/job.js';
import type { Schedule } from '../job/schedule-spec.js';
import type { Queue } from '../queue.js';
import type { HistoryEntry } from '../view/history.js';
import { attemptsText, errorLinesOf, slotText } from '../view/job-text.js';
import { nextRunOf, whenOf } from '../view/schedule-text.js';
import { harmless, span, toSafeJson } from '../view/text.js';
import type { View } from '../view/view.js';
import { screenOf, writeOut } from './output.js';
import { type Colours, coloursOf } from './screen/colours.js';
import type { LooksNow } from './screen/looks.js';
import { type TimeOptions, timeTextOf } from './screen/times.js';
import { wrap } from './screen/width.js';
import { timeOf } from './shapes.js';
import { stepLines, timelineLines } from './timeline.js';

/** Prints all of a job for people. */
export async function printJob(
  job: Job,
  history: readonly HistoryEntry[],
  home: Home,
  { color, ...times }: TimeOptions & { color: boolean },
): Promise<void> {
  const looks = {
    now: Date.now(),
    time: timeTextOf(times),
    colours: coloursOf(color ? undefined : false),
    screen: await screenOf(),
  };
  writeOut(`${(await pageLines(job, history, home, looks)).join('\n')}\n`);
}

/** Where a job is. */
interface Home {
  readonly store: Store;
  readonly queue: Queue;
  readonly view: View;
}

/** Returns the lines of a job's page. They are harmless. */
export const pageLines = async (
  job: Job,
  history: readonly HistoryEntry[],
  home: Home,
  looks: LooksNow,
): Promise<string[]> => [
  ...(await jobLines(job, history, home, looks)),
  '',
  ...(await explanationLines(job, home.view, looks)),
  looks.colours.dim(`queue explain ${harmless(job.id)} names commands`),
];

/** Returns the lines that say why a job is where it is, and what happens next. */
export async function explanationLines(job: Job, view: View, looks: LooksNow): Promise<string[]> {
  const { why, next } = await view.explain(job, looks.now);
  return [why, next].flatMap((text) => wrapped(text, looks));
}

/** Returns the lines that say all that the file has of a job. */
export async function jobLines(
  job: Job,
  history: readonly HistoryEntry[],
  { store, queue, view }: Home,
  looks: LooksNow,
): Promise<string[]> {
  const all = job.status === 'recurring' ? await queue.listSchedules() : [];
  return [
    ...factLines(
      job,
      store,
      { schedule: all.find(({ id }) => id === job.id), parents: await parentsOf(job, view) },
      looks,
    ),
    ...timelineLines(history, looks),
    ...stepLines(await view.steps(job.id), looks),
    ...blockLines(job, looks),
  ];
}

/** Returns the jobs that a job waits for, or waited for, with their states. */
async function parentsOf(job: Job, view: View): Promise<string | undefined> {
  const parents = await view.parents(job);
  if (parents.length === 0) return undefined;
  return parents.map(({ id, job }) => `${id} (${job?.status ?? 'not in the file'})`).join(', ');
}

/** What the file says about a job besides its row. */
interface Context {
  readonly parents: string | undefined;
  /** Undefined for a job. */
  readonly schedule: Schedule | undefined;
}

/** Returns the fields of a job, or of a schedule, that fit on a line. */
function factLines(
  job: Job,
  store: Store,
  { schedule, parents }: Context,
  { now, time }: LooksNow,
): string[] {
  const ago = (at: Date | undefined): string | undefined =>
    at && `${time(at)}  (${relative(at.getTime(), now)})`;
  const worker = job.lockedBy && `${job.lockedBy}  (${store.processes.liveness(job.lockedBy)})`;
  const facts: [name: string, value: string | undefined][] = [
    ['id', job.id],
    ['type', job.type],
    ['status', [job.status, timeOf(job, now)].filter(Boolean).join(', ')],
    ['schedule', schedule === undefined ? madeBy(job) : `${schedule.name}, ${whenOf(schedule.spec)}`],
    ['next run', schedule && nextRunOf(schedule)],
    ['group', job.group],
    ['key', job.dedupeKey],
    ['after', parents],
    schedule === undefined ? ['attempts', attemptsText(job)] : ['jobs made', String(schedule.fired)],
    ['interrupted', job.interruptions > 0 ? `${job.interruptions} times in a row` : undefined],
    ['priority', String(job.priority)],
    ['time limit', job.timeout === undefined ? undefined : `${job.timeout / 1000} s`],
    ['created', ago(job.createdAt)],
    ['run at', schedule === undefined ? ago(job.runAt) : undefined],
    ['started', ago(job.startedAt)],
    ['finished', ago(job.finishedAt)],
    ['worker', worker],
  ];
  // An escaped line end doesn't look like another field.
  return facts.flatMap(([name, value]) =>
    value === undefined ? [] : `${name.padEnd(12)}${harmless(value)}`,
  );
}

/** Returns the fields of a job that take several lines. */
function blockLines({ meta, payload, result, error }: Job, { colours }: LooksNow): string[] {
  const blocks: [name: string, value: string | undefined][] = [
    ['labels', Object.keys(meta).length === 0 ? undefined : toSafeJson(meta, 2)],
    ['payload', payload === undefined ? undefined : toSafeJson(payload, 2)],
    ['result', result === undefined ? undefined : toSafeJson(result, 2)],
    ['error', error === undefined ? undefined : errorLines(error, colours).join('\n')],
  ];
  return blocks.flatMap(([name, value]) => (value === undefined ? [] : [name, ...indent(value).split('\n')]));
}

/** Returns the lines of an error: what failed stands out, and the frames of the stack stand back. */
const errorLines = (error: string, { bad, dim }: Colours): string[] =>
  errorLinesOf(error).map(({ text, kind }) =>
    kind === 'frame' ? dim(text) : kind === 'what' ? bad(text) : text,
  );

/** Says which schedule has made a job, and for which slot. */
const madeBy = (job: Job): string | undefined =>
  job.schedule === undefined ? undefined : `${job.schedule.name}, ${slotText(job)}`;

const indent = (text: string): string => text.trimEnd().replace(/^/gm, '  ');

const relative = (ms: number, now: number): string =>
  Number.isNaN(ms) ? 'beyond all dates' : ms > now ? `in ${span(ms - now)}` : `${span(now - ms)} ago`;

/** Breaks a text into lines that fit the terminal; without one, it stays a line. */
const wrapped = (text: string, { screen }: LooksNow): string[] =>
  screen === undefined ? [harmless(text)] : wrap(harmless(text), screen);
