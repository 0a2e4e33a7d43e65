import { invalid } from '../job/checks.js';
import type { TextFilter } from '../view/query.js';
import { type ChangeName, isChangeName, MOST_CHANGED } from './act.js';
import { backOf } from './back.js';
import { readJobQuery } from './job-query.js';

/** The times within which retried jobs may become due one after another, in ms, by their names in forms. */
const SPREADS = { '10m': 600_000, '1h': 3_600_000 } as const;

/** A change of jobs that a form asks for. */
export interface ChangeRequest {
  readonly name: ChangeName;
  /** The jobs that a person has selected; undefined for all that the filter names. */
  readonly ids: readonly string[] | undefined;
  readonly filter: TextFilter;
  /** True if the person was asked, and wants it. */
  readonly isSure: boolean;
  /** The time within which retried jobs become due, in ms. */
  readonly within: number;
  /** The path to return to. */
  readonly back: string;
}

/**
 * Reads a form: `act`; either `id` for each job, or `all=1` with the parameters of a filter; `sure=1` once the person was
 * asked; `until`, the time of that, so that jobs that came later are left alone; `spread`; `back`.
 *
 * @throws TsvqError `INVALID_ARGUMENT`
 */
export function readChangeRequest(query: URLSearchParams, base: string): ChangeRequest {
  const name = query.get('act') ?? '';
  if (!isChangeName(name)) throw invalid('act', name, 'retry, cancel, promote or dismiss');
  const ids = [...new Set(query.getAll('id'))];
  if (ids.length > MOST_CHANGED) throw invalid('id', ids.length, `given at most ${MOST_CHANGED} times`);
  const until = query.get('until') || undefined;
  if (until !== undefined && !/^\d{1,15}$/.test(until)) throw invalid('until', until, 'a time in ms');
  const { filter } = readJobQuery(query);
  return {
    name,
    ids: query.get('all') === '1' ? undefined : ids,
    filter: until === undefined ? filter : { ...filter, until: Number(until) },
    isSure: query.get('sure') === '1',
    within: spreadOf(query.get('spread') ?? ''),
    back: backOf(base, query.get('back') ?? ''),
  };
}

function spreadOf(text: string): number {
  if (text === '') return 0;
  if (!Object.hasOwn(SPREADS, text)) throw invalid('spread', text, Object.keys(SPREADS).join(' or '));
  return SPREADS[text as keyof typeof SPREADS];
}
