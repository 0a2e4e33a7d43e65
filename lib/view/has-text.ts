import type { Job } from '../job/job.js';
import { stringify } from './text.js';

/** True if a job has a text where a search looks for it; see {@link RowSource.search}. */
export function hasText(job: Job, text: string): boolean {
  const { id, type, dedupeKey, group, error, payload, result, meta } = job;
  if ([id, type, dedupeKey, group, error].some((field) => field?.includes(text))) return true;
  const escaped = JSON.stringify(text).slice(1, -1);
  return [payload, result, meta].some((value) => {
    const json = stringify(value) ?? '';
    return json.includes(text) || json.includes(escaped);
  });
}
