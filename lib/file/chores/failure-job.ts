import type { NewJobFields } from '../format/columns.js';
import type { StoredJob } from '../format/stored-job.js';
import { checkFields, type NewJobRules } from '../operations/new-job.js';

/**
 * Returns the job that tells of a failed one. The failed row carries it, so that a crash can't lose it.
 *
 * @param job as it was claimed
 * @param type the `failureJob` of its type
 * @returns nothing for a job that tells of another, because it could go on without end
 */
export function failureJobOf(
  job: StoredJob,
  type: string | undefined,
  { error, now, rules }: { error: string; now: number; rules: NewJobRules },
): NewJobFields[] {
  if (type === undefined || job.meta['@failureOf'] !== undefined) return [];
  const { id, attempts } = job;
  // The payload stays as it is, because parsing it would change large numbers.
  const payload = isJson(job.payload) ? job.payload : JSON.stringify(job.payload);
  const about = JSON.stringify({ id, type: job.type, error, attempts });
  const request = { type, payload: null };
  const { fields } = checkFields(request, now, rules, '');
  // It is one job for each failure, whatever the keys of its type.
  const { dedupeKey: _, ...rest } = fields;
  return [
    {
      ...rest,
      payload: `${about.slice(0, -1)},"payload":${payload}}`,
      meta: { ...rest.meta, '@failureOf': id },
    },
  ];
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
