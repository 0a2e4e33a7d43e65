import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../../support/folders.js';
import { fileOf, jobId, line, rowsOf } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

for (const [status, works] of [
  ['pending', true],
  ['processing', false],
  ['completed', false],
  ['failed', false],
  ['cancelled', false],
  ['waiting', false],
] as const) {
  test(`promoting a ${status} job gives ${works}`, async (t) => {
    const after = status === 'waiting' ? '{"ids":["x"],"else":"run"}' : '';
    const job = { id: jobId(1), status, version: 4, attempts: 2, finished_at: 5, error: 'bad', after };
    const file = fileOf(t, line({ ...job, run_at: 4e9 }));
    const { queue, clock } = openTest(t, { file, retention: Number.POSITIVE_INFINITY });
    assert.equal(await queue.promoteJob(jobId(1)), works);
    const found = await queue.getJob(jobId(1));
    const runAt = works ? clock.now() : 4e12;
    assert.deepEqual(
      [found?.status, found?.runAt.getTime(), found?.attempts, found?.forgiven, found?.error],
      [status, runAt, 2, 0, 'bad'],
    );
  });
}

test('a job that is due already needs no row', async (t) => {
  const { queue, file } = openTest(t);
  const id = await queue.enqueue('email');
  const before = rowsOf(file);
  assert.equal(await queue.promoteJob(id), true);
  assert.deepEqual(rowsOf(file), before);
});

test('an unknown id gives false, and makes no file', async (t) => {
  const { queue, file } = openTest(t, { file: join(temporaryFolder(t), 'data', 'queue.tsv') });
  assert.equal(await queue.promoteJob('x'), false);
  assert.equal(existsSync(join(file, '..')), false);
  await queue.enqueue('email', {});
  for (const id of ['', 'x', '__proto__', '\n']) assert.equal(await queue.promoteJob(id), false);
});

test('a schedule is no job, and keeps its slot', async (t) => {
  const { queue } = openTest(t);
  const { id, nextRun } = await queue.schedule('nightly', { type: 'email', cron: '30 2 * * *' });
  assert.equal(await queue.promoteJob(id), false);
  assert.deepEqual((await queue.listSchedules())[0]?.nextRun, nextRun);
});

test('a job that waits for its next attempt runs at once, and has no more attempts than before', async (t) => {
  const { queue } = openTest(t);
  const id = await queue.enqueue('email', null, { maxAttempts: 2 });
  let runs = 0;
  const email = (): never => {
    runs++;
    throw new Error('no');
  };
  await queue.processJobs({ email });
  await queue.processJobs({ email });
  assert.equal(runs, 1, 'not due yet');
  assert.equal(await queue.promoteJob(id), true);
  await queue.processJobs({ email });
  const job = await queue.getJob(id);
  assert.deepEqual([runs, job?.status, job?.attempts], [2, 'failed', 2]);
});

test('a worker that lingers starts a delayed job as soon as it is promoted', async (t) => {
  const { queue, clock, file } = openTest(t);
  const ids = [
    await queue.enqueue('email', 1, { delay: '1h' }),
    await queue.enqueue('email', 2, { delay: '2h' }),
  ];
  const runs: unknown[] = [];
  const worker = queue.processJobs({ email: (n) => void runs.push(n) }, { linger: '10m' });
  await clock.pass(1000);
  assert.deepEqual(runs, []);
  assert.equal(await openTest(t, { file, clock }).queue.promoteJob(ids[1] as string), true);
  await clock.advanceUntil('the job has run', () => runs.length > 0);
  assert.deepEqual(runs, [2]);
  await queue.close();
  await worker;
});
