import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { rowsOf } from '../../../lib/open-queue.js';
import { Board } from '../../../lib/view/board.js';
import { takeSnapshot } from '../../../lib/view/snapshot.js';
import { openTest } from '../../support/queues.js';

/*
 * What a view knows of the jobs.
 */

test('after any changes, a board says the same as a new one, and as stats', {
  timeout: 120_000,
}, async (t) => {
  const step = fc.constantFrom(
    'add',
    'later',
    'work',
    'fail',
    'cancel',
    'retry',
    'dismiss',
    'compact',
    'pass',
    'read',
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      const { queue, clock, file } = openTest(t);
      const board = new Board();
      const rows = rowsOf(queue, board);
      const last = async (status: 'pending' | 'failed'): Promise<string> =>
        (await queue.listJobs({ status })).at(-1)?.id ?? 'none';
      for (const one of steps) {
        if (one === 'add') await queue.enqueueMany([{ type: 'a' }, { type: 'b' }]);
        if (one === 'later') await queue.enqueue('a', 0, { delay: '10m' });
        if (one === 'work') await queue.processJobs({ a: () => {} }, { logger: () => {} });
        if (one === 'fail') {
          const fail = (_: unknown, { job }: { job: { id: string } }) => {
            throw new Error(`no user ${job.id}`);
          };
          await queue.processJobs(
            { a: fail, b: fail },
            { logger: () => {}, maxAttempts: 2, backoff: ['1m'] },
          );
        }
        if (one === 'cancel') await queue.cancelJob(await last('pending'));
        if (one === 'retry') await queue.retryJob(await last('failed'));
        if (one === 'dismiss') await queue.dismissJob(await last('failed'));
        if (one === 'compact') await queue.compact();
        if (one === 'pass') clock.advance(400_000);
        if (one === 'read') await rows.read();
      }
      await rows.read();
      const snapshot = takeSnapshot(board, clock.now());
      const fresh = new Board();
      const { queue: other } = openTest(t, { file, clock });
      const freshRows = rowsOf(other, fresh);
      await freshRows.read();
      const { newestKeys: _, ...mine } = withoutKeys(snapshot);
      const { newestKeys: __, ...its } = withoutKeys(takeSnapshot(fresh, clock.now()));
      assert.deepEqual(mine, its);
      const { oldestDueSeconds, ...stats } = await queue.stats();
      for (const name of [
        'pending',
        'due',
        'processing',
        'completed',
        'failed',
        'cancelled',
        'dismissed',
      ] as const)
        assert.equal(snapshot.counts[name], stats[name], name);
      assert.equal(snapshot.counts.oldestDue / 1000, oldestDueSeconds);
      assert.equal(snapshot.total, stats.total);
      rows.close();
      freshRows.close();
    }),
    { numRuns: 25 },
  );
});

/** Keys are places in an index, which differ between two readers. */
function withoutKeys({ running, retries, failures, types, ...rest }: ReturnType<typeof takeSnapshot>) {
  return {
    ...rest,
    ...{ running: running.length, retries: retries.length },
    types: types.filter(({ counts }) => Object.values(counts).some((count) => count > 0)),
    failures: failures.map(({ newestKey: _, ...group }) => group),
    newestKeys: failures.map(({ newestKey }) => newestKey),
  };
}

const facts = (fields: object) => ({
  ...{ status: 'failed' as const, type: 'a', attempts: 1, isDismissed: false, error: 'no' },
  ...{ createdAt: 0, runAt: 0, startedAt: 0, finishedAt: 0 },
  ...fields,
});

test('a job that was retried leaves the failures, and one that was dismissed is counted apart', () => {
  const board = new Board();
  board.put(0, facts({ finishedAt: 1000 }));
  board.put(1, facts({ finishedAt: 2000, error: 'gone 12' }));
  board.put(2, facts({ finishedAt: 3000, error: 'gone 13' }));
  const before = takeSnapshot(board, 4000);
  assert.deepEqual(
    before.failures.map(({ text, jobs, lastHour, newestKey }) => [text, jobs, lastHour, newestKey]),
    [
      ['gone #', 2, 2, 2],
      ['no', 1, 1, 0],
    ],
  );
  board.put(1, facts({ finishedAt: 2000, error: 'gone 12', isDismissed: true }));
  board.put(0, facts({ status: 'pending', runAt: 9000, finishedAt: Number.NaN }));
  const after = takeSnapshot(board, 4000);
  assert.deepEqual(
    after.failures.map(({ text, jobs }) => [text, jobs]),
    [['gone #', 1]],
  );
  assert.deepEqual([after.counts.failed, after.counts.dismissed, after.counts.retrying], [2, 1, 1]);
  assert.deepEqual([after.retries, after.hour.failed], [[0], 2]);
});

test('a thousand types and as many keys as there are jobs need no limit', () => {
  const board = new Board();
  for (let key = 0; key < 5000; key++)
    board.put(key, facts({ type: `t${key % 1000}`, status: 'completed', error: '', finishedAt: 1000 }));
  const { types, hour, total } = takeSnapshot(board, 2000);
  assert.deepEqual([types.length, total], [1000, 5000]);
  // Of the first 200 types.
  assert.equal(hour.completed, 1000);
});
