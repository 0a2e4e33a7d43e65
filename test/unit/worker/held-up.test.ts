import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deferred, openTest, until } from '../../helpers.js';

test('jobs that a slow one holds up are given back once, and not claimed again before it has ended', async (t) => {
  const { queue, clock, file } = openTest(t);
  const other = openTest(t, { file, clock }).queue;
  const many = (length: number) => Array.from({ length }, (_, n) => ({ type: 'quick', payload: n }));
  await queue.enqueueMany(many(100));
  await queue.enqueue('slow');
  await queue.enqueueMany(many(100));
  await queue.enqueue('quick', 'later', { delay: '3s' });
  const begun = deferred<void>();
  const end = deferred<void>();
  const slow = (): Promise<void> => {
    begun.resolve();
    return end.promise;
  };
  const working = queue.processJobs({ quick: () => {}, slow }, { logger: () => {} });
  await begun.promise;
  await until('others are claimed ahead', async () => (await other.stats()).processing > 1);

  for (let looks = 0; looks < 12; looks++) {
    clock.advance(500);
    // What a look sets in motion is done when a commit after it is.
    await queue.enqueue('rare');
  }
  const waiting = await other.listJobs({ type: 'quick', status: 'pending' });
  assert.equal(waiting.length, 101);
  assert.deepEqual([...new Set(waiting.map(({ attempts, forgiven }) => `${attempts} ${forgiven}`))].sort(), [
    '0 0',
    '1 1',
  ]);

  end.resolve();
  const { completed, claimed, released } = await working;
  assert.deepEqual([completed, claimed - released], [202, 202]);
});
