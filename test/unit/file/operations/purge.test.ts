import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { countPurgeable } from '../../../../lib/file/operations/purge.js';
import { rejects } from '../../../support/errors.js';
import { FakeClock } from '../../../support/fake-clock.js';
import { temporaryFolder } from '../../../support/folders.js';
import { fileOf, jobId, line, rowsOf, text } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

const NOW = Date.UTC(2030, 0, 1);
const HOUR = 3600;
const now = NOW / 1000;

type Fields = Parameters<typeof line>[0];

/** Jobs in each state, old and young. */
const JOBS: Fields[] = [
  { status: 'completed', finished_at: now - 10 * HOUR },
  { status: 'completed', finished_at: now - HOUR },
  { status: 'failed', finished_at: now - 10 * HOUR },
  { status: 'failed', finished_at: now - HOUR, type: 'other' },
  { status: 'cancelled', finished_at: now - 10 * HOUR },
  { status: 'pending', created_at: now - 10 * HOUR },
  { status: 'pending', created_at: now - HOUR, run_at: now + HOUR },
  { status: 'processing', started_at: now - 10 * HOUR, locked_by: 'x', version: 2 },
  { status: 'waiting', created_at: now - 10 * HOUR, after: `{"ids":["${jobId(7)}"],"else":"run"}` },
];

const lines = JOBS.map((fields, n) => line({ id: jobId(n), version: 3, ...fields }));

for (const [name, options, gone] of [
  ['all finished jobs by default', {}, [0, 1, 2, 3, 4]],
  ['jobs of one state', { status: 'failed' }, [2, 3]],
  ['jobs of several states', { status: ['completed', 'cancelled'] }, [0, 1, 4]],
  ['jobs of a type', { type: 'other' }, [3]],
  ['jobs with these ids', { ids: [jobId(1), jobId(2), jobId(5)] }, [1, 2]],
  ['jobs with these ids in these states', { ids: [jobId(1), jobId(5)], status: 'pending' }, [5]],
  ['no job if no id is named', { ids: [] }, []],
  ['jobs that ended so long ago', { olderThan: '10h' }, [0, 2, 4]],
  ['no job that is a little younger', { olderThan: 36_000_001 }, []],
  ['pending jobs, if they are asked for', { status: 'pending' }, [5, 6]],
  ['pending jobs that were added so long ago', { status: ['pending', 'completed'], olderThan: '5h' }, [0, 5]],
  ['all that fits together', { status: 'failed', type: 'other', olderThan: '1h' }, [3]],
  ['nothing of a type without jobs', { type: 'none' }, []],
] as const)
  test(`purge takes out ${name}`, async (t) => {
    const file = fileOf(t, ...lines);
    const { queue, store } = openTest(t, { file, clock: new FakeClock(NOW) });
    assert.equal((await countPurgeable(store, options)).purgeable, gone.length);
    assert.deepEqual(await queue.purge(options), { purged: gone.length });
    const left = [...lines.keys()].filter((n) => !(gone as readonly number[]).includes(n));
    assert.deepEqual(
      rowsOf(file)
        .map(({ id }) => id)
        .sort(),
      left.map(jobId),
    );
    for (const n of gone) assert.equal(await queue.getJob(jobId(n), { archive: true }), undefined);
    assert.equal(existsSync(join(dirname(file), 'archive')), false);
    assert.deepEqual(await queue.purge(options), { purged: 0 });
  });

test('jobs that run or wait, and schedules, are refused: cancel them first', async (t) => {
  const file = fileOf(t, ...lines);
  const { queue } = openTest(t, { file, clock: new FakeClock(NOW) });
  const before = text(file);
  for (const status of ['processing', 'waiting', 'recurring'])
    for (const given of [status, ['completed', status]])
      await rejects(
        queue.purge({ status: given as 'completed' }),
        'INVALID_ARGUMENT',
        `status is "${status}"`,
        'cancel them first',
      );
  assert.equal(text(file), before);
});

test('options that can not be used are refused by their names', async (t) => {
  const { queue } = openTest(t);
  for (const [options, ...message] of [
    [{ status: 'done' }, 'status is "done"', 'completed, failed, cancelled, pending'],
    [{ status: [] }, 'status is', 'at least one'],
    [{ type: 5 }, 'type is 5'],
    [{ olderThan: 'old' }, 'olderThan is "old"'],
    [{ state: 'failed' }, 'options.state'],
    [null, 'options is null'],
  ] as const)
    await rejects(queue.purge(options as never), 'INVALID_ARGUMENT', ...message);
});

test('without a file there is nothing to purge, and none is made', async (t) => {
  const { queue, file } = openTest(t, { file: join(temporaryFolder(t), 'data', 'queue.tsv') });
  assert.deepEqual(await queue.purge(), { purged: 0 });
  assert.equal(existsSync(dirname(file)), false);
});

test('a job that finished within the last minute stays, and is not counted', async (t) => {
  const { queue, clock, store } = openTest(t);
  const id = await queue.enqueue('email');
  await queue.processJobs({ email: () => {} });
  clock.advance(59_999);
  assert.deepEqual(await countPurgeable(store, {}), { purgeable: 0, tooYoung: 1 });
  assert.equal((await countPurgeable(store, { olderThan: '1m' })).tooYoung, 0);
  assert.deepEqual(await queue.purge(), { purged: 0 });
  assert.equal((await queue.getJob(id))?.status, 'completed');
  clock.advance(1);
  assert.deepEqual(await queue.purge(), { purged: 1 });
});

test('a held job stays, and so does one whose finish time can not be read', async (t) => {
  const file = fileOf(
    t,
    line({ id: jobId(1), status: 'failed', version: 3, finished_at: 5 }),
    line({ id: jobId(2), status: 'pending' }),
    line({ id: jobId(3), status: 'failed', version: 3, finished_at: 'yesterday' }),
    line({ id: jobId(4), status: 'failed', version: 3, finished_at: 5 }),
    `${jobId(1)}\tno row\n`,
    `${jobId(2)}\tno row\n`,
  );
  const { queue, store } = openTest(t, { file });
  const options = { status: ['failed', 'pending'] } as const;
  assert.deepEqual(await countPurgeable(store, options), { purgeable: 1, tooYoung: 0 });
  assert.deepEqual(await queue.purge(options), { purged: 1 });
  assert.equal(await queue.getJob(jobId(4)), undefined);
  assert.equal((await queue.getJob(jobId(1)))?.status, 'failed');
  assert.equal((await queue.getJob(jobId(2)))?.status, 'pending');
});

test('a purge moves nothing to the archive, and leaves the archive as it is', async (t) => {
  const old = line({ id: jobId(1), status: 'completed', version: 3, finished_at: 5 });
  const file = fileOf(t, old, line({ id: jobId(2), status: 'failed', version: 3, finished_at: 5 }));
  const { queue } = openTest(t, { file, archiveRetention: 0 });
  assert.deepEqual(await queue.purge({ status: 'failed' }), { purged: 1 });
  assert.equal((await queue.getJob(jobId(1)))?.status, 'completed');
  await openTest(t, { file }).queue.compact();
  const archive = join(dirname(file), 'archive', 'queue-1970-01.tsv');
  const before = text(archive);
  assert.deepEqual(await queue.purge(), { purged: 0 });
  assert.equal(text(archive), before);
});

test('a schedule that was removed counts as cancelled, and can be declared again', async (t) => {
  const { queue, clock, file } = openTest(t);
  const spec = { type: 'email', every: '1h' } as const;
  await queue.schedule('hourly', spec);
  await queue.schedule('other', spec);
  await queue.unschedule('hourly');
  clock.advance(60_000);
  assert.deepEqual(await queue.purge({ status: 'cancelled' }), { purged: 1 });
  assert.deepEqual(
    rowsOf(file).map(({ status }) => status),
    ['recurring'],
  );
  assert.equal((await queue.schedule('hourly', spec)).changed, true);
  assert.equal((await queue.listSchedules()).length, 2);
});

test('a key is free again once its job is purged', async (t) => {
  const { queue } = openTest(t);
  const options = { dedupeKey: 'a', delay: '1h' };
  const first = await queue.enqueue('email', 1, options);
  assert.equal(await queue.enqueue('email', 2, options), first);
  assert.deepEqual(await queue.purge({ status: 'pending' }), { purged: 1 });
  assert.notEqual(await queue.enqueue('email', 3, options), first);
});

test('other processes see that a job is gone, also one that works', async (t) => {
  const { queue, clock, file } = openTest(t);
  const other = openTest(t, { file, clock }).queue;
  const ids = await queue.enqueueMany([
    { type: 'email', payload: 1 },
    { type: 'email', payload: 2 },
  ]);
  assert.equal((await other.listJobs()).length, 2);
  const runs: unknown[] = [];
  const email = async (n: unknown): Promise<void> => {
    runs.push(n);
    if (n === 1) assert.deepEqual(await other.purge({ status: 'pending' }), { purged: 1 });
  };
  const { completed } = await queue.processJobs({ email }, { concurrency: 1 });
  assert.deepEqual([runs, completed], [[1], 1]);
  assert.deepEqual(
    (await other.listJobs()).map(({ id }) => id),
    [ids[0]],
  );
});
