import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemFs } from '../../../lib/store/fs.js';
import type { JobIndex } from '../../../lib/store/job-index.js';
import { OpenFile } from '../../../lib/store/open-file.js';
import { isPastRetention, isWorthCompacting } from '../../../lib/store/worthwhile.js';
import { jobId, line, temporaryFolder, writeQueue } from '../../helpers.js';

const KB = 1024;
const DAY = 24 * 3_600_000;
const NOW = Date.UTC(2030, 0, 1);

/** An index of which only the sizes matter. */
const sizes = (size: number, deadBytes: number) => ({ file: { size }, deadBytes }) as JobIndex;

test('a large file is written anew when superseded rows outweigh the rest, and not before', () => {
  for (const smallToo of [true, false]) {
    assert.equal(isWorthCompacting(sizes(1000 * KB, 501 * KB), smallToo), true);
    assert.equal(isWorthCompacting(sizes(1000 * KB, 500 * KB), smallToo), false);
    assert.equal(isWorthCompacting(sizes(1000 * KB, 1), smallToo), false);
    assert.equal(isWorthCompacting(sizes(1000 * KB, 0), smallToo), false);
  }
});

test('a small file is written anew for a single superseded row, where that is asked for', () => {
  for (const size of [KB, 256 * KB]) {
    assert.equal(isWorthCompacting(sizes(size, 100), true), true);
    assert.equal(isWorthCompacting(sizes(size, 0), true), false);
    assert.equal(isWorthCompacting(sizes(size, size - 100), false), false);
  }
});

/** A file that begins with these lines. */
function fileOf(t: TestContext, ...lines: string[]): OpenFile {
  const path = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(path, ...lines);
  const file = OpenFile.open(systemFs, path) as OpenFile;
  t.after(() => file.release());
  return file;
}

const finished = (n: number, daysAgo: number): string =>
  line({ id: jobId(n), status: 'completed', version: 3, finished_at: (NOW - daysAgo * DAY) / 1000 });

test('finished jobs are past their retention time when they are a tenth over it', (t) => {
  const past = (retentionDays: number, ...lines: string[]): boolean =>
    isPastRetention(fileOf(t, ...lines), NOW, retentionDays * DAY);
  assert.equal(past(10, finished(1, 12)), true);
  assert.equal(past(10, finished(1, 10.5)), false);
  assert.equal(past(10, finished(1, 9.5)), false);
  assert.equal(past(10, finished(1, 1), finished(2, 12), finished(3, 1)), true, 'any of the first ones');
  assert.equal(past(Number.POSITIVE_INFINITY, finished(1, 1e5)), false, 'kept for ever');
  assert.equal(past(0, finished(1, 0.001)), true);
});

test('what has not finished has no such time, nor has what is no row', (t) => {
  for (const one of [
    line({ id: jobId(1), finished_at: 5 }),
    line({ id: jobId(1), status: 'processing', version: 2, finished_at: 5 }),
    line({ id: jobId(1), status: 'completed', version: 2 }),
    `#${finished(1, 100)}`,
    finished(1, 100).replace(/\t\d+\n$/, '\n'),
  ]) {
    assert.equal(isPastRetention(fileOf(t, finished(9, 1), one), NOW, 10 * DAY), false, one);
  }
});
