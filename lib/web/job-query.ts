import { invalid } from '../job/checks.js';
import { STATUSES } from '../job/job.js';
import type { Cursor, State, TextFilter } from '../view/query.js';

/** The states that an address may name. */
const STATES: readonly State[] = [
  ...STATUSES.filter((status) => status !== 'recurring'),
  'due',
  'later',
  'retrying',
];

/** Which jobs an address names, and which part of them. */
export interface JobQuery {
  readonly filter: TextFilter;
  readonly after: Cursor | undefined;
}

/**
 * Reads an address's query: `status` (some, with commas), `type`, `q` (a text), `group` (of errors), `dismissed` (true
 * or false), `after` (where the page before ended). Empty ones are left out.
 *
 * @throws TsvqError `INVALID_ARGUMENT`
 */
export function readJobQuery(query: URLSearchParams): JobQuery {
  const given = (name: string): string | undefined => query.get(name) || undefined;
  const [states, type, group, text, isDismissed] = [
    given('status')?.split(',').map(stateOf),
    ...['type', 'group', 'q'].map(given),
    given('dismissed'),
  ] as [State[] | undefined, ...(string | undefined)[]];
  if (isDismissed !== undefined && isDismissed !== 'true' && isDismissed !== 'false')
    throw invalid('dismissed', isDismissed, 'true or false');
  return {
    filter: {
      ...(states && { states }),
      ...(type !== undefined && { type }),
      ...(group !== undefined && { group }),
      ...(text !== undefined && { text }),
      ...(isDismissed !== undefined && { isDismissed: isDismissed === 'true' }),
    },
    after: given('after') === undefined ? undefined : readCursor(given('after') as string),
  };
}

/** The parameters that name a filter. */
export function fieldsOf({
  states,
  type,
  group,
  text,
  isDismissed,
}: TextFilter): [name: string, value: string][] {
  const fields: [string, string | undefined][] = [
    ['status', states?.join(',')],
    ['type', type],
    ['group', group],
    ['q', text],
    ['dismissed', isDismissed === undefined ? undefined : String(isDismissed)],
  ];
  return fields.filter((field): field is [string, string] => field[1] !== undefined);
}

/** Writes the query of an address, with the question mark; empty for all jobs. */
export function writeJobQuery(filter: TextFilter, after?: Cursor): string {
  const query = new URLSearchParams(fieldsOf(filter));
  if (after !== undefined) query.set('after', writeCursor(after));
  return query.size === 0 ? '' : `?${query}`;
}

/** Writes where a page ended. */
export const writeCursor = ({ time, key }: Cursor): string => `${time}_${key}`;

function readCursor(text: string): Cursor {
  const [, time, key] = /^(-?\d+(?:\.\d+)?)_(\d+)$/.exec(text) ?? [];
  if (time === undefined) throw invalid('after', text, 'the end of the page before');
  return { time: Number(time), key: Number(key) };
}

function stateOf(text: string): State {
  const state = STATES.find((state) => state === text);
  if (state === undefined) throw invalid('status', text, `one of ${STATES.join(', ')}`);
  return state;
}
