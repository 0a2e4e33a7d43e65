import type { randomFillSync } from 'node:crypto';
import { dependency } from './dependency.js';

const pool = Buffer.alloc(4096);
let used = pool.length;

/**
 * Random bytes of the system's source, as hex digits. Asked for many at a time, and node:crypto loaded only then: a
 * tick with nothing to do needs none.
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
