import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { escapeText } from '../../../../lib/file/format/text.js';
import { searchRows } from '../../../../lib/file/operations/search.js';
import type { Store } from '../../../../lib/file/store.js';
import { View } from '../../../../lib/view/view.js';
import { NOW, over } from '../../../support/claims.js';
import { jobId, line } from '../../../support/queue-file.js';

/*
 * Looking for a text in the jobs of the file.
 */

/** Texts with all that is escaped somewhere, so alike that many are found in others. */
const text = fc
  .array(fc.constantFrom('a', 'n', 't', '\n', '\t', '\\', '"', 'é', '日', ':', '{', '1'), { maxLength: 6 })
  .map((parts) => parts.join(''));

/** The numbers of the jobs with a text, found by the plain text of their fields. */
const expected = (jobs: readonly { payload: string; error: string }[], wanted: string): number[] =>
  jobs.flatMap(({ payload, error }, i) => {
    const json = JSON.stringify({ payload });
    const isThere =
      json.includes(wanted) || payload.includes(wanted) || error.includes(wanted) || 'send'.includes(wanted);
    return isThere || jobId(i).includes(wanted) ? [i] : [];
  });

async function found(store: Store, wanted: string, block?: number, limit = 1000): Promise<number[]> {
  const index = await store.read('all');
  assert.ok(index !== undefined);
  const { keys } = await searchRows(store.fs, index, wanted, limit, block);
  return [...keys].sort((a, b) => a - b);
}

test('finds the jobs whose fields have the text, in pieces of any size', { timeout: 120_000 }, async (t) => {
  const job = fc.record({ payload: text, error: text });
  await fc.assert(
    fc.asyncProperty(
      fc.array(job, { minLength: 1, maxLength: 12 }),
      text.filter((wanted) => wanted !== ''),
      fc.integer({ min: 1, max: 700 }),
      async (jobs, wanted, block) => {
        const rows = jobs.map(({ payload, error }, i) =>
          line({
            ...{ id: jobId(i), type: 'send', payload: JSON.stringify({ payload }), error: escapeText(error) },
            // A number in a column that doesn't count.
            ...{ status: 'failed', created_at: 1111, run_at: 1, finished_at: 1.11, attempts: 11 },
          }),
        );
        const { store, queue } = over(t, ...rows);
        assert.deepEqual(await found(store, wanted, block), expected(jobs, wanted));
        await queue.close();
      },
    ),
    { numRuns: 250 },
  );
});

test('only the newest row of a job counts, and no comment or torn line', async (t) => {
  const { store } = over(
    t,
    line({ id: jobId(0), payload: '"old"' }),
    line({ id: jobId(1), payload: '"old"' }),
    `# ${line({ id: jobId(2), payload: '"old"' })}`,
    line({ id: jobId(0), payload: '"new"', version: 2 }),
    `${jobId(1)}\told\t#torn\n`,
  );
  assert.deepEqual(await found(store, 'old'), [1]);
  assert.deepEqual(await found(store, 'new'), [0]);
});

test('stops at the limit, with the newest rows, and says that there are more', async (t) => {
  const rows = Array.from({ length: 50 }, (_, i) => line({ id: jobId(i), payload: '"needle"' }));
  const { store } = over(t, ...rows);
  const index = await store.read('all');
  assert.ok(index !== undefined);
  const all = await searchRows(store.fs, index, 'needle', 50);
  assert.deepEqual([all.keys.length, all.hasMore], [50, false]);
  const { keys, hasMore } = await searchRows(store.fs, index, 'needle', 3, 200);
  assert.deepEqual([keys.length, hasMore], [3, true]);
  // A piece of 200 bytes has at most two rows.
  for (const key of keys) assert.ok(key >= 45, String(key));
});

test('a row that is longer than a piece is searched as a whole', async (t) => {
  const long = `${'x'.repeat(5000)}needle${'y'.repeat(5000)}`;
  const { store } = over(
    t,
    ...[0, 1, 2].map((i) => line({ id: jobId(i), payload: JSON.stringify(i === 1 ? long : 'short') })),
  );
  for (const block of [64, 4096, undefined]) assert.deepEqual(await found(store, 'needle', block), [1]);
});

test('a view pages through what it has found, and searches again once something has changed', async (t) => {
  const { queue, store, file } = over(
    t,
    ...[0, 1, 2].map((i) => line({ id: jobId(i), payload: '"needle"', created_at: 1000 + i })),
  );
  const view = new View(queue);
  t.after(() => view.close());
  let reads = 0;
  const { read } = store.fs;
  store.fs.read = (...args) => {
    reads++;
    return read(...args);
  };
  const ids = async (after?: { time: number; key: number }) => {
    const page = await view.query({ text: 'needle' }, { limit: 2, now: NOW * 1000, after });
    return { ids: view.jobs(page.keys).map(({ id }) => id), next: page.next, total: page.total };
  };
  await view.snapshot(NOW * 1000);
  const first = await ids();
  assert.deepEqual([first.ids, first.total], [[jobId(2), jobId(1)], 3]);
  const before = reads;
  assert.ok(before > 0);
  assert.deepEqual((await ids(first.next)).ids, [jobId(0)]);
  await view.snapshot(NOW * 1000);
  await ids();
  assert.equal(reads, before);
  appendFileSync(file, line({ id: jobId(3), payload: '"needle"', created_at: 1003 }));
  await view.snapshot(NOW * 1000);
  assert.deepEqual((await ids()).ids, [jobId(3), jobId(2)]);
});
