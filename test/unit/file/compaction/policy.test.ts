import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isPastRetention, needsCompaction } from '../../../../lib/file/compaction/policy.js';
import { systemFs } from '../../../../lib/file/disk/fs.js';
import { OpenFile } from '../../../../lib/file/disk/open-file.js';
import { JobIndex } from '../../../../lib/file/index/job-index.js';
import type { FinalStatus } from '../../../../lib/job/job.js';
import { temporaryFolder } from '../../../support/folders.js';
import { jobId, line, writeQueue } from '../../../support/queue-file.js';

const KB = 1024;
const DAY = 24 * 3_600_000;
const NOW = Date.UTC(2030, 0, 1);

/** An index of which only the sizes matter. */
const sizes = (size: number, deadBytes: number) => ({ file: { size }, deadBytes }) as JobIndex;

test('a large file is rewritten when superseded rows outweigh the rest, and not before', () => {
  for (const includesSmall of [true, false]) {
    assert.equal(needsCompaction(sizes(1000 * KB, 501 * KB), includesSmall), true);
    assert.equal(needsCompaction(sizes(1000 * KB, 500 * KB), includesSmall), false);
    assert.equal(needsCompaction(sizes(1000 * KB, 1), includesSmall), false);
    assert.equal(needsCompaction(sizes(1000 * KB, 0), includesSmall), false);
  }
});

test('a small file is rewritten for a single superseded row if the caller is eager', () => {
  for (const size of [KB, 256 * KB]) {
    assert.equal(needsCompaction(sizes(size, 100), true), true);
    assert.equal(needsCompaction(sizes(size, 0), true), false);
    assert.equal(needsCompaction(sizes(size, size - 100), false), false);
  }
});

/** Of a file of these lines. */
async function indexOf(t: TestContext, ...lines: string[]): Promise<JobIndex> {
  const path = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(path, ...lines);
  const file = OpenFile.open(systemFs, path) as OpenFile;
  t.after(() => file.release());
  const index = new JobIndex(file);
  await index.catchUp();
  return index;
}

const finished = (n: number, daysAgo: number, status: FinalStatus = 'completed'): string =>
  line({ id: jobId(n), status, version: 3, finished_at: (NOW - daysAgo * DAY) / 1000 });

/** The same retention time for all. */
const days = (count: number) => ({ completed: count * DAY, failed: count * DAY, cancelled: count * DAY });

test('finished jobs are past their retention time when they are a tenth over it', async (t) => {
  const past = async (retentionDays: number, ...lines: string[]): Promise<boolean> =>
    isPastRetention(await indexOf(t, ...lines), { now: NOW, retention: days(retentionDays), archive: true });
  assert.equal(await past(10, finished(1, 12)), true);
  assert.equal(await past(10, finished(1, 10.5)), false);
  assert.equal(await past(10, finished(1, 9.5)), false);
  assert.equal(
    await past(10, finished(1, 1), finished(2, 12), finished(3, 1)),
    true,
    'any of the first ones',
  );
  assert.equal(await past(Number.POSITIVE_INFINITY, finished(1, 1e5)), false, 'kept for ever');
  assert.equal(await past(0, finished(1, 0.001)), true);
});

test('a held job stays, and is no reason to rewrite the file', async (t) => {
  const held = `${jobId(1)}\tno row\n`;
  for (const lines of [
    [finished(1, 12), held],
    [finished(1, 12), finished(2, 1), held],
  ]) {
    assert.equal(
      isPastRetention(await indexOf(t, ...lines), { now: NOW, retention: days(10), archive: true }),
      false,
    );
  }
  assert.equal(
    isPastRetention(await indexOf(t, finished(1, 12), finished(2, 12), held), {
      now: NOW,
      retention: days(10),
      archive: true,
    }),
    true,
  );
});

test('finished jobs past their retention time are found anywhere in the file, and at any length', async (t) => {
  const waiting = Array.from({ length: 500 }, (_, n) =>
    line({ id: jobId(100 + n), payload: JSON.stringify('x'.repeat(200)) }),
  );
  const long = finished(1, 12).replace('\t{}\t', `\t"${'x'.repeat(200_000)}"\t`);
  for (const lines of [[...waiting, finished(1, 12)], [long], [...waiting, long, finished(2, 1)]]) {
    const index = await indexOf(t, ...lines);
    assert.ok(index.file.size > 100 * KB);
    assert.equal(isPastRetention(index, { now: NOW, retention: days(10), archive: true }), true);
    assert.equal(isPastRetention(index, { now: NOW, retention: days(11), archive: true }), false);
  }
});

test('an unfinished job, or a line that is not a row, has no retention time', async (t) => {
  for (const one of [
    line({ id: jobId(1), finished_at: 5 }),
    line({ id: jobId(1), status: 'processing', version: 2, finished_at: 5 }),
    line({ id: jobId(1), status: 'completed', version: 2 }),
    `#${finished(1, 100)}`,
    finished(1, 100).replace(/\t\d+\n$/, '\n'),
  ]) {
    assert.equal(
      isPastRetention(await indexOf(t, finished(9, 1), one), {
        now: NOW,
        retention: days(10),
        archive: true,
      }),
      false,
      one,
    );
  }
});

test('each state has its own retention time, also if jobs that are kept for longer come first', async (t) => {
  const retention = { completed: 10 * DAY, failed: 100 * DAY, cancelled: Number.POSITIVE_INFINITY };
  const past = async (...lines: string[]): Promise<boolean> =>
    isPastRetention(await indexOf(t, ...lines), { now: NOW, retention: retention, archive: true });
  assert.equal(await past(finished(1, 50, 'failed'), finished(2, 1e4, 'cancelled'), finished(3, 1)), false);
  assert.equal(await past(finished(1, 111, 'failed')), true);
  const failed = Array.from({ length: 2000 }, (_, n) => finished(100 + n, 50, 'failed'));
  assert.equal(await past(...failed), false);
  assert.equal(await past(...failed, finished(1, 12)), true);
  assert.equal(await past(...failed, finished(1, 5)), false);
  assert.equal(await past(finished(1, 111, 'failed'), finished(2, 1)), true);
});

test('a job that may not be dropped yet is no reason to rewrite the file', async (t) => {
  const index = await indexOf(t, finished(1, 0));
  const past = (seconds: number, archive: boolean): boolean =>
    isPastRetention(index, { now: NOW + seconds * 1000, retention: days(0), archive });
  assert.equal(past(30, false), false);
  assert.equal(past(60, false), true);
  assert.equal(past(30, true), true);
});
