import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { test } from 'node:test';
import type { RowSink } from '../../../../lib/job/row-source.js';
import { rowsOf } from '../../../../lib/open-queue.js';
import type { Queue } from '../../../../lib/queue.js';
import { dead, NOW, over } from '../../../support/claims.js';
import { jobId, line } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

/** A source whose reads give what it told: `all` for a reset, and type and status of each job. */
function sourceOf(queue: Queue) {
  let told: string[] = [];
  let isReset = false;
  const sink: RowSink = {
    reset: () => {
      told = [];
      isReset = true;
    },
    put: (_, { type, status }) => void told.push(`${type} ${status}`),
    drop: (key) => void told.push(`${key} dropped`),
  };
  const rows = rowsOf(queue, sink);
  const read = async (): Promise<string[]> => {
    await rows.read();
    const all = [...(isReset ? ['all'] : []), ...told.sort()];
    told = [];
    isReset = false;
    return all;
  };
  return { rows, read };
}

test('the first read tells of all jobs, and each further one of those with a new row', async (t) => {
  const { queue, file } = openTest(t);
  const { rows, read } = sourceOf(queue);
  t.after(() => rows.close());
  // There is no file yet.
  assert.deepEqual(await read(), []);
  await queue.enqueueMany([{ type: 'a' }, { type: 'b' }]);
  assert.deepEqual(await read(), ['all', 'a pending', 'b pending']);
  assert.deepEqual(await read(), []);
  // Another program's row.
  appendFileSync(file, line({ id: jobId(1), type: 'c' }));
  assert.deepEqual(await read(), ['c pending']);
  const id = await queue.enqueue('d');
  await read();
  await queue.cancelJob(id);
  assert.deepEqual(await read(), ['d cancelled']);
});

test('a read after a compaction tells of all jobs again, sealed ones too, and a missing file has none', async (t) => {
  const { queue, store } = openTest(t);
  await queue.enqueueMany(Array.from({ length: 400 }, () => ({ type: 'a', payload: 'x'.repeat(200) })));
  await queue.processJobs({ a: () => {} });
  await queue.enqueue('b');
  const { rows, read } = sourceOf(queue);
  t.after(() => rows.close());
  await queue.compact();
  assert.deepEqual(await read(), ['all', ...Array.from({ length: 400 }, () => 'a completed'), 'b pending']);
  await queue.compact();
  assert.equal((await read()).length, 402);
  store.fs.unlink(store.realPath);
  assert.deepEqual(await read(), ['all']);
});

test('two sources of one queue read independently', async (t) => {
  const { queue } = openTest(t);
  await queue.enqueue('a');
  const [one, other] = [sourceOf(queue), sourceOf(queue)];
  t.after(() => [one, other].forEach(({ rows }) => rows.close()));
  assert.deepEqual(await one.read(), ['all', 'a pending']);
  await queue.enqueue('b');
  assert.deepEqual(await one.read(), ['b pending']);
  assert.deepEqual(await other.read(), ['all', 'a pending', 'b pending']);
});

test('the facts are those of the row, whether it was read or written', async (t) => {
  const now = NOW;
  const fields = {
    ...{ status: 'failed', attempts: 3, created_at: now - 50, run_at: now - 40, started_at: now - 30 },
    ...{ finished_at: now - 20, error: 'Error: no\\n    at x', meta: '{"@dismissed":true}', version: 2 },
  };
  const { queue } = over(t, line({ id: jobId(1), ...fields }));
  const told: unknown[] = [];
  const rows = rowsOf(queue, {
    reset: () => {},
    put: (_, facts) => void told.push({ ...facts }),
    drop: () => {},
  });
  t.after(() => rows.close());
  await rows.read();
  await queue.retryJob(jobId(1));
  await rows.read();
  const common = { type: 'email', attempts: 3, createdAt: (now - 50) * 1000, startedAt: (now - 30) * 1000 };
  assert.deepEqual(told, [
    {
      ...{ ...common, status: 'failed', isDismissed: true, runAt: (now - 40) * 1000 },
      ...{ finishedAt: (now - 20) * 1000, error: 'Error: no\n    at x' },
    },
    {
      ...{ ...common, attempts: 0, status: 'pending', isDismissed: false, runAt: now * 1000 },
      ...{ finishedAt: Number.NaN, error: 'Error: no\n    at x' },
    },
  ]);
  assert.equal((rows.jobs([0]) as { id: string }[])[0]?.id, jobId(1));
  assert.deepEqual([rows.isAlive(dead()), rows.isAlive('elsewhere.0.0.17.1.aa')], [false, undefined]);
});
