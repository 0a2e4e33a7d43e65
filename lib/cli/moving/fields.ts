import { findInexact, parseJson, tellInexact } from '../../file/format/parse-json.js';
import type { JobRequest } from '../../file/operations/new-job.js';
import { countText, durationText, invalid } from '../../job/checks.js';
import { errorMessage, TsvqError } from '../../job/errors.js';
import { isFinal, STATUSES, type Status } from '../../job/job.js';
import type { EnqueueOptions } from '../../job/job-options.js';
import { instantOf } from '../job-texts.js';
import { labelsOf } from '../labels.js';
import { nearest } from '../nearest.js';
import type { InputRecord } from './records.js';

/** What a value becomes in the request of a job. */
type Take = (request: Draft, value: unknown, name: string, isText: boolean) => void;

/** A request in the making. */
interface Draft {
  type: string | undefined;
  payload: unknown;
  options: EnqueueOptions;
}

const text = (name: string, value: unknown): string => {
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  throw invalid(name, value, 'a text');
};

/** The columns that say something of a new job. */
const TAKEN: Readonly<Record<string, Take>> = {
  type: (draft, value, name) => {
    draft.type = text(name, value);
  },
  payload: (draft, value, name, isText) => {
    draft.payload = isText ? jsonOf(name, value as string) : value;
  },
  run_at: ({ options }, value, name) => {
    options.runAt = typeof value === 'number' ? value : instantOf(text(name, value));
  },
  delay: ({ options }, value, name) => {
    options.delay = durationText(name, text(name, value));
  },
  priority: ({ options }, value, name) => {
    options.priority = numberOf(name, text(name, value));
  },
  max_attempts: ({ options }, value, name) => {
    options.maxAttempts = countText(name, text(name, value));
  },
  timeout: ({ options }, value, name) => {
    options.timeout = durationText(name, text(name, value));
  },
  group: ({ options }, value, name) => {
    options.group = text(name, value);
  },
  dedupe_key: ({ options }, value, name) => {
    options.dedupeKey = text(name, value);
  },
  meta: ({ options }, value, name, isText) => {
    const labels = isText ? jsonOf(name, value as string) : value;
    if (typeof labels !== 'object' || labels === null || Array.isArray(labels))
      throw invalid(name, value, 'an object of labels, as JSON');
    options.meta = { ...options.meta, ...labels };
  },
  label: ({ options }, value, name) => {
    options.meta = { ...options.meta, ...labelsOf([text(name, value)]) };
  },
};

/** Other names for some of them. */
const ALIASES: Readonly<Record<string, string>> = { key: 'dedupe_key', labels: 'meta' };

/** The columns of a job that a new one doesn't take over, because it has its own: its id, its state, what came of it. */
const IGNORED = [
  ...['id', 'status', 'created_at', 'attempts', 'error', 'result', 'forgiven', 'locked_by', 'started_at'],
  ...['finished_at', 'progress', 'follow_ups', 'after', 'claim_timeout', 'version'],
  ...['schedule', 'dismissed', 'interruptions'],
];

/** The columns of the names that were met, because all records have the same ones. */
const met = new Map<string, string>();
/** More names than files have. */
const MOST_MET = 1000;

/** Returns a column's own name for one of its spellings: `runAt`, `run-at` and `Run at` are `run_at`. */
function columnOf(name: string): string {
  const known = met.get(name);
  if (known !== undefined) return known;
  const column = readColumn(name);
  if (met.size < MOST_MET) met.set(name, column);
  return column;
}

function readColumn(name: string): string {
  const snake = name
    .replaceAll(/([a-z])([A-Z])/g, '$1_$2')
    .replaceAll(/[- ]/g, '_')
    .toLowerCase();
  return Object.hasOwn(ALIASES, snake) ? (ALIASES[snake] as string) : snake;
}

/** How records become requests of jobs. */
export interface FieldRules {
  /** The type of records without one. */
  readonly type: string | undefined;
  /** The labels that each job gets. */
  readonly labels: Readonly<Record<string, unknown>> | undefined;
  /** True to pass over fields that mean nothing here. */
  readonly ignoresUnknown: boolean;
}

/** Returns why names of columns or fields can't be used; undefined if they can. */
export function problemOfNames(
  names: readonly string[],
  { type, ignoresUnknown }: FieldRules,
): string | undefined {
  const columns = names.map(columnOf);
  const twice = names.find((_, i) => columns.indexOf(columns[i] as string) !== i);
  if (twice !== undefined) return `the column ${JSON.stringify(twice)} is there twice`;
  if (!columns.includes('type') && type === undefined)
    return 'there is no column type; name the type of all jobs with --type';
  if (ignoresUnknown) return undefined;
  return problemOfUnknown(names);
}

function problemOfUnknown(names: readonly string[]): string | undefined {
  const unknown = names.find((name) => !isKnown(columnOf(name)));
  if (unknown === undefined) return undefined;
  const like = nearest(columnOf(unknown), [...Object.keys(TAKEN), ...Object.keys(ALIASES)]);
  const hint =
    like === undefined ? `the columns are ${Object.keys(TAKEN).join(', ')}` : `did you mean ${like}?`;
  return `${JSON.stringify(unknown)} is no column of a job (${hint}); --ignore-unknown passes it over`;
}

const isKnown = (column: string): boolean => Object.hasOwn(TAKEN, column) || IGNORED.includes(column);

/** Returns the request of a job; undefined for a finished job, which is history. @throws errors with a reason to tell */
export function requestOf(
  { fields = {}, isText = false }: InputRecord,
  rules: FieldRules,
): JobRequest | undefined {
  const draft: Draft = { type: rules.type, payload: undefined, options: {} };
  const unknown: string[] = [];
  let status: unknown;
  for (const name in fields) {
    const column = columnOf(name);
    if (column === 'status') status = fields[name];
    if (Object.hasOwn(TAKEN, column)) TAKEN[column]?.(draft, fields[name], name, isText);
    else if (!rules.ignoresUnknown && !IGNORED.includes(column)) unknown.push(name);
  }
  if (unknown.length > 0) throw new Error(problemOfUnknown(unknown));
  if (isHistory(status)) return undefined;
  if (draft.type === undefined) throw new Error('it has no type');
  if (rules.labels !== undefined) draft.options.meta = { ...draft.options.meta, ...rules.labels };
  return draft as JobRequest;
}

function isHistory(status: unknown): boolean {
  if (status === undefined) return false;
  if (status === 'recurring') throw new Error('it is a schedule; declare it with queue schedule add');
  if (!STATUSES.includes(status as Status)) throw invalid('status', status, `one of ${STATUSES.join(', ')}`);
  return isFinal(status as Status);
}

function jsonOf(name: string, json: string): unknown {
  try {
    return parseJson(json, name);
  } catch (error) {
    if (error instanceof TsvqError) throw error;
    throw new Error(`its ${name} is not JSON: ${errorMessage(error)} (text needs its own quotes: "text")`);
  }
}

function numberOf(name: string, given: string): number {
  const value = given.trim() === '' ? Number.NaN : Number(given);
  if (!Number.isFinite(value)) throw invalid(name, given, 'a number');
  const inexact = findInexact(given);
  if (inexact !== undefined) throw new Error(tellInexact(inexact, name));
  return value;
}
