import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileOf } from '../../../support/queue-file.js';
import { openTest, type TestOptions } from '../../../support/queues.js';

export const DAY = 24 * 3_600_000;
/** A moment, in seconds, that the tests' clock has just left behind. */
export const RECENT = 1_893_455_999;

/** A queue over a file of these lines, and its archive folder. */
export function over(t: TestContext, lines: string[], options: TestOptions = {}) {
  const file = fileOf(t, ...lines);
  return { ...openTest(t, { file, ...options }), archive: join(dirname(file), 'archive') };
}

/** What stands in the folder of the queue. */
export const folderOf = (file: string): string[] => readdirSync(dirname(file)).sort();
