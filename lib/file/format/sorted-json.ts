import type { createHash } from 'node:crypto';
import { dependency } from '../../job/dependency.js';

/** Returns JSON text with the names of each object in one order, so that equal values are equal texts. */
export const sortedJson = (json: string): string =>
  JSON.stringify(JSON.parse(json), (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );

/** Returns the SHA-256 of {@link sortedJson}, in hex digits: the key of a job whose payload is the key. */
export function hashOfJson(json: string): string {
  const crypto = dependency<{ createHash: typeof createHash }>('node:crypto', () => require('node:crypto'));
  return crypto.createHash('sha256').update(sortedJson(json)).digest('hex');
}
