import type { Status } from '../../job/job.js';
import { isName } from '../../job/name.js';
import { parseProgress } from '../../job/progress.js';
import { type After, decodeAfter } from './after.js';
import { labelsOf, type Meta, MOST_BYTES, readMeta, writeMeta } from './meta.js';
import { parseJson } from './parse-json.js';
import { escapeText, unescapeText } from './text.js';

/** How a column's values are written in their fields. */
interface Form<T> {
  /** Returns the field of a value. @param before the field that it replaces */
  encode(value: T, before: string): string;
  /** Returns a field's value; never throws. A number or `meta` that an edit by hand damaged counts as empty. */
  decode(field: string): T;
  /** True if the row of a follow-up may have this value, which was read from its parent's row. */
  accepts(value: unknown): boolean;
  readonly isNumber?: true;
}

/** When a new job gives a value for a column: each job, some jobs, or none. */
type Given = 'always' | 'sometimes' | false;

/** A column: how it is named, written, read and shown. */
interface ColumnOf<Name extends string, Field extends string, T, G extends Given> extends Form<T> {
  readonly name: Name;
  /** The name of the column's value in code. */
  readonly field: Field;
  /** The column's field in a new row whose job gives no value for it. */
  readonly initial: string;
  /** Not false if the column is one of {@link NewJobFields}. */
  readonly given: G;
  /** Converts the value for users; undefined if a `Job` doesn't show the column. */
  readonly show: ((value: T) => unknown) | undefined;
}

const isField = (value: unknown): value is string => typeof value === 'string' && !/[\t\n\r\0]/.test(value);

/** Text that needs no escapes: names, ids, JSON. */
const text: Form<string> = { encode: (value) => value, decode: (field) => field, accepts: isField };
const typeName: Form<string> = { ...text, accepts: isName };
const word: Form<Status> = {
  ...text,
  decode: (field) => field as Status,
  accepts: (value) => value === 'pending' || value === 'waiting',
};
const escaped: Form<string> = { encode: escapeText, decode: unescapeText, accepts: isField };

const integer: Form<number> = {
  encode: (value) => String(value),
  decode: (field) => number(field, 0),
  accepts: Number.isFinite,
  isNumber: true,
};
/** A time or time span in ms; in the file, seconds. */
const time: Form<number> = { ...integer, encode: seconds, decode: (field) => number(field, 0) * 1000 };

/** Makes a form whose field may be empty: undefined. */
const optional = <T>(form: Form<T>): Form<T | undefined> => ({
  ...form,
  encode: (value, before) => (value === undefined ? '' : form.encode(value, before)),
  // A field that isn't a number counts as empty.
  decode: (field) =>
    field === '' || (form.isNumber && !Number.isFinite(Number(field))) ? undefined : form.decode(field),
  accepts: (value) => value === undefined || form.accepts(value),
});

const meta: Form<Meta> = {
  encode: (change, before) => writeMeta(before, change) ?? before,
  decode: readMeta,
  accepts: (value) =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Buffer.byteLength(JSON.stringify(value)) <= MOST_BYTES,
};

const after: Form<After | undefined> = {
  encode: (value) => (value === undefined ? '' : JSON.stringify(value)),
  decode: decodeAfter,
  accepts: (value) => decodeAfter(JSON.stringify(value) ?? '') !== undefined,
};

const column = <Name extends string, Field extends string, T, G extends Given = false>(
  name: Name,
  field: Field,
  form: Form<T>,
  { initial = '', given, show }: { initial?: string; given?: G; show?: (value: T) => unknown } = {},
): ColumnOf<Name, Field, T, G> => ({ ...form, name, field, initial, given: (given ?? false) as G, show });

const asIs = <T>(value: T): T => value;
const orUndefined = (value: string): string | undefined => value || undefined;
const date = (ms: number | undefined): Date | undefined => (ms === undefined ? undefined : new Date(ms));
const always = { given: 'always' as const };
const sometimes = { given: 'sometimes' as const };

/**
 * Every column of this queue, in the order of a new file. A new column is one more line. It is then kept,
 * changed, upgraded and checked like all others. `version` stays last.
 */
export const columns = [
  column('id', 'id', text, { show: asIs }),
  column('type', 'type', typeName, { ...always, show: asIs }),
  column('payload', 'payload', text, { ...always, show: json }),
  column('status', 'status', word, { ...sometimes, initial: 'pending', show: asIs }),
  column('created_at', 'createdAt', time, { ...always, show: date }),
  column('run_at', 'runAt', time, { ...always, show: date }),
  column('attempts', 'attempts', integer, { initial: '0', show: asIs }),
  column('error', 'error', escaped, { show: orUndefined }),
  column('result', 'result', text, { show: json }),
  column('priority', 'priority', integer, { ...always, initial: '0', show: asIs }),
  column('max_attempts', 'maxAttempts', optional(integer), { ...sometimes, show: asIs }),
  column('forgiven', 'forgiven', integer, { initial: '0', show: asIs }),
  column('timeout', 'timeout', optional(time), { ...sometimes, show: asIs }),
  column('dedupe_key', 'dedupeKey', text, { ...sometimes, show: orUndefined }),
  column('locked_by', 'lockedBy', text, { show: orUndefined }),
  column('started_at', 'startedAt', optional(time), { show: date }),
  column('finished_at', 'finishedAt', optional(time), { show: date }),
  column('progress', 'progress', text, { show: parseProgress }),
  column('follow_ups', 'followUps', text),
  column('group', 'group', text, { ...sometimes, show: orUndefined }),
  column('after', 'after', after, { ...sometimes, show: (value) => value?.ids ?? [] }),
  column('meta', 'meta', meta, { ...sometimes, show: labelsOf }),
  column('claim_timeout', 'claimTimeout', optional(time)),
  column('version', 'version', integer, { initial: '1' }),
] as const;

type AnyColumn = (typeof columns)[number];

/** The name of a column. */
export type Column = AnyColumn['name'];

/** The values of a job's row: times and time spans in ms, JSON as text. */
export type JobFields = { readonly [C in AnyColumn as C['field']]: ReturnType<C['decode']> };

type GivenFields<G extends Given> = {
  readonly [C in AnyColumn as C['given'] extends G ? C['field'] : never]: ReturnType<C['decode']>;
};

/** The checked values of a new job: times in ms, the payload as JSON text. */
export type NewJobFields = GivenFields<'always'> & Partial<GivenFields<'sometimes'>>;

/** The names of all columns, in the order of a new file. */
export const COLUMNS: readonly Column[] = columns.map(({ name }) => name);

/** All columns with one common type. */
export const anyColumns = columns as unknown as readonly ColumnOf<Column, keyof JobFields, unknown, Given>[];

let lastMs = Number.NaN;
let lastSeconds = '';

/** Returns Unix seconds for the file: to the millisecond, without zeros at the end. */
export function seconds(ms: number): string {
  // The rows of a commit share their times, and formatting a fraction is slow.
  if (ms !== lastMs) {
    lastMs = ms;
    lastSeconds = String(Math.round(ms) / 1000);
  }
  return lastSeconds;
}

/** Returns the number in a field; `otherwise` if the field has none. */
function number(field: string | undefined, otherwise: number): number {
  if (field === undefined || field === '') return otherwise;
  const value = Number(field);
  return Number.isFinite(value) ? value : otherwise;
}

/** Parses JSON. Returns the text if, after an edit, it isn't JSON or has a number that JavaScript can't hold. */
function json(field: string): unknown {
  if (field === '') return undefined;
  try {
    return parseJson(field, '');
  } catch {
    return field;
  }
}
