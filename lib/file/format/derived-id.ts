import type { createHash } from 'node:crypto';
import { dependency } from '../../job/dependency.js';
import { seconds } from './columns.js';
import { OUR_ID } from './id.js';

/**
 * Returns an id that is made from a text. Unlike a random id, it is the same if a process makes the job again after a
 * crash.
 */
function derivedId(text: string): string {
  const crypto = dependency<{ createHash: typeof createHash }>('node:crypto', () => require('node:crypto'));
  return crypto.createHash('sha256').update(text).digest('hex').slice(0, OUR_ID);
}

/** Returns the id of an attempt's `index`-th follow-up. */
export const followUpId = (id: string, attempt: number, index: number): string =>
  derivedId(`${id}:${attempt}:${index}`);

/** Returns the id of a schedule's row. */
export const scheduleId = (name: string): string => derivedId(`schedule:${name}`);

/** Returns the id of a schedule's job. @param schedule the id of its row @param slot in ms */
export const slotId = (schedule: string, slot: number): string => derivedId(`${schedule}:${seconds(slot)}`);
