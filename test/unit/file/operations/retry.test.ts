import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { stepsPath } from '../../../../lib/file/job-files/file-names.js';
import { rejects } from '../../../support/errors.js';
import { faultyFs, isAppend, systemError } from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';
import { fileOf, jobId, line, rowsOf, statesOf, writeQueue } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

for (const [status, works] of [
  ['pending', false],
  ['processing', false],
  ['completed', false],
  ['failed', true],
  ['cancelled', true],
] as const) {
  test(`retrying a ${status} job gives ${works}`, async (t) => {
    const file = join(temporaryFolder(t), 'queue.tsv');
    writeQueue(
      file,
      line({
        id: jobId(1),
        status,
        version: 4,
        attempts: 3,
        forgiven: 1,
        finished_at: 5,
        error: 'bad',
        run_at: 4e9,
      }),
    );
    const { queue, clock } = openTest(t, { file, retention: Number.POSITIVE_INFINITY });
    assert.equal(await queue.retryJob(jobId(1)), works);
    const job = await queue.getJob(jobId(1));
    if (works) {
      assert.deepEqual(
        [job?.status, job?.attempts, job?.forgiven, job?.runAt.getTime(), job?.finishedAt],
        ['pending', 3, 3, clock.now(), undefined],
      );
    } else assert.deepEqual([job?.status, job?.forgiven], [status, 1]);
    assert.equal(await queue.retryJob(jobId(1)), false);
  });
}

test('an unknown id gives false, and makes no file', async (t) => {
  const { queue, file } = openTest(t, { file: join(temporaryFolder(t), 'data', 'queue.tsv') });
  assert.equal(await queue.retryJob('x'), false);
  assert.equal(existsSync(join(file, '..')), false);
  await queue.enqueue('email', {});
  for (const id of ['', 'x', '__proto__', '\n']) assert.equal(await queue.retryJob(id), false);
});

test('a retried job has all its attempts again, and goes on counting them', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('email', {}, { maxAttempts: 2 });
  const runs: number[] = [];
  const handlers = {
    email: (_: unknown, { job }: { job: { attempts: number } }) => {
      runs.push(job.attempts);
      throw new Error('no');
    },
  };
  const untilFailed = async (): Promise<void> => {
    while ((await queue.getJob(id))?.status === 'pending') {
      await queue.processJobs(handlers);
      clock.advance(3_600_000);
    }
  };
  await untilFailed();
  assert.deepEqual(runs, [1, 2]);
  await queue.retryJob(id);
  await untilFailed();
  assert.deepEqual(runs, [1, 2, 3, 4]);
});

test('the wait before the next attempt starts from the first one after a retry', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('email', {});
  const handlers = {
    email: () => {
      throw new Error('no');
    },
  };
  for (let n = 0; n < 3; n++) {
    await queue.processJobs(handlers);
    clock.advance(3_600_000);
  }
  await queue.retryJob(id);
  await queue.processJobs(handlers);
  assert.equal((await queue.getJob(id))?.runAt.getTime(), clock.now() + 120_000);
});

test('one of many retries of a job at the same time succeeds', async (t) => {
  const { queue, file } = openTest(t);
  const id = await queue.enqueue('email', {});
  await queue.cancelJob(id);
  const other = openTest(t, { file }).queue;
  const answers = await Promise.all([
    queue.retryJob(id),
    other.retryJob(id),
    queue.retryJob(id),
    other.retryJob(id),
  ]);
  assert.equal(answers.filter(Boolean).length, 1);
  assert.deepEqual(statesOf(file), [`${id} pending`]);
});

test('a retry that finds no room does not happen', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  const id = await queue.enqueue('email', {});
  await queue.cancelJob(id);
  fault.do = (call, real) => {
    if (isAppend(call, file)) throw systemError('ENOSPC');
    return real();
  };
  await rejects(queue.retryJob(id), 'DISK_FULL', file);
  fault.do = undefined;
  assert.deepEqual(statesOf(file), [`${id} cancelled`]);
});

test('a retry that starts over finds its row in the file, so it is made once and returns true', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  const id = await queue.enqueue('email', {});
  await queue.cancelJob(id);
  let replaced = false;
  fault.do = (call, real) => {
    const result = real();
    // A backup is put back, say, with what was just written in it.
    if (isAppend(call, file) && !replaced) {
      replaced = true;
      copyFileSync(file, `${file}.copy`);
      renameSync(`${file}.copy`, file);
    }
    return result;
  };
  assert.equal(await queue.retryJob(id), true);
  assert.deepEqual(
    rowsOf(file)
      .filter(({ status }) => status === 'pending')
      .map(({ version }) => version),
    ['3'],
  );
});

test('a delay lets a retried job wait, and one that can not be used changes nothing', async (t) => {
  const file = fileOf(t, line({ id: jobId(1), status: 'failed', version: 4, attempts: 2, finished_at: 5 }));
  const { queue, clock } = openTest(t, { file, retention: Number.POSITIVE_INFINITY });
  await rejects(queue.retryJob(jobId(1), { delay: -1 }), 'INVALID_ARGUMENT', 'delay');
  await rejects(queue.retryJob(jobId(1), { wait: 1 } as object), 'INVALID_ARGUMENT', 'wait');
  assert.equal((await queue.getJob(jobId(1)))?.status, 'failed');
  assert.deepEqual(await Promise.all([jobId(1)].map(queue.retryJob as (id: string) => Promise<boolean>)), [
    true,
  ]);
  assert.equal((await queue.getJob(jobId(1)))?.runAt.getTime(), clock.now());
  await queue.cancelJob(jobId(1));
  assert.equal(await queue.retryJob(jobId(1), { delay: '10m' }), true);
  assert.equal((await queue.getJob(jobId(1)))?.runAt.getTime(), clock.now() + 600_000);
});

test('fromStart removes the steps before the row, once, and makes that durable before it resolves', async (t) => {
  const { fs, calls } = faultyFs();
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(file, line({ id: jobId(1), status: 'failed', version: 4, attempts: 3, finished_at: 5 }));
  const steps = stepsPath(file, jobId(1));
  mkdirSync(dirname(steps));
  writeFileSync(steps, 'charge\t1\t5\t7\n');
  const { queue } = openTest(t, { file, fs, retention: Number.POSITIVE_INFINITY });
  assert.equal(await queue.retryJob(jobId(1)), true);
  assert.equal(await queue.cancelJob(jobId(1)), true);
  assert.ok(existsSync(steps), 'a plain retry keeps them');
  calls.length = 0;
  assert.equal(await queue.retryJob(jobId(1), { fromStart: true }), true);
  assert.equal(existsSync(steps), false);
  const places = (wanted: (call: (typeof calls)[number]) => boolean): number[] =>
    calls.flatMap((call, i) => (wanted(call) ? [i] : []));
  const removed = places(({ name, path }) => name === 'unlink' && path === steps);
  const [appended = -1] = places((call) => isAppend(call, file));
  const [synced = -1] = places(({ name, path }) => name === 'fsync' && path === dirname(steps));
  assert.equal(removed.length, 1);
  assert.ok((removed[0] as number) < appended && appended < synced, `${removed} ${appended} ${synced}`);
});
