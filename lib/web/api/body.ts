import { invalid, onlyKnown } from '../../job/checks.js';
import type { TextFilter } from '../../view/query.js';
import type { Request } from '../asked.js';
import { readJobQuery } from '../job-query.js';
import { Refusal } from './answer.js';

/** Reads a body: a JSON object with these properties at most. Without a body there are none. */
export async function readBody(request: Request, known: readonly string[]): Promise<Record<string, unknown>> {
  const text = await request.req.text();
  if (text === '') return {};
  const type = request.req.header('content-type') ?? '';
  if (!/^application\/json\s*(;|$)/i.test(type))
    throw new Refusal(415, 'NOT_JSON', 'the body must be JSON, with content-type: application/json');
  const body = parse(text);
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw invalid('body', body, 'a JSON object');
  onlyKnown('body', body, known);
  return body as Record<string, unknown>;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Refusal(400, 'INVALID_ARGUMENT', `the body is not JSON: ${(error as Error).message}`);
  }
}

/** Reads a property that must be a text. */
export function requiredText(name: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw invalid(name, value, 'a text');
  return value;
}

const FILTER = ['status', 'type', 'q', 'group', 'dismissed'];

/** Reads a filter: the names and values are those of the query of `GET /api/jobs`. */
export function readFilter(value: unknown): TextFilter {
  onlyKnown('filter', value, FILTER);
  // A program whose variables are empty must not change all jobs.
  if (Object.keys(value as object).length === 0)
    throw invalid('filter', value, `an object with ${FILTER.join(', ')}, or some of them`);
  const query = new URLSearchParams();
  for (const [name, given] of Object.entries(value as Record<string, unknown>)) {
    if (name === 'dismissed' && typeof given !== 'boolean') throw invalid(name, given, 'true or false');
    // An empty one would allow all jobs.
    const isList = name === 'status' && Array.isArray(given) && given.length > 0;
    const texts = name === 'dismissed' ? [String(given)] : isList ? (given as unknown[]) : [given];
    query.set(name, texts.map((text) => requiredText(`filter.${name}`, text)).join(','));
  }
  return readJobQuery(query).filter;
}

/** Reads the ids of jobs, each once. */
export function readIds(value: unknown, most: number): string[] {
  const isList = Array.isArray(value) && value.length <= most;
  if (!isList || !value.every((id) => typeof id === 'string' && id !== ''))
    throw invalid('ids', value, `an array of at most ${most} ids`);
  return [...new Set(value as string[])];
}
