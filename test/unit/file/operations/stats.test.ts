import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FakeClock } from '../../../support/fake-clock.js';
import { temporaryFolder } from '../../../support/folders.js';
import { jobId, line, writeQueue } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

test('jobs are counted by state and type, with the age of the oldest due one', async (t) => {
  const clock = new FakeClock(10_000_000);
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(
    file,
    line({ id: jobId(1), run_at: 9_970 }),
    line({ id: jobId(2), run_at: 9_900.5 }),
    line({ id: jobId(3), run_at: 10_001 }),
    line({ id: jobId(4), status: 'processing', version: 2 }),
    line({ id: jobId(4), version: 1 }),
    line({ id: jobId(5), type: 'größe', status: 'failed', version: 3 }),
    line({ id: jobId(6), type: '__proto__', status: 'cancelled', version: 3 }),
    line({ id: jobId(7), type: 'constructor', run_at: 9_999 }),
    line({ id: jobId(8), type: 'now', run_at: 10_000 }),
    'unreadable\n',
    '# comment\n',
  );
  const { queue } = openTest(t, { file, clock });
  const { types, ...all } = await queue.stats();
  assert.deepEqual(all, {
    ...all,
    file,
    total: 8,
    pending: 5,
    due: 4,
    processing: 1,
    completed: 0,
    failed: 1,
    dismissed: 0,
    cancelled: 1,
    waiting: 0,
    oldestDueSeconds: 99.5,
    lastTick: undefined,
    unhandled: [],
    unreadable: 1,
    bytes: statSync(file).size,
  });
  const none = {
    pending: 0,
    due: 0,
    processing: 0,
    completed: 0,
    failed: 0,
    dismissed: 0,
    cancelled: 0,
    waiting: 0,
    oldestDueSeconds: 0,
  };
  assert.deepEqual(Object.keys(types).sort(), ['__proto__', 'constructor', 'email', 'größe', 'now']);
  assert.deepEqual(types.email, { ...none, pending: 3, due: 2, processing: 1, oldestDueSeconds: 99.5 });
  assert.deepEqual(types.größe, { ...none, failed: 1 });
  assert.deepEqual(types.constructor, { ...none, pending: 1, due: 1, oldestDueSeconds: 1 });
  assert.deepEqual(types.now, { ...none, pending: 1, due: 1 });
});

test('all counts are 0 without a file', async (t) => {
  const { queue, file } = openTest(t);
  const stats = await queue.stats();
  assert.deepEqual([stats.file, stats.total, stats.due, stats.bytes, stats.types], [file, 0, 0, 0, {}]);
});

test('a type that the last worker could not handle is named as long as a job of it is due', async (t) => {
  const { queue } = openTest(t);
  const id = await queue.enqueue('ghost');
  await queue.processJobs({});
  assert.deepEqual((await queue.stats()).unhandled, ['ghost']);
  await queue.cancelJob(id);
  assert.deepEqual((await queue.stats()).unhandled, []);
});

test('types whose rate is used up are named, with the time at which all of it is back', async (t) => {
  const clock = new FakeClock(10_000_000);
  const { queue, file } = openTest(t, { clock });
  await queue.enqueueMany([
    { type: 'api' },
    ...['a', 'b', 'b'].map((group) => ({ type: 'hook', options: { group } })),
  ]);
  assert.deepEqual((await queue.stats()).rateLimits, []);
  const handler = (): void => {};
  const hook = { handler, rateLimit: { max: 1, per: '20m', burst: 2, by: 'group' } } as const;
  await queue.processJobs({ hook, api: { handler, rateLimit: { max: 1, per: '10m' } } });
  const before = statSync(`${file}.limits`);
  assert.deepEqual((await queue.stats()).rateLimits, [
    { type: 'api', groups: 0, until: new Date(10_600_000) },
    { type: 'hook', groups: 2, until: new Date(12_400_000) },
  ]);
  assert.equal(statSync(`${file}.limits`).mtimeMs, before.mtimeMs, 'a look writes nothing');
  clock.advance(600_000);
  assert.deepEqual(
    (await queue.stats()).rateLimits.map(({ type, groups }) => [type, groups]),
    [['hook', 2]],
  );
  clock.advance(600_000);
  assert.deepEqual(
    (await queue.stats()).rateLimits.map(({ type, groups }) => [type, groups]),
    [['hook', 1]],
  );
});

test('a limits file that can not be used costs stats only the rates', async (t) => {
  const { queue, file } = openTest(t, { clock: new FakeClock(10_000_000) });
  await queue.enqueue('api');
  const limits = `${file}.limits`;
  const expect = async (rates: string[]): Promise<void> => {
    const { total, rateLimits } = await queue.stats();
    assert.deepEqual([total, rateLimits.map(({ type }) => type)], [1, rates]);
  };
  writeFileSync(limits, 'api\t\t10001\nrubbish\n\nold\t\t9999\nx\ty\tz\ntorn\t\t1000');
  await expect(['api']);
  chmodSync(limits, 0o440);
  await expect(['api']);
  rmSync(limits);
  symlinkSync('elsewhere', limits);
  await expect([]);
  rmSync(limits);
  mkdirSync(limits);
  await expect([]);
});
