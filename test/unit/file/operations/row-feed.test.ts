import assert from 'node:assert/strict';
import { appendFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { versionOf } from '../../../../lib/file/operations/history.js';
import { lastChanges, type Wanted } from '../../../../lib/file/operations/last-changes.js';
import { type RowChange, RowFeed } from '../../../../lib/file/operations/row-feed.js';
import { eventOf } from '../../../../lib/job/job-event.js';
import { NOW } from '../../../support/claims.js';
import { fileOf, jobId, line, struck, text, writeQueue } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

/*
 * All rows that any process appends, once each, through compactions and other files of the same name.
 */

const eventsOf = (changes: readonly RowChange[]): string[] =>
  changes.map(({ before, after }) => {
    const event = eventOf(before && versionOf(before), versionOf(after))?.event;
    return `${Number.parseInt(after.id, 16) || after.id} ${event}`;
  });

/** A feed of a file, as of another process than the one that changes it. */
async function feedOf(t: TestContext, ...rows: string[]) {
  const file = fileOf(t, ...rows);
  const { queue, store, clock } = openTest(t, { file });
  const reader = openTest(t, { file });
  const feed = new RowFeed(reader.store);
  t.after(() => feed.close());
  await feed.start();
  const ids: string[] = [];
  const seen = async (): Promise<string[]> =>
    (await feed.read()).map(({ before, after }) => {
      const event = eventOf(before && versionOf(before), versionOf(after))?.event;
      if (!ids.includes(after.id)) ids.push(after.id);
      return `${ids.indexOf(after.id)} ${event}`;
    });
  return { file, queue, store, clock, seen };
}

const LIFE = ['0 added', '0 started', '0 retrying', '0 promoted', '0 started', '0 failed'];

/** A job that fails twice. Workers that end compact, so it is read in between. */
async function live({ queue, seen }: Pick<Awaited<ReturnType<typeof feedOf>>, 'queue' | 'seen'>) {
  const fail = () => {
    throw new Error('no');
  };
  const id = await queue.enqueue('email', {}, { maxAttempts: 2 });
  await queue.processJobs({ email: fail }, { backoff: () => 60_000 });
  const events = await seen();
  await queue.promoteJob(id);
  await queue.processJobs({ email: fail });
  return { id, events };
}

test('gives each row of a life, although they are struck by the time it reads', async (t) => {
  const feed = await feedOf(t);
  assert.deepEqual(await feed.seen(), []);
  const { id, events } = await live(feed);
  assert.deepEqual([...events, ...(await feed.seen())], LIFE);
  await feed.queue.dismissJob(id);
  assert.deepEqual(await feed.seen(), ['0 dismissed']);
  await feed.queue.retryJob(id);
  await feed.queue.cancelJob(id);
  assert.deepEqual(await feed.seen(), ['0 retried', '0 cancelled']);
  assert.deepEqual(await feed.seen(), []);
});

test('a compaction between two reads loses nothing, and gives nothing twice', async (t) => {
  const feed = await feedOf(t);
  const { id, events } = await live(feed);
  await feed.queue.retryJob(id);
  assert.deepEqual([...events, ...(await feed.seen())], [...LIFE, '0 retried']);
  await feed.queue.compact();
  assert.deepEqual(await feed.seen(), []);
  await feed.queue.cancelJob(id);
  await feed.queue.compact();
  await feed.queue.enqueue('email');
  assert.deepEqual(await feed.seen(), ['0 cancelled', '1 added']);
});

test('of jobs that changed during two compactions between reads, the last rows are given', async (t) => {
  const feed = await feedOf(t);
  const id = await feed.queue.enqueue('email');
  assert.deepEqual(await feed.seen(), ['0 added']);
  await feed.queue.compact();
  await feed.queue.processJobs({ email: () => {} });
  await feed.queue.compact();
  assert.deepEqual(await feed.seen(), ['0 completed']);
  assert.equal((await feed.queue.getJob(id))?.status, 'completed');
});

test('goes on after the file was deleted, and came back as it was, or as another one', async (t) => {
  const feed = await feedOf(t, line({ id: jobId(1) }), line({ id: jobId(2) }));
  renameSync(feed.file, `${feed.file}.away`);
  assert.deepEqual(await feed.seen(), []);
  renameSync(`${feed.file}.away`, feed.file);
  assert.deepEqual(await feed.seen(), []);
  rmSync(feed.file);
  assert.deepEqual(await feed.seen(), []);
  writeQueue(
    feed.file,
    line({ id: jobId(2) }),
    line({ id: jobId(3), created_at: NOW + 1 }),
    line({ id: jobId(4) }),
    line({ id: jobId(2), version: 2, status: 'cancelled' }),
  );
  assert.deepEqual(await feed.seen(), ['0 added', '1 cancelled']);
  writeQueue(feed.file, line({ id: jobId(1) }), line({ id: jobId(2) }));
  assert.deepEqual(await feed.seen(), []);
});

test('gives what is new after an editor has written into the file in place', async (t) => {
  const feed = await feedOf(t, line({ id: jobId(1) }), line({ id: jobId(2) }));
  const content = text(feed.file).replace('# tsvq format 2\n', '# tsvq format 2\n# a note of mine\n');
  writeFileSync(feed.file, content + line({ id: jobId(1), version: 2, status: 'cancelled' }));
  assert.deepEqual(await feed.seen(), ['0 cancelled']);
});

test('waits for the end of a line', async (t) => {
  const feed = await feedOf(t);
  const row = line({ id: jobId(1) });
  appendFileSync(feed.file, row.slice(0, 20));
  assert.deepEqual(await feed.seen(), []);
  appendFileSync(feed.file, row.slice(20));
  assert.deepEqual(await feed.seen(), ['0 added']);
});

test('reads the whole life of many jobs, whatever is compacted in between', async (t) => {
  const feed = await feedOf(t);
  const all: string[] = [];
  const count = 40;
  for (let i = 0; i < count; i++) {
    await feed.queue.enqueue('email', { i });
    if (i % 3 === 0) await feed.queue.processJobs({ email: () => {} });
    if (i % 7 === 0) await feed.queue.compact();
    if (i % 2 === 0 || i % 7 === 0) all.push(...(await feed.seen()));
  }
  await feed.queue.processJobs({ email: () => {} });
  all.push(...(await feed.seen()));
  assert.deepEqual(
    all.sort(),
    Array.from({ length: count }, (_, i) => [`${i} added`, `${i} completed`, `${i} started`])
      .flat()
      .sort(),
  );
});

async function lastOf(t: TestContext, rows: string[], wanted: Partial<Wanted>): Promise<string[]> {
  const { store } = openTest(t, { file: fileOf(t, ...rows) });
  const file = store.openFile();
  assert.ok(file);
  return eventsOf(
    await lastChanges(file, file.size, {
      most: 10,
      now: Date.now(),
      types: undefined,
      statuses: undefined,
      ...wanted,
    }),
  );
}

const LAST = [
  line({
    ...{ id: jobId(1), type: 'report', status: 'completed', attempts: 1, version: 3 },
    ...{ created_at: NOW - 100, started_at: NOW - 50, finished_at: NOW - 5 },
  }),
  line({ id: jobId(2), created_at: NOW - 1000 }),
  struck(line({ id: jobId(3), created_at: NOW - 90 })),
  struck(
    line({
      id: jobId(3),
      status: 'processing',
      attempts: 1,
      version: 2,
      created_at: NOW - 90,
      started_at: NOW - 40,
    }),
  ),
  line({
    ...{ id: jobId(3), attempts: 1, version: 3, error: 'Error: no', run_at: NOW + 60 },
    ...{ created_at: NOW - 90, started_at: NOW - 40 },
  }),
  line({
    id: jobId(4),
    status: 'recurring',
    created_at: NOW - 1,
    meta: '{"@schedule":{"name":"x","every":60}}',
  }),
];

test('finds the last changes by their times, whatever the order of rows is', async (t) => {
  assert.deepEqual(await lastOf(t, LAST, {}), [
    '2 added',
    '3 added',
    '3 started',
    '3 retrying',
    '1 completed',
  ]);
  assert.deepEqual(await lastOf(t, LAST, { most: 2 }), ['3 retrying', '1 completed']);
  assert.deepEqual(await lastOf(t, LAST, { types: new Set(['report']) }), ['1 completed']);
  assert.deepEqual(await lastOf(t, LAST, { statuses: new Set(['processing', 'pending']), most: 3 }), [
    ...['3 added', '3 started', '3 retrying'],
  ]);
});
