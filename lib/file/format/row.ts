import type Papa from 'papaparse';
import { dependency } from '../../job/dependency.js';
import type { Job, Status } from '../../job/job.js';
import { type Layout, newLayout } from './columns.js';
import { type OwnMeta, readOwnMeta, writeOwnMeta } from './meta.js';
import { parseJson } from './parse-json.js';
import { escapeText, unescapeText } from './text.js';

let papa: typeof Papa | undefined;

/** One row: its fields as they stand in the file, in the order of its header. */
export type Row = string[];

const AS_IS = { delimiter: '\t', newline: '\n', fastMode: true, skipEmptyLines: true } as const;

/**
 * Rows from lines. fastMode is a pure split at tabs and line ends: without it a single `"` would change how the
 * rest of the file is read.
 */
export function splitRows(text: string): Row[] {
  papa ??= dependency<typeof Papa>('papaparse', () => require('papaparse'));
  const { data } = papa.parse<Row>(text, AS_IS);
  for (const row of data) trimEnd(row);
  return data;
}

/** Without the CR or the spaces that an editor left at the end of the line. */
function trimEnd(row: Row): void {
  const last = row.length - 1;
  const field = row[last] as string;
  // Not by a pattern: that takes minutes for a few MiB of spaces which are not at the end.
  let length = field.length;
  while (field[length - 1] === '\r' || field[length - 1] === ' ') length--;
  row[last] = field.slice(0, length);
}

export const joinRow = (row: Row): string => `${row.join('\t')}\n`;

let lastMs = Number.NaN;
let lastSeconds = '';

/** Unix seconds as they stand in the file: to the millisecond, without needless zeros. */
export function seconds(ms: number): string {
  // The rows of one commit share their times, and writing out a fraction is slow.
  if (ms !== lastMs) {
    lastMs = ms;
    lastSeconds = String(Math.round(ms) / 1000);
  }
  return lastSeconds;
}

/** A job to be: checked, its payload JSON text, its times in ms. */
export interface NewJobRow {
  readonly type: string;
  readonly payload: string;
  readonly createdAt: number;
  readonly runAt: number;
  readonly priority: number;
  readonly maxAttempts?: number | undefined;
  readonly timeout?: number | undefined;
}

/** A pending job's first row. */
export function newRow(id: string, job: NewJobRow, layout: Layout): Row {
  const { at } = layout;
  const row = new Array<string>(layout.names.length).fill('');
  row[at.id] = id;
  row[at.type] = job.type;
  row[at.payload] = job.payload;
  row[at.status] = 'pending';
  row[at.created_at] = seconds(job.createdAt);
  row[at.run_at] = seconds(job.runAt);
  row[at.attempts] = '0';
  row[at.priority] = String(job.priority);
  row[at.max_attempts] = job.maxAttempts === undefined ? '' : String(job.maxAttempts);
  row[at.forgiven] = '0';
  row[at.timeout] = job.timeout === undefined ? '' : seconds(job.timeout);
  row[at.version] = '1';
  return row;
}

/** The fields that a change of state may set; what it leaves out stays. Times in ms, `''` empties a field. */
export interface Change {
  status: Status;
  attempts?: number;
  forgiven?: number;
  runAt?: number;
  error?: string;
  result?: string;
  lockedBy?: string;
  startedAt?: number | '';
  finishedAt?: number | '';
  followUps?: string;
  /** The time limit of the claim, in ms. */
  claimTimeout?: number;
  /** Entries of the queue's own in `meta`; where the field can't hold them, it stays as it is. */
  meta?: OwnMeta;
}

/** The row that supersedes `row`: the same job in its next state, one version on. */
export function nextRow(row: Row, change: Change, layout: Layout): Row {
  const { at } = layout;
  const next = row.slice();
  next[at.status] = change.status;
  if (change.attempts !== undefined) next[at.attempts] = String(change.attempts);
  if (change.forgiven !== undefined) next[at.forgiven] = String(change.forgiven);
  if (change.runAt !== undefined) next[at.run_at] = seconds(change.runAt);
  if (change.error !== undefined) next[at.error] = change.error === '' ? '' : escapeText(change.error);
  if (change.result !== undefined) next[at.result] = change.result;
  if (change.lockedBy !== undefined) next[at.locked_by] = change.lockedBy;
  if (change.startedAt !== undefined)
    next[at.started_at] = change.startedAt === '' ? '' : seconds(change.startedAt);
  if (change.finishedAt !== undefined)
    next[at.finished_at] = change.finishedAt === '' ? '' : seconds(change.finishedAt);
  if (change.followUps !== undefined) next[at.follow_ups] = change.followUps;
  if (change.claimTimeout !== undefined) next[at.claim_timeout] = seconds(change.claimTimeout);
  if (change.meta !== undefined) {
    const field = row[at.meta] ?? '';
    next[at.meta] = writeOwnMeta(field, change.meta) ?? field;
  }
  next[at.version] = String(number(row[at.version], 0) + 1);
  return next;
}

/** A number in a field; `otherwise` where it is empty or none. */
export function number(field: string | undefined, otherwise: number): number {
  if (field === undefined || field === '') return otherwise;
  const value = Number(field);
  return Number.isFinite(value) ? value : otherwise;
}

const optional = (field: string | undefined): number | undefined => {
  const value = number(field, Number.NaN);
  return Number.isNaN(value) ? undefined : value;
};

const date = (field: string | undefined): Date | undefined => {
  const value = optional(field);
  return value === undefined ? undefined : new Date(value * 1000);
};

/** What a row says of its job. A payload or result that a hand edit left as no JSON, or with a number that
 * JavaScript can't hold, is given as its text. */
export function toJob(row: Row, layout: Layout = newLayout()): Job {
  const { at } = layout;
  const timeout = optional(row[at.timeout]);
  const error = row[at.error] as string;
  const meta = row[at.meta];
  return {
    id: row[at.id] as string,
    type: row[at.type] as string,
    payload: jsonOrText(row[at.payload] as string),
    status: row[at.status] as Status,
    createdAt: date(row[at.created_at]) ?? new Date(0),
    runAt: date(row[at.run_at]) ?? new Date(0),
    attempts: number(row[at.attempts], 0),
    forgiven: number(row[at.forgiven], 0),
    interruptions: meta ? (readOwnMeta(meta)['@interruptions'] ?? 0) : 0,
    maxAttempts: optional(row[at.max_attempts]),
    timeout: timeout === undefined ? undefined : timeout * 1000,
    priority: number(row[at.priority], 0),
    // A file from before there were versions doesn't escape its error texts.
    error: error === '' ? undefined : at.version < 0 ? error : unescapeText(error),
    result: jsonOrText(row[at.result] as string),
    lockedBy: row[at.locked_by] || undefined,
    startedAt: date(row[at.started_at]),
    finishedAt: date(row[at.finished_at]),
  };
}

function jsonOrText(field: string): unknown {
  if (field === '') return undefined;
  try {
    return parseJson(field, '');
  } catch {
    return field;
  }
}
