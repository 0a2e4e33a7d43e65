import type { randomFillSync } from 'node:crypto';
import { dependency } from './dependency.js';

const pool = Buffer.alloc(4096);
let used = pool.length;

/**
 * Returns random bytes of the system as hex digits. It fetches many at a time, and loads node:crypto only then,
 * because a cron tick without work needs no random bytes.
 */
export function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    dependency<{ randomFillSync: typeof randomFillSync }>('node:crypto', () =>
      require('node:crypto'),
    ).randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString('hex', used - bytes, used);
}
