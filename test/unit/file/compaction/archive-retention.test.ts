import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FakeClock } from '../../../support/fake-clock.js';
import { faultyFs, systemError } from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';
import { HEADER, jobId, line, rowsOf } from '../../../support/queue-file.js';
import type { TestOptions } from '../../../support/queues.js';
import { DAY, over } from './queue-with-archive.js';

/*
 * Finished jobs that leave the queue for good: `archive: false`, and `archiveRetention`.
 */

const NOW = Date.UTC(2030, 2, 10);

const finished = (n: number, at: number, fields: Parameters<typeof line>[0] = {}): string =>
  line({ id: jobId(n), status: 'completed', version: 3, finished_at: at / 1000, ...fields });

/** A queue whose archive has these files. */
function withArchive(t: TestContext, names: string[], options: TestOptions) {
  const made = over(t, [line({ id: jobId(1) })], { clock: new FakeClock(NOW), ...options });
  mkdirSync(made.archive);
  for (const name of names) writeFileSync(join(made.archive, name), `${HEADER}\n`);
  return made;
}

test('whole months go whose end is longer ago than archiveRetention, and only files of this queue', async (t) => {
  const others = ['queue-2029-01.txt', 'other-2029-01.tsv', 'queue-2029.tsv', 'notes', 'queue-x-2029-01.tsv'];
  const own = ['queue-2029-01.tsv', 'queue-2029-12.tsv', 'queue-2030-01.tsv', 'queue-2030-01.2.tsv'];
  const { queue, archive } = withArchive(t, [...own, 'queue-2030-02.tsv', ...others], {
    // From the end of January on.
    archiveRetention: NOW - Date.UTC(2030, 1, 1) + 1,
  });
  await queue.compact();
  assert.deepEqual(
    readdirSync(archive).sort(),
    ['queue-2030-01.tsv', 'queue-2030-01.2.tsv', 'queue-2030-02.tsv', ...others].sort(),
  );
});

test('a month goes as soon as it ended so long ago', async (t) => {
  const end = NOW - Date.UTC(2030, 1, 1);
  for (const [archiveRetention, isThere] of [
    [end + 1, true],
    [end, false],
    [0, false],
  ] as const) {
    const { queue, archive } = withArchive(t, ['queue-2030-01.tsv'], { archiveRetention });
    await queue.compact();
    assert.equal(existsSync(join(archive, 'queue-2030-01.tsv')), isThere, `${archiveRetention}`);
  }
});

test('a month that has just ended stays for a minute, also if nothing is to be kept', async (t) => {
  const clock = new FakeClock(Date.UTC(2030, 2, 1) + 59_000);
  const { queue, archive } = withArchive(t, ['queue-2030-02.tsv'], { archiveRetention: 0, clock });
  await queue.compact();
  assert.equal(existsSync(join(archive, 'queue-2030-02.tsv')), true);
  clock.advance(1000);
  await queue.compact();
  assert.equal(existsSync(join(archive, 'queue-2030-02.tsv')), false);
});

test('without archiveRetention the archive is not even looked at', async (t) => {
  const { fs, calls } = faultyFs();
  const { queue, archive } = withArchive(t, ['queue-2029-01.tsv'], { fs });
  await queue.compact();
  assert.deepEqual(
    calls.filter(({ path }) => path.startsWith(archive)),
    [],
  );
});

test('a link is not followed, and stays; a file that can not be removed fails no compaction', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, archive } = withArchive(t, ['queue-2029-01.tsv', 'queue-2029-02.tsv'], {
    fs,
    archiveRetention: '1d',
  });
  const elsewhere = join(temporaryFolder(t), 'elsewhere');
  writeFileSync(elsewhere, 'kept');
  symlinkSync(elsewhere, join(archive, 'queue-2028-01.tsv'));
  mkdirSync(join(archive, 'queue-2028-02.tsv'));
  fault.do = (call, real) => {
    if (call.name === 'unlink' && call.path.endsWith('queue-2029-02.tsv')) throw systemError('EPERM');
    return real();
  };
  await queue.compact();
  const left = ['queue-2028-01.tsv', 'queue-2028-02.tsv', 'queue-2029-02.tsv'];
  assert.deepEqual(readdirSync(archive).sort(), left);
  assert.equal(existsSync(elsewhere), true);
  fault.do = (call, real) => {
    if (call.name === 'readdir' && call.path === archive) throw systemError('EACCES');
    return real();
  };
  await queue.compact();
  assert.deepEqual(readdirSync(archive).sort(), left);
});

test('archive: false drops jobs past their retention time, and makes no archive', async (t) => {
  const lines = [
    finished(1, NOW - 8 * DAY),
    finished(2, NOW - 8 * DAY, { status: 'cancelled' }),
    finished(3, NOW - 8 * DAY, { status: 'failed' }),
    finished(4, NOW - DAY),
    line({ id: jobId(5) }),
  ];
  const { queue, file, archive } = over(t, lines, { clock: new FakeClock(NOW), archive: false });
  const { kept, archived, dropped } = await queue.compact();
  assert.deepEqual({ kept, archived, dropped }, { kept: 3, archived: 0, dropped: 2 });
  assert.deepEqual(
    rowsOf(file)
      .map(({ id }) => id)
      .sort(),
    [3, 4, 5].map(jobId),
  );
  assert.equal(existsSync(archive), false);
});

test('archive: false drops no job that finished within a minute, and makes the follow-ups of those it drops', async (t) => {
  const followUps = [{ type: 'next', payload: '1', createdAt: 1, runAt: 1, priority: 0 }];
  const lines = [
    finished(1, NOW - 59_999),
    finished(2, NOW - 60_000, { follow_ups: JSON.stringify(followUps) }),
  ];
  const options = { clock: new FakeClock(NOW), archive: false, retention: 0 };
  const { queue, file } = over(t, lines, options);
  const { kept, dropped, recovered } = await queue.compact();
  assert.deepEqual({ kept, dropped, recovered }, { kept: 2, dropped: 1, recovered: 1 });
  assert.deepEqual(
    rowsOf(file)
      .map(({ type, status }) => `${type} ${status}`)
      .sort(),
    ['email completed', 'next pending'],
  );
});

test('a worker drops jobs past their retention time by itself', async (t) => {
  const { queue, clock, file, archive } = over(t, [], { archive: false, retention: { completed: '1h' } });
  await queue.enqueue('email', 1);
  await queue.processJobs({ email: () => {} });
  clock.advance(DAY);
  await queue.enqueue('email', 2);
  await queue.processJobs({ email: () => {} });
  assert.deepEqual(
    rowsOf(file).map(({ payload }) => payload),
    ['2'],
  );
  assert.equal(existsSync(archive), false);
});
