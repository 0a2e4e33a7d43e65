import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { Snapshot } from '../../../../lib/file/moving/snapshot.js';
import type { Job } from '../../../../lib/job/job.js';
import { HEADER, jobId, line, writeQueue } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

const all = async (jobs: AsyncIterable<Job>): Promise<string[]> => {
  const found: string[] = [];
  for await (const { id, status, attempts, error } of jobs)
    found.push(`${id} ${status} ${attempts} ${error ?? ''}`);
  return found;
};

test('a snapshot shows all jobs as they were, whatever is struck, added or rewritten meanwhile', async (t) => {
  const { queue, store } = openTest(t);
  const ids = await queue.enqueueMany(
    Array.from({ length: 3000 }, (_, i) => ({ type: `t${i % 3}`, payload: i })),
  );
  await queue.processJobs({ t0: () => 'done' }, { logger: () => {} });
  const snapshot = await Snapshot.take(store);
  const before = await all(snapshot.jobs({}));
  assert.equal(before.length, 3000);
  assert.equal(before.filter((job) => job.includes(' completed 1')).length, 1000);
  // Strikes 2000 rows in place, then replaces the file.
  const jobs = snapshot.jobs({});
  const seen = await jobs.next();
  await queue.processJobs({ t1: () => 'done', t2: () => 'done' }, { logger: () => {} });
  await queue.enqueue('later');
  const meanwhile: string[] = [];
  for (let next = seen; !next.done; next = await jobs.next()) {
    const { id, status, attempts, error } = next.value;
    meanwhile.push(`${id} ${status} ${attempts} ${error ?? ''}`);
  }
  assert.deepEqual(meanwhile, before);
  await queue.purge({ status: ['completed'] });
  await queue.compact();
  assert.deepEqual(await all(snapshot.jobs({})), before);
  assert.deepEqual(
    await all(snapshot.jobs({ status: 'pending', type: ['t1', 't2'] })),
    before.filter((job) => job.includes('pending')),
  );
  assert.equal(new Set(before.map((job) => job.slice(0, 16))).size, ids.length);
  snapshot.close();
});

test('a snapshot has jobs of other ids, held jobs, and no schedules', async (t) => {
  const { store, file } = openTest(t);
  writeQueue(
    file,
    line({ id: 'Zed', version: 1 }),
    line({ id: '7up', status: 'failed', version: 2 }),
    line({ id: '~x' }),
    line({ id: '~x', status: 'complete', version: 2 }),
    line({ id: jobId(5), status: 'recurring' }),
    line({ id: jobId(6), status: 'cancelled', meta: '{"@schedule":{"name":"n","cron":"* * * * *"}}' }),
    'not a row\n',
  );
  const snapshot = await Snapshot.take(store);
  const expected = ['Zed pending 0 ', '7up failed 0 ', '~x pending 0 '];
  assert.deepEqual(await all(snapshot.jobs({})), expected);
  // As a worker strikes them, once it has claimed them.
  const { queue } = openTest(t, { file });
  await queue.cancelJob('Zed');
  assert.deepEqual(await all(snapshot.jobs({})), expected);
  snapshot.close();
});

test('archived jobs come once, without those that the file has too', async (t) => {
  const { store, file } = openTest(t);
  const done = (n: number): string =>
    line({ id: jobId(n), status: 'completed', finished_at: 1000, version: 3 });
  writeQueue(file, done(1));
  const folder = join(dirname(file), 'archive');
  mkdirSync(folder);
  writeFileSync(join(folder, 'queue-2029-12.tsv'), `${HEADER}\n${done(1)}${done(2)}half\t#torn\n${done(3)}`);
  writeFileSync(
    join(folder, 'queue-2030-01.tsv'),
    `${HEADER}\n${line({ id: jobId(4), status: 'failed', version: 3 })}`,
  );
  const snapshot = await Snapshot.take(store);
  assert.deepEqual(await all(snapshot.archived({})), [
    `${jobId(4)} failed 0 `,
    `${jobId(2)} completed 0 `,
    `${jobId(3)} completed 0 `,
  ]);
  assert.deepEqual(await all(snapshot.archived({ status: ['failed'] })), [`${jobId(4)} failed 0 `]);
  snapshot.close();
});

test('a queue that is not there has an empty snapshot', async (t) => {
  const snapshot = await Snapshot.take(openTest(t).store);
  assert.deepEqual(
    [await all(snapshot.jobs({})), await all(snapshot.archived({})), snapshot.bytes],
    [[], [], 0],
  );
  snapshot.close();
});
