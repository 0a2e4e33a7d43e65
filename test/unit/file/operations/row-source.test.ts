import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { test } from 'node:test';
import type { RowSource } from '../../../../lib/job/row-source.js';
import { rowsOf } from '../../../../lib/open-queue.js';
import { jobId, line } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

/** What a read gives, as text. */
async function read(rows: RowSource): Promise<string[]> {
  const { isWhole, jobs } = await rows.read();
  return [...(isWhole ? ['all'] : []), ...[...jobs].map(({ type, status }) => `${type} ${status}`).sort()];
}

test('the first read gives all jobs, and each further one those with a new row, once each', async (t) => {
  const { queue, file } = openTest(t);
  const rows = rowsOf(queue);
  t.after(() => rows.close());
  assert.deepEqual(await read(rows), ['all']);
  await queue.enqueueMany([{ type: 'a' }, { type: 'b' }]);
  assert.deepEqual(await read(rows), ['all', 'a pending', 'b pending']);
  assert.deepEqual(await read(rows), []);
  await queue.processJobs({ b: () => {} }, { logger: () => {} });
  assert.deepEqual(await read(rows), ['all', 'a pending', 'b completed']);
  // Another program's row.
  appendFileSync(file, line({ id: jobId(1), type: 'c' }));
  assert.deepEqual(await read(rows), ['c pending']);
  const id = await queue.enqueue('d');
  await queue.cancelJob(id);
  assert.deepEqual(await read(rows), ['d cancelled']);
});

test('a read after a compaction gives all jobs again, and a missing file has none', async (t) => {
  const { queue, store } = openTest(t);
  await queue.enqueueMany([{ type: 'a' }, { type: 'b' }]);
  const rows = rowsOf(queue);
  t.after(() => rows.close());
  await read(rows);
  await queue.cancelJob(((await queue.listJobs())[0] as { id: string }).id);
  await queue.compact();
  assert.deepEqual(await read(rows), ['all', 'a cancelled', 'b pending']);
  store.fs.unlink(store.realPath);
  assert.deepEqual(await read(rows), ['all']);
});

test('two sources of one queue read independently', async (t) => {
  const { queue } = openTest(t);
  await queue.enqueue('a');
  const [one, other] = [rowsOf(queue), rowsOf(queue)];
  t.after(() => [one, other].forEach((rows) => rows.close()));
  assert.deepEqual(await read(one), ['all', 'a pending']);
  await queue.enqueue('b');
  assert.deepEqual(await read(one), ['b pending']);
  assert.deepEqual(await read(other), ['all', 'a pending', 'b pending']);
});
