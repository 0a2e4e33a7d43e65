import { escapeText } from '../file/format/text.js';
import type { Job, Status } from '../job/job.js';
import { lasting } from '../view/numbers.js';
import { firstLine, span, toSafeJson } from '../view/text.js';
import { usageError } from './exit.js';
import { durationOf } from './job-sort.js';
import { didYouMean } from './nearest.js';
import type { Field, Shape } from './output.js';
import type { Colours } from './screen/colours.js';
import type { Column } from './screen/table.js';
import type { TimeText } from './screen/times.js';
import { timeOf } from './shapes.js';

/** What a table of jobs needs to know besides the jobs. */
export interface Looks {
  readonly now: number;
  readonly time: TimeText;
  /** The width of the terminal; undefined if there is none. */
  readonly screen: number | undefined;
  readonly colours: Colours | undefined;
}

/** A column of a list of jobs, for people and for `plain`. */
interface JobColumn extends Omit<Column<Job>, 'cell' | 'head'> {
  readonly head?: string;
  readonly cell?: (job: Job) => string;
  readonly plain: (job: Job) => Field;
}

/** From this width of the terminal on, ids are shown in full. */
const WIDE = 100;
/** How much of an id tells a person which job it is. */
const SHORT_ID = 8;
/** How much of a payload or result a table shows at most. */
const MOST_JSON = 200;

const json = (value: unknown): string => (value === undefined ? '' : toSafeJson(value));

/** The columns that a table has unless a person chooses some. */
const USUAL = ['id', 'type', 'status', 'attempts', 'run_at', 'time', 'ended', 'error', 'payload'];

/** The columns that are the same on every screen. */
const FIXED = {
  type: { plain: ({ type }) => type, least: 8 },
  attempts: { plain: ({ attempts }) => attempts, rank: 4, needsRoom: true },
  priority: { plain: ({ priority }) => priority, isRight: true },
  error: {
    plain: ({ error = '' }) => escapeText(error),
    cell: ({ error = '' }) => firstLine(error),
    ...{ rank: 2, least: 18 },
  },
  key: { plain: ({ dedupeKey }) => dedupeKey, least: 8 },
  group: { plain: ({ group }) => group, least: 8 },
  after: { plain: ({ after }) => after.join(' '), least: 8 },
  labels: { plain: ({ meta }) => (Object.keys(meta).length === 0 ? '' : toSafeJson(meta)), least: 10 },
  worker: { plain: ({ lockedBy }) => lockedBy, least: 8 },
  result: {
    plain: ({ result }) => json(result),
    cell: ({ result }) => json(result).slice(0, MOST_JSON),
    least: 12,
  },
  payload: {
    plain: ({ payload }) => json(payload),
    cell: ({ payload }) => json(payload).slice(0, MOST_JSON),
    ...{ rank: 7, least: 16, isExtra: true, needsRoom: true },
  },
} satisfies Record<string, JobColumn>;

/** Returns all columns by their names. */
const columnsFor = (looks: Looks): Record<string, JobColumn> => ({
  id: idColumn(looks),
  status: statusColumn(looks),
  ...timeColumns(looks),
  ...FIXED,
});

function idColumn({ screen }: Looks): JobColumn {
  const isNarrow = screen !== undefined && screen < WIDE;
  return {
    plain: ({ id }) => id,
    cell: ({ id }) => (isNarrow && /^[0-9a-f]{16}$/.test(id) ? id.slice(0, SHORT_ID) : id),
  };
}

function statusColumn({ colours }: Looks): JobColumn {
  const colourOf: Partial<Record<Status, (text: string) => string>> = colours
    ? {
        ...{ failed: colours.bad, completed: colours.good, cancelled: colours.dim },
        processing: colours.strong,
      }
    : {};
  return { plain: ({ status }) => status, colour: ({ status }) => colourOf[status] };
}

/** Returns the columns of times, and of how long something lasts. */
function timeColumns({ now, time }: Looks): Record<string, JobColumn> {
  const date = (of: (job: Job) => Date | undefined): JobColumn => ({
    plain: of,
    cell: (job) => {
      const value = of(job);
      return value === undefined ? '' : time(value);
    },
  });
  return {
    created: date(({ createdAt }) => createdAt),
    run_at: { ...date(({ runAt }) => runAt), rank: 6, needsRoom: true },
    started: date(({ startedAt }) => startedAt),
    finished: date(({ finishedAt }) => finishedAt),
    time: { plain: (job) => timeOf(job, now), rank: 1, least: 9 },
    ended: {
      ...{ rank: 3, isExtra: true, plain: ({ finishedAt }) => finishedAt },
      cell: ({ finishedAt }) =>
        finishedAt === undefined ? '' : `${span(Math.max(0, now - finishedAt.getTime()))} ago`,
    },
    duration: {
      plain: (job) => secondsOf(durationOf(job, now)),
      cell: (job) => {
        const ms = durationOf(job, now);
        return ms === undefined || Number.isNaN(ms) ? '' : lasting(ms);
      },
      isRight: true,
    },
  };
}

const secondsOf = (ms: number | undefined): number | undefined =>
  ms === undefined || Number.isNaN(ms) ? undefined : ms / 1000;

/** The names of all columns. */
export const COLUMN_NAMES: readonly string[] = Object.keys(
  columnsFor({ now: 0, time: String, screen: undefined, colours: undefined }),
);

/** The columns' names in the file, where they differ. */
const FILE_NAMES: Record<string, string> = {
  ...{ created_at: 'created', started_at: 'started', finished_at: 'finished' },
  ...{ dedupe_key: 'key', meta: 'labels', locked_by: 'worker' },
};

/** Reads the option `--columns`. @throws CliError (usage) for an unknown name */
export function columnNames(text: string): string[] {
  return text.split(',').map((given) => {
    const name = FILE_NAMES[given.trim()] ?? given.trim();
    if (COLUMN_NAMES.includes(name)) return name;
    const hint = didYouMean(name, COLUMN_NAMES);
    throw usageError(
      `--columns has ${JSON.stringify(given)}; the columns are ${COLUMN_NAMES.join(', ')}${hint && `; ${hint}`}`,
    );
  });
}

/** The fields of `plain` unless a person chooses some. The help of `list` names them. */
const PLAIN = [
  ...['id', 'type', 'status', 'attempts', 'run_at', 'created', 'started', 'finished', 'error'],
  ...['key', 'after', 'labels', 'group'],
];

/** Returns the shape of jobs in a list. @param chosen the columns that a person wants, in their order; all of them are shown */
export function jobShape(looks: Looks, chosen?: readonly string[]): Shape<Job> {
  const all = columnsFor(looks);
  const plain = (chosen ?? PLAIN).map((name) => (all[name] as JobColumn).plain);
  return {
    columns: (chosen ?? USUAL).map((name) => {
      const { cell, plain, head = name.replace('_', ' ').toUpperCase(), ...column } = all[name] as JobColumn;
      const shown = { ...column, head, cell: cell ?? ((job: Job) => String(plain(job) ?? '')) };
      return chosen === undefined ? shown : { ...shown, rank: 0, isExtra: false, needsRoom: false };
    }),
    plain: (job) => plain.map((field) => field(job)),
  };
}
