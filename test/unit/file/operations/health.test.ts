import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { test } from 'node:test';
import { gatherHealth } from '../../../../lib/file/operations/health.js';
import { claimed, over } from '../../../support/claims.js';
import { jobId, line } from '../../../support/queue-file.js';

/*
 * What is known of a queue besides its jobs, for a view that asks each second.
 */

test('a pass over all jobs holds for five seconds, or until a row is new', async (t) => {
  // Claimed ten seconds ago by a worker that is dead.
  const { store, clock, file } = over(t, claimed(1), line({ id: jobId(2) }));
  const orphaned = async (): Promise<number> => (await gatherHealth(store, 12_000)).orphaned;
  assert.equal(await orphaned(), 0);
  clock.advance(4000);
  assert.equal(await orphaned(), 0);
  assert.equal((await gatherHealth(store, 11_000)).orphaned, 1, 'with another patience');
  assert.equal(await orphaned(), 1);
  appendFileSync(file, `${jobId(2)}\tdamaged\n`);
  assert.equal((await gatherHealth(store, 12_000)).held, 1);
});

test('a worker that dies is noticed although no row is new', async (t) => {
  const { store, clock } = over(t, claimed(1));
  assert.equal((await gatherHealth(store, 12_000)).orphaned, 0);
  clock.advance(6000);
  assert.equal((await gatherHealth(store, 12_000)).orphaned, 1);
});

test('rows that were searched for interruptions are not read again', async (t) => {
  const meta = '{"@interruptions":3}';
  const { store, file } = over(t, line({ id: jobId(1), meta }));
  let reads = 0;
  const { readSync } = store.fs;
  store.fs.readSync = (...args) => {
    // Blocks of rows; not the few bytes that tell if the file is the same, nor the table of mounts.
    if ((args[2] as number) > 20_000) reads++;
    return readSync(...args);
  };
  assert.match((await gatherHealth(store, 1000)).others.join(), /was interrupted 3 times/);
  const before = reads;
  assert.match((await gatherHealth(store, 1000)).others.join(), /was interrupted 3 times/);
  assert.ok(before > 0);
  assert.equal(reads, before);
  appendFileSync(file, line({ id: jobId(2), meta }));
  assert.match((await gatherHealth(store, 1000)).others.join(), /2 jobs were interrupted again and again/);
});
