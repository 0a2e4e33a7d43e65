import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Stats } from '../../../../lib/index.js';
import { faultyFs, systemError } from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';
import { jobId, line, text, writeQueue } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

/*
 * stats counts the finished jobs of the sealed part without indexing them.
 */

const MANY = 1200;
const FIRST = jobId(100);
const LAST = jobId(100 + MANY - 4);

/** A compacted file: a job that waits, and many that are finished. A quarter of them failed, FIRST and LAST too. */
async function settledFile(t: TestContext): Promise<{ file: string; before: Stats }> {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const finished = Array.from({ length: MANY }, (_, n) =>
    line({
      id: jobId(100 + n),
      type: n % 3 === 0 ? 'größe' : 'email',
      status: n % 4 === 0 ? 'failed' : n % 4 === 1 ? 'cancelled' : 'completed',
      version: 3,
      finished_at: 1_893_400_000,
      payload: JSON.stringify('x'.repeat(100)),
    }),
  );
  writeQueue(file, line({ id: jobId(1) }), ...finished);
  const { queue } = openTest(t, { file });
  const before = await queue.stats();
  await queue.compact();
  assert.match(text(file), /^# open jobs begin here$/m);
  return { file, before };
}

const counts = ({ bytes: _, ...rest }: Stats): Omit<Stats, 'bytes'> => rest;
const figures = ({ total, pending, completed, failed, cancelled }: Stats): number[] => [
  total,
  pending,
  completed,
  failed,
  cancelled,
];

test('finished jobs in the sealed part are counted like all others', async (t) => {
  const { file, before } = await settledFile(t);
  assert.deepEqual(figures(before), [MANY + 1, 1, MANY / 2, MANY / 4, MANY / 4]);
  assert.deepEqual(counts(await openTest(t, { file }).queue.stats()), counts(before));
});

test('a job that was retried counts once, as what it is now', async (t) => {
  // With 'os' the row that it had stays as it was, and with 'sync' it is crossed out.
  for (const durability of ['sync', 'os'] as const) {
    const { file, before } = await settledFile(t);
    const open = () => openTest(t, { file, durability }).queue;
    const [one, other] = [open(), open()];
    await Promise.all([one.stats(), other.stats()]);
    assert.equal(await one.retryJob(FIRST), true);
    // Told by who did it, by who had counted before, and by who comes new.
    for (const queue of [one, other, open()]) {
      const after = await queue.stats();
      assert.deepEqual(figures(after), [MANY + 1, 2, MANY / 2, MANY / 4 - 1, MANY / 4], durability);
      assert.equal(after.types.größe?.pending, 1);
      assert.equal(after.types.größe?.failed, (before.types.größe?.failed ?? 0) - 1);
    }
  }
});

test('jobs that are retried or added during the count count once', async (t) => {
  for (const who of ['the same process', 'another'] as const) {
    const { file } = await settledFile(t);
    const id = who === 'another' ? FIRST : LAST;
    const { fs, fault } = faultyFs();
    const { queue } = openTest(t, { file, fs });
    const other = who === 'another' ? openTest(t, { file }).queue : queue;
    const before = await openTest(t, { file }).queue.stats();
    let met = false;
    fault.do = ({ name, path }, real) => {
      if (met || name !== 'read' || path !== file) return real();
      met = true;
      return (async () => {
        await other.enqueue('email', {});
        assert.equal(await other.retryJob(id), true);
        return real();
      })();
    };
    const [total = 0, pending = 0, completed, failed = 0, cancelled] = figures(before);
    const after = [total + 1, pending + 2, completed, failed - 1, cancelled];
    assert.deepEqual(figures(await queue.stats()), after, who);
    assert.ok(met);
    assert.deepEqual(figures(await queue.stats()), after, who);
  }
});

test('the sealed part is counted once, and again if that failed', async (t) => {
  const { file, before } = await settledFile(t);
  const { fs, calls, fault } = faultyFs();
  const { queue } = openTest(t, { file, fs });
  fault.do = ({ name, path }, real) => {
    if (name === 'read' && path === file) throw systemError('EIO');
    return real();
  };
  await assert.rejects(queue.stats(), { code: 'WRITE_FAILED' });
  fault.do = undefined;
  assert.deepEqual(counts(await queue.stats()), counts(before));
  const done = calls.length;
  assert.deepEqual(counts(await queue.stats()), counts(before));
  assert.deepEqual(
    calls.slice(done).filter(({ name }) => name === 'read'),
    [],
  );
});
