import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../../support/folders.js';
import { jobId, line, statesOf, writeQueue } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

for (const [status, stops] of [
  ['pending', true],
  ['processing', true],
  ['completed', false],
  ['failed', false],
  ['cancelled', false],
] as const) {
  test(`cancelling a ${status} job gives ${stops}`, async (t) => {
    const file = join(temporaryFolder(t), 'queue.tsv');
    const before = line({
      id: jobId(1),
      status,
      version: 4,
      attempts: 2,
      locked_by: status === 'processing' ? 'me' : '',
      error: 'old',
      result: '5',
    });
    writeQueue(file, before);
    const { queue, clock } = openTest(t, { file });
    assert.equal(await queue.cancelJob(jobId(1)), stops);
    const job = await queue.getJob(jobId(1));
    if (stops) {
      assert.deepEqual(
        [job?.status, job?.attempts, job?.lockedBy, job?.finishedAt?.getTime(), job?.error],
        ['cancelled', 2, undefined, clock.now(), 'old'],
      );
    } else assert.equal(job?.status, status);
    assert.equal(await queue.cancelJob(jobId(1)), false);
  });
}

test('an unknown id gives false, and makes no file', async (t) => {
  const { queue, file } = openTest(t, { file: join(temporaryFolder(t), 'data', 'queue.tsv') });
  assert.equal(await queue.cancelJob('x'), false);
  assert.equal(existsSync(join(file, '..')), false);
  await queue.enqueue('email', {});
  for (const id of ['', 'x', '__proto__', '\n']) assert.equal(await queue.cancelJob(id), false);
});

test('a job that waits for its next attempt is cancelled as well, and never runs again', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('email', {});
  let runs = 0;
  const handlers = {
    email: () => {
      runs++;
      throw new Error('no');
    },
  };
  await queue.processJobs(handlers);
  assert.equal(await queue.cancelJob(id), true);
  clock.advance(3_600_000);
  await queue.processJobs(handlers);
  assert.equal(runs, 1);
});

test('one of many cancels of a job at the same time succeeds', async (t) => {
  const { queue, file } = openTest(t);
  const id = await queue.enqueue('email', {});
  const handles = [queue, openTest(t, { file }).queue, openTest(t, { file }).queue];
  const answers = await Promise.all([...handles, ...handles].map((handle) => handle.cancelJob(id)));
  assert.equal(answers.filter(Boolean).length, 1);
  assert.deepEqual(statesOf(file), [`${id} cancelled`]);
});
