import assert from 'node:assert/strict';
import { readFileSync, renameSync } from 'node:fs';
import { test } from 'node:test';
import { once } from '../../../support/faults.js';
import { isAppend } from '../../../support/faulty-fs.js';
import { jobId, statesOf, text } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';
import { oneJob, replace, row } from './one-job.js';

/*
 * The path names another file while a commit is under way.
 */

for (const [when, has] of [
  ['without our rows', false],
  ['with our rows', true],
] as const) {
  test(`a commit starts over, and loses or doubles nothing, if the file was replaced after the append, ${when}`, async (t) => {
    const { queue, file, fault } = await oneJob(t);
    const before = readFileSync(file);
    let replaced = false;
    fault.do = once(file, 'after', () => {
      replaced = true;
      replace(file, has ? readFileSync(file) : before);
    });
    const [ids, cancelled] = await Promise.all([
      queue.enqueueMany([{ type: 'a' }, { type: 'b' }]),
      queue.cancelJob(jobId(1)),
    ]);
    assert.equal(replaced, true);
    assert.equal(cancelled, true);
    assert.deepEqual(
      (await openTest(t, { file }).queue.listJobs()).map(({ id, status }) => `${id} ${status}`).sort(),
      [`${jobId(1)} cancelled`, ...ids.map((id) => `${id} pending`)].sort(),
    );
    const states = statesOf(file);
    for (const id of ids) assert.equal(states.filter((state) => state.startsWith(id)).length, 1);
  });
}

test('a handler starts once, and only if its claim is in the file, although the file was replaced meanwhile', async (t) => {
  for (const content of ['old', 'ours', 'taken'] as const) {
    const { queue, file, fault } = await oneJob(t);
    const before = text(file);
    fault.do = once(file, 'after', () => {
      replace(
        file,
        content === 'old' ? before : content === 'ours' ? text(file) : before + row('cancelled', 2),
      );
    });
    const runs: number[] = [];
    await queue.processJobs({ email: (_, { job }) => void runs.push(job.attempts) });
    assert.deepEqual(runs, content === 'taken' ? [] : [1], content);
    assert.equal((await queue.getJob(jobId(1)))?.status, content === 'taken' ? 'cancelled' : 'completed');
  }
});

test('a commit rejects with a clear error if the file keeps being replaced', async (t) => {
  const { queue, file, fault } = await oneJob(t);
  const before = readFileSync(file);
  fault.do = (call, real) => {
    const result = real();
    if (isAppend(call, file)) replace(file, before);
    return result;
  };
  const error = await queue.enqueue('email', {}).then(assert.fail, (reason) => reason);
  assert.equal(error.code, 'WRITE_FAILED');
  assert.match(error.message, /replaced/);
});

test('a file that vanished is made again for the jobs that were enqueued meanwhile', async (t) => {
  const { queue, file, fault } = await oneJob(t);
  fault.do = once(file, 'after', () => renameSync(file, `${file}.backup`));
  const id = await queue.enqueue('email', 7);
  assert.deepEqual(statesOf(file), [`${id} pending`]);
});
