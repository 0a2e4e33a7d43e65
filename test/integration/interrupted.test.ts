import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { openQueue } from 'tsvq';
import { startChild, workFolder } from '../fixtures/children.js';
import { fields, records, runOn } from './cli-process.js';

/** A queue, and workers that are ended by a signal once they have begun something. */
function begin(t: TestContext) {
  const file = join(workFolder(t), 'queue.tsv');
  const queue = openQueue(file);
  const worker = async (signal: NodeJS.Signals, options: object, starts = 1) => {
    const child = startChild(t, 'worker.js', { file, journal: `${file}.journal`, options });
    for (let n = 0; n < starts; n++) await child.said('started');
    child.process.kill(signal);
    await child.ended;
  };
  return { file, queue, worker };
}

describe('a job that takes longer than its workers stay', { concurrency: 1 }, () => {
  test('is named by check, doctor and show, and fails in the end', { timeout: 120_000 }, async (t) => {
    const { file, queue, worker } = begin(t);
    const id = await queue.enqueue('obedient', {}, { maxAttempts: 2 });
    const options = { grace: 0, maxInterruptions: 3 };
    const command = runOn(t, file);
    for (let n = 1; n <= 2; n++) await worker('SIGTERM', options);
    assert.equal((await command('check')).code, 0);

    await worker('SIGTERM', options);
    const problem = `job ${id} (obedient) was interrupted 3 times in a row`;
    const check = await command('check');
    assert.deepEqual([check.code, check.stdout], [1, `queue ${file}: ${problem}\n`]);
    assert.deepEqual(records((await command('check', '--json')).stdout), [{ file, problem, code: 'other' }]);
    const doctor = await command('doctor', '--plain');
    assert.equal(doctor.code, 1);
    assert.deepEqual(
      fields(doctor.stdout).map(([kind, , job, message]) => [kind, job, message?.startsWith(problem)]),
      [['interrupted', id, true]],
    );
    const show = await command('show', id);
    assert.match(show.stdout, /^attempts +0 of 2, and 3 that don't count$/m);
    assert.match(show.stdout, /^interrupted +3 times in a row$/m);
    assert.equal(records((await command('show', id, '--json')).stdout)[0]?.interruptions, 3);
    assert.match((await command('show', id, '--plain')).stdout, /^interruptions\t3$/m);

    for (let n = 1; n <= 2; n++) await worker('SIGTERM', options);
    const job = await queue.getJob(id);
    assert.deepEqual([job?.status, job?.attempts, job?.forgiven], ['failed', 5, 3]);
    assert.match(job?.error ?? '', /^interrupted 5 times in a row, the last time at the shutdown of worker /);
    await command('retry', id);
    assert.equal((await queue.getJob(id))?.interruptions, 0);
    await queue.close();
  });

  test('fails as well if its worker is killed each time, at first together with other jobs', {
    timeout: 120_000,
  }, async (t) => {
    const { queue, worker } = begin(t);
    const jobs = [1, 2, 3].map(() => ({ type: 'wait', options: { maxAttempts: 1 } }));
    const ids = await queue.enqueueMany(jobs);
    const options = { concurrency: 3 };
    // All three of them, then each alone.
    await worker('SIGKILL', options, 3);
    for (let n = 1; n <= 3; n++) await worker('SIGKILL', options);
    const last = startChild(t, 'worker.js', { file: queue.file, journal: `${queue.file}.journal` });
    await last.done();
    for (const id of ids) {
      const job = await queue.getJob(id);
      assert.deepEqual([job?.status, job?.attempts, job?.forgiven], ['failed', 2, 1], job?.error);
      assert.match(job?.error ?? '', /^worker died during attempt 2/);
    }
    await queue.close();
  });
});
