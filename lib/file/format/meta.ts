import type { TraceCarrier } from '../../job/tracing.js';

/*
 * The column `meta` has a JSON object. Names that begin with `@` are the queue's own, all others are a
 * caller's. A caller's are kept as text, because parsing them would change large numbers, and the order of
 * names that look like numbers.
 */

/** The labels that a caller gave a job: names that don't begin with `@`, and JSON values. */
export type Labels = Readonly<Record<string, unknown>>;

/** The queue's notes about the attempts of a job; a missing one is undefined. */
export type AttemptNotes = {
  /** When the job asked for the first of its waits in a row, in Unix seconds. */
  readonly '@askedToWaitSince'?: number | undefined;
  /** How many attempts in a row were interrupted. */
  readonly '@interruptions'?: number | undefined;
  /** True if the job may have killed its last worker, so that it is claimed alone. */
  readonly '@lone'?: true | undefined;
};

/** The queue's own notes in `meta`; a missing one is undefined. */
export type OwnMeta = AttemptNotes & {
  /** Of a schedule: its name, and when it is due. Of a job of a schedule: the name. */
  readonly '@schedule'?: string | Readonly<Record<string, unknown>> | undefined;
  /** The slot of a job of a schedule, in Unix seconds; a job that was asked for by hand has none. */
  readonly '@slot'?: number | undefined;
  /** True if a schedule is paused. */
  readonly '@paused'?: true | undefined;
  /** True if an operator has seen that the job failed, and wants to hear no more of it. */
  readonly '@dismissed'?: true | undefined;
  /** True if a caller wants a finished job forgotten: the next compaction leaves it out. */
  readonly '@forget'?: true | undefined;
  /** Of a job that tells of a failed one: the id of that one. */
  readonly '@failureOf'?: string | undefined;
  /** What continues the trace in which the job was added. */
  readonly '@trace'?: TraceCarrier | undefined;
};

/** The content of `meta`: the queue's own notes, and a caller's labels. A change sets some, or removes: undefined. */
export type Meta = OwnMeta & Labels;

/** True for the notes of a schedule, also of one that was removed. */
export const isSchedule = (meta: Meta): boolean => typeof meta['@schedule'] === 'object';

/** True if the field says that its finished job is forgotten. Few fields have to be parsed for that. */
export const saysForget = (field: string): boolean =>
  field.includes('"@forget"') && readMeta(field)['@forget'] === true;

/** The change that removes the notes about attempts. */
export const NO_ATTEMPT_NOTES: Required<AttemptNotes> = {
  '@askedToWaitSince': undefined,
  '@interruptions': undefined,
  '@lone': undefined,
};

/** The change for an operator's retry. A job that may kill its worker is still claimed alone. */
export const RETRIED_META: OwnMeta = {
  '@askedToWaitSince': undefined,
  '@interruptions': undefined,
  '@dismissed': undefined,
};

/** The most bytes that the field may have. */
export const MOST_BYTES = 4096;
/** The most bytes of a caller's labels, so that the queue's notes have room. */
export const MOST_LABEL_BYTES = 3072;

/** The content of most jobs' fields: none. */
const NONE: Meta = {};

const isOwn = (name: string): boolean => name.startsWith('@');

/** Returns the labels among the content of `meta`. */
export const labelsOf = (meta: Meta): Labels =>
  meta === NONE ? NONE : Object.fromEntries(Object.entries(meta).filter(([name]) => !isOwn(name)));

/** Returns the change that gives a job other labels. Notes stay. */
export const otherLabels = (before: Meta, labels: Labels): Labels => ({
  ...Object.fromEntries(Object.keys(labelsOf(before)).map((name) => [name, undefined])),
  ...labels,
});

/** Reads a field. One that isn't a JSON object (an edit by hand) counts as empty, and so does an unusable note. */
export function readMeta(field: string): Meta {
  if (field === '') return NONE;
  const meta = objectIn(field) ?? NONE;
  const since = meta['@askedToWaitSince'];
  const interruptions = meta['@interruptions'];
  const { '@schedule': schedule, '@slot': slot, '@failureOf': failureOf, '@trace': trace } = meta;
  return {
    ...labelsOf(meta),
    ...(Number.isFinite(since) && Number(since) >= 0 && { '@askedToWaitSince': since as number }),
    ...(Number.isSafeInteger(interruptions) &&
      Number(interruptions) > 0 && { '@interruptions': interruptions as number }),
    ...(meta['@lone'] === true && { '@lone': true as const }),
    ...((typeof schedule === 'string' || isObject(schedule)) && { '@schedule': schedule }),
    ...(Number.isFinite(slot) && { '@slot': slot as number }),
    ...(meta['@paused'] === true && { '@paused': true as const }),
    ...(isTrace(trace) && { '@trace': trace }),
    ...(typeof failureOf === 'string' && { '@failureOf': failureOf }),
    ...(meta['@dismissed'] === true && { '@dismissed': true as const }),
    ...(meta['@forget'] === true && { '@forget': true as const }),
  };
}

/**
 * Returns the field with the notes and labels in `change`. One that is undefined there is removed; all others stay.
 *
 * @returns undefined if the field isn't a JSON object, and so has to stay as it is, or would get too long
 */
export function writeMeta(field: string, change: Meta): string | undefined {
  if (field !== '' && objectIn(field) === undefined) return undefined;
  // Most jobs have no notes when they complete.
  const members = field === '' ? [] : membersOf(field);
  const others = members.filter(({ name }) => !Object.hasOwn(change, name)).map(({ text }) => text);
  const own = Object.entries(change)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  if (own.length === 0 && others.length === members.length) return field;
  const all = [...others, ...own];
  const written = all.length === 0 ? '' : `{${all.join(',')}}`;
  return Buffer.byteLength(written) > MOST_BYTES ? undefined : written;
}

function objectIn(field: string): Meta | undefined {
  if (field === '' || field.length > MOST_BYTES) return undefined;
  try {
    const value: unknown = JSON.parse(field);
    return isObject(value) ? (value as Meta) : undefined;
  } catch {
    return undefined;
  }
}

const isTrace = (value: unknown): value is TraceCarrier =>
  isObject(value) && Object.values(value).every((text) => typeof text === 'string');

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Returns the members of a JSON object, each with its exact text. */
function membersOf(json: string): { name: string; text: string }[] {
  const members: { name: string; text: string }[] = [];
  let depth = 0;
  let from = 0;
  for (const { 0: token, index } of json.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],]/g)) {
    if (token === '{' || token === '[') depth++;
    else if (token === '}' || token === ']') depth--;
    const isFirst = depth === 1 && from === 0;
    const isEnd = depth === 0 || (depth === 1 && token === ',');
    if (isEnd) {
      const text = json.slice(from, index).trim();
      const name = /^"(?:[^"\\]|\\.)*"/.exec(text)?.[0];
      if (name !== undefined) members.push({ name: JSON.parse(name) as string, text });
    }
    if (isFirst || isEnd) from = index + 1;
  }
  return members;
}
