import type Papa from 'papaparse';
import { isScheduleKey } from '../../file/format/key-name.js';
import { escapeText } from '../../file/format/text.js';
import { dependency } from '../../job/dependency.js';
import type { Job } from '../../job/job.js';
import { exactSpan, harmless, toSafeJson } from '../../view/text.js';
import type { MovedFormat } from './records.js';

/** About how many characters a piece has. */
const PIECE = 256 * 1024;
/** How many rows of CSV are joined at once. */
const ROWS = 200;

/** How jobs are written. */
export interface WritingRules {
  readonly format: MovedFormat;
  readonly hasHeader: boolean;
  /** True for a terminal, which must not obey what jobs hold. */
  readonly isHarmless: boolean;
}

const dateText = (date: Date | undefined): string =>
  date === undefined || Number.isNaN(date.getTime()) ? '' : date.toISOString();
const jsonText = (value: unknown): string => (value === undefined ? '' : toSafeJson(value));
const numberText = (value: number | undefined): string => (value === undefined ? '' : String(value));

/** What a file has of a job, in the order of its columns: as a text, and as a value of JSON if that is another one. */
const COLUMNS: readonly (readonly [
  name: string,
  text: (job: Job) => string,
  json?: (job: Job) => unknown,
])[] = [
  ['id', ({ id }) => id],
  ['type', ({ type }) => type],
  ['payload', ({ payload }) => toSafeJson(payload), ({ payload }) => payload],
  ['status', ({ status }) => status],
  ['created_at', ({ createdAt }) => dateText(createdAt)],
  ['run_at', ({ runAt }) => dateText(runAt)],
  ['attempts', ({ attempts }) => String(attempts), ({ attempts }) => attempts],
  ['error', ({ error = '' }) => error],
  ['result', ({ result }) => jsonText(result), ({ result }) => result],
  ['priority', ({ priority }) => String(priority), ({ priority }) => priority],
  ['max_attempts', ({ maxAttempts }) => numberText(maxAttempts), ({ maxAttempts }) => maxAttempts],
  ['forgiven', ({ forgiven }) => String(forgiven), ({ forgiven }) => forgiven],
  ['timeout', ({ timeout }) => (timeout === undefined ? '' : exactSpan(timeout))],
  // A schedule's own key can't be given to a job.
  ['dedupe_key', ({ dedupeKey = '' }) => (isScheduleKey(dedupeKey) ? '' : dedupeKey)],
  ['started_at', ({ startedAt }) => dateText(startedAt)],
  ['finished_at', ({ finishedAt }) => dateText(finishedAt)],
  ['group', ({ group = '' }) => group],
  ['after', ({ after }) => after.join(' '), ({ after }) => (after.length === 0 ? undefined : after)],
  [
    'meta',
    ({ meta }) => (hasNames(meta) ? toSafeJson(meta) : ''),
    ({ meta }) => (hasNames(meta) ? meta : undefined),
  ],
  ['schedule', ({ schedule }) => schedule?.name ?? ''],
];

const hasNames = (meta: object): boolean => Object.keys(meta).length > 0;

/** Yields the text of jobs, in pieces. @param counted called for each job */
export async function* textOf(
  jobs: AsyncIterable<Job>,
  { format, hasHeader, isHarmless }: WritingRules,
  counted: () => void,
): AsyncIterableIterator<string> {
  const lines = format === 'jsonl' ? jsonLines : format === 'csv' ? csvLines : tabLines;
  let rows: Job[] = [];
  let text = hasHeader && format !== 'jsonl' ? headOf(format) : '';
  for await (const job of jobs) {
    counted();
    rows.push(job);
    if (rows.length < ROWS) continue;
    text += lines(rows, isHarmless);
    rows = [];
    if (text.length < PIECE) continue;
    yield text;
    text = '';
  }
  yield text + lines(rows, isHarmless);
}

const headOf = (format: MovedFormat): string =>
  `${COLUMNS.map(([name]) => name).join(format === 'csv' ? ',' : '\t')}\n`;

const jsonLines = (jobs: readonly Job[]): string =>
  jobs
    .map((job) => `${toSafeJson(Object.fromEntries(COLUMNS.flatMap((column) => entryOf(column, job))))}\n`)
    .join('');

function entryOf([name, text, json]: (typeof COLUMNS)[number], job: Job): [string, unknown][] {
  const value = json === undefined ? text(job) || undefined : json(job);
  return value === undefined ? [] : [[name, value]];
}

const cellsOf = (job: Job, isHarmless: boolean): string[] =>
  COLUMNS.map(([, text]) => (isHarmless ? harmless(text(job)) : text(job)));

/** Writes rows as the queue file has them. */
const tabLines = (jobs: readonly Job[], isHarmless: boolean): string =>
  jobs
    .map(
      (job) => `${cellsOf({ ...job, error: job.error && escapeText(job.error) }, isHarmless).join('\t')}\n`,
    )
    .join('');

/**
 * What a spreadsheet takes for a formula, unless it is a number. Such a cell gets an apostrophe before it, and so does
 * one that has apostrophes before that, or before a number, so that an import can take away exactly what was added.
 */
const FORMULA = /^(?:'+[=+\-@\t\r]|[=+\-@\t\r](?!\d*\.?\d*(e[+-]?\d+)?$))/i;

let papa: typeof Papa | undefined;

function csvLines(jobs: readonly Job[], isHarmless: boolean): string {
  if (jobs.length === 0) return '';
  papa ??= dependency<typeof Papa>('papaparse', () => require('papaparse'));
  const rows = jobs.map((job) => cellsOf(job, isHarmless));
  return `${papa.unparse(rows, { newline: '\n', escapeFormulae: FORMULA })}\n`;
}
