import type { createHash } from 'node:crypto';
import { invalid } from '../../job/checks.js';
import { dependency } from '../../job/dependency.js';
import { hasControls } from '../../job/name.js';

/**
 * Returns the field `dedupe_key` of a job.
 *
 * @param key the key, or true for the payload itself
 * @param payload the job's payload as JSON
 * @throws TsvqError `INVALID_ARGUMENT` for a key that can't be a field, or is one of the queue's own
 */
export function dedupeKeyOf(name: string, key: unknown, payload: string): string {
  if (key === true) return hashOf(payload);
  if (
    typeof key === 'string' &&
    key !== '' &&
    [...key].length <= 200 &&
    !key.startsWith('@') &&
    !hasControls(key)
  )
    return key;
  throw invalid(name, key, 'true, or 1 to 200 characters without control characters, not beginning with @');
}

/** Returns the SHA-256 of a JSON text in which the names of each object are sorted. */
function hashOf(json: string): string {
  const crypto = dependency<{ createHash: typeof createHash }>('node:crypto', () => require('node:crypto'));
  const sorted = JSON.stringify(JSON.parse(json), (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
  return crypto.createHash('sha256').update(sorted).digest('hex');
}
