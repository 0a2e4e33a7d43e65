import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { followUpId } from '../../../../lib/file/format/derived-id.js';
import { jobId, line, linesOf, rowsOf, text } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';
import { over, RECENT } from './queue-with-archive.js';

/*
 * A compaction makes follow-ups that a completion carries and that are missing.
 */

test('malformed follow-ups make no malformed row, and are kept as they are', async (t) => {
  const good = { type: 'email', payload: '1', createdAt: 1, runAt: 1, priority: 0 };
  const columns = [
    JSON.stringify([{ ...good, type: 'a\tb\nevil\temail' }]),
    JSON.stringify([{ ...good, payload: '1\t\n2' }]),
    JSON.stringify([{ ...good, payload: 1 }]),
    JSON.stringify([{ ...good, priority: '0\n' }]),
    JSON.stringify([{ ...good, maxAttempts: '1\t' }]),
    JSON.stringify([{ ...good, maxAttempts: 1, timeout: '1\n' }]),
    JSON.stringify([{ type: 'email' }]),
    JSON.stringify([good, 1]),
    JSON.stringify([{ ...good, dedupeKey: 'a\tb' }]),
    JSON.stringify([{ ...good, status: 'failed' }]),
    JSON.stringify([{ ...good, after: { ids: [1], else: 'run' } }]),
    JSON.stringify([{ ...good, meta: 'x\ty' }]),
    '[{"type":"email"',
    '{}',
  ];
  const rows = columns.map((follow_ups, n) =>
    line({ id: jobId(n), status: 'completed', version: 3, finished_at: RECENT, follow_ups }),
  );
  const { queue, file } = over(t, rows);
  for (let round = 0; round < 2; round++) {
    assert.deepEqual(await queue.compact().then(({ kept, recovered }) => [kept, recovered]), [
      rows.length,
      0,
    ]);
    assert.equal(linesOf(file).join('\n'), rows.join('').trimEnd());
  }
});

test('follow-ups that a crash cut off their completion are made, once, and the column is emptied', async (t) => {
  const id = jobId(1);
  const job = { type: 'thumb', payload: '{"n":1}', createdAt: 5000, runAt: 6000, priority: 2 };
  const followUps = JSON.stringify([
    job,
    { ...job, payload: '{"n":2}', maxAttempts: 7, timeout: 1500 },
    { ...job, payload: '{"n":3}' },
  ]);
  const there = followUpId(id, 4, 0);
  const { queue, file } = over(t, [
    line({
      id,
      status: 'completed',
      attempts: 4,
      version: 3,
      finished_at: RECENT,
      follow_ups: followUps,
    }),
    // The first of them made it into the file, and has run since.
    line({ id: there, type: 'thumb', status: 'completed', version: 3, finished_at: RECENT }),
  ]);
  assert.deepEqual(await queue.compact().then(({ kept, recovered }) => [kept, recovered]), [4, 2]);
  assert.equal((await queue.getJob(there))?.status, 'completed');
  const second = await queue.getJob(followUpId(id, 4, 1));
  assert.deepEqual(
    [
      second?.type,
      second?.payload,
      second?.status,
      second?.createdAt.getTime(),
      second?.runAt.getTime(),
      second?.priority,
      second?.maxAttempts,
      second?.timeout,
    ],
    ['thumb', { n: 2 }, 'pending', 5000, 6000, 2, 7, 1500],
  );
  assert.deepEqual((await queue.getJob(followUpId(id, 4, 2)))?.payload, { n: 3 });
  assert.ok(rowsOf(file).every((row) => row.follow_ups === ''));
  assert.equal((await queue.compact()).recovered, 0);
  assert.equal(rowsOf(file).length, 4);
});

test('of missing follow-ups with one key, one is made', async (t) => {
  const job = { type: 'thumb', payload: '1', createdAt: 5000, runAt: 6000, priority: 0 };
  const parent = (n: number, dedupeKey: string): string =>
    line({
      id: jobId(n),
      status: 'completed',
      attempts: 1,
      version: 3,
      finished_at: RECENT,
      follow_ups: JSON.stringify([{ ...job, dedupeKey }, job]),
    });
  const { queue } = over(t, [parent(1, 'k'), parent(2, 'k'), parent(3, 'other')]);
  assert.equal((await queue.compact()).recovered, 5);
  const keys = (await queue.listJobs({ type: 'thumb' })).map(({ dedupeKey }) => dedupeKey);
  assert.deepEqual(keys, ['k', undefined, undefined, 'other', undefined]);
});

test('follow-ups that a person broke make no job, and no error', async (t) => {
  for (const followUps of ['{', 'null', '5', '[null,5,{"type":7}]', '{"type":"x"}']) {
    const { queue } = over(t, [
      line({
        id: jobId(1),
        status: 'completed',
        version: 2,
        finished_at: RECENT,
        follow_ups: followUps,
      }),
    ]);
    const { kept, recovered } = await queue.compact();
    assert.deepEqual({ kept, recovered }, { kept: 1, recovered: 0 }, followUps);
  }
});

test('the follow-ups of a held job are not made a second time when its line is repaired much later', async (t) => {
  const id = jobId(1);
  const followUps = JSON.stringify([
    { type: 'thumb', payload: '1', createdAt: 5000, runAt: 6000, priority: 0 },
  ]);
  const completed = line({
    id,
    status: 'completed',
    attempts: 1,
    version: 3,
    finished_at: RECENT,
    follow_ups: followUps,
  });
  const child = followUpId(id, 1, 0);
  const bulk = Array.from({ length: 400 }, (_, n) =>
    line({
      id: jobId(1000 + n),
      status: 'completed',
      version: 3,
      finished_at: RECENT,
      payload: JSON.stringify('x'.repeat(200)),
    }),
  );
  const damaged = `${id}\tdamaged\n`;
  const { queue, file } = over(t, [
    ...bulk,
    completed,
    line({ id: child, type: 'thumb', payload: '1' }),
    damaged,
  ]);
  const runs: string[] = [];
  const handlers = { thumb: (_: unknown, { job }: { job: { id: string } }) => void runs.push(job.id) };
  await queue.processJobs(handlers);
  await queue.compact();
  assert.deepEqual(runs, [child]);
  // A person takes the damaged line out.
  writeFileSync(file, text(file).replace(damaged, ''));
  const again = openTest(t, { file });
  await again.queue.compact();
  await again.queue.processJobs(handlers);
  await again.queue.compact();
  await again.queue.processJobs(handlers);
  assert.deepEqual(runs, [child]);
});
