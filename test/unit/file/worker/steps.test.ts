import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { stepsPath } from '../../../../lib/file/job-files/file-names.js';
import type { Handler } from '../../../../lib/runner/handler.js';
import { failing } from '../../../support/faults.js';
import { type Call, faultyFs } from '../../../support/faulty-fs.js';
import { jobId } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';
import { deferred } from '../../../support/waiting.js';

const HOUR = 3_600_000;
const quiet = { backoff: [0], logger: () => {} };

const isSteps = ({ path }: Call): boolean => path.includes('steps');

test('a full disk fails the attempt, nothing is recorded, and the next attempt runs the step again', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, clock, file } = openTest(t, { fs });
  const id = await queue.enqueue('work');
  let ran = 0;
  const work: Handler = (_, { step }) => step('charge', () => ++ran);
  fault.do = failing((call) => call.name === 'writeSync' && isSteps(call), 'ENOSPC');
  await queue.processJobs({ work }, { ...quiet, backoff: ['1h'] });
  const failed = await queue.getJob(id);
  assert.equal(failed?.status, 'pending');
  assert.match(failed?.error ?? '', /no room for step "charge" in .*ENOSPC/);
  assert.equal(readFileSync(stepsPath(file, id), 'utf8'), '');
  fault.do = undefined;
  clock.advance(HOUR);
  await queue.processJobs({ work }, quiet);
  assert.deepEqual([(await queue.getJob(id))?.result, ran], [2, 2]);
});

test('a job without steps makes no call for them', async (t) => {
  const { fs, calls } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  await queue.enqueue('work');
  await queue.processJobs({ work: (_, { job }) => job.id }, quiet);
  // A compaction lists the folder, for files of jobs that leave.
  const ofJob = calls.filter((call) => isSteps(call) && call.name !== 'readdir');
  assert.deepEqual(ofJob, []);
  assert.equal(existsSync(join(dirname(file), 'steps')), false);
});

test('the file of steps is read once an attempt, and released at its end', async (t) => {
  const { fs, calls } = faultyFs();
  const { queue } = openTest(t, { fs });
  await queue.enqueue('work');
  const work: Handler = async (_, { job, step }) => {
    for (let i = 0; i < 5; i++) await step('turn', () => i);
    if (job.attempts === 1) throw new Error('again');
  };
  await queue.processJobs({ work }, quiet);
  const names = calls.filter(({ path }) => /steps.*\.tsv$/.test(path)).map(({ name }) => name);
  const count = (name: string): number => names.filter((other) => other === name).length;
  // The first open finds no file.
  assert.deepEqual([count('open'), count('close'), count('writeSync')], [3, 2, 5]);
});

test('a job goes on after its sleep with another worker, and a clock that is set back prolongs it', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('work', null, { maxAttempts: 1 });
  const work: Handler = async (_, { sleep }) => {
    await sleep('1h');
    return 'rested';
  };
  const start = clock.now();
  await queue.processJobs({ work }, quiet);
  clock.set(-HOUR / 2);
  clock.advance(HOUR);
  await queue.processJobs({ work }, quiet);
  assert.deepEqual((await queue.getJob(id))?.runAt.getTime(), start + HOUR);
  assert.equal((await queue.getJob(id))?.attempts, 1);
  clock.advance(HOUR / 2);
  // The clock is set back between the claim and the sleep.
  const setBack: Handler = (payload, context) => {
    clock.set(-1000);
    return work(payload, context);
  };
  assert.equal((await queue.processJobs({ work: setBack }, quiet)).slept, 1);
  clock.advance(1000);
  const { completed } = await queue.processJobs({ work }, quiet);
  const job = await queue.getJob(id);
  assert.deepEqual([completed, job?.result, job?.attempts, job?.forgiven], [1, 'rested', 3, 2]);
});

test('thousands of sleeping jobs cost a tick no call of their own', async (t) => {
  const { fs, calls } = faultyFs();
  const { queue, clock, file } = openTest(t, { fs });
  const id = await queue.enqueue('work');
  const work: Handler = (_, { sleep }) => sleep('1d');
  await queue.processJobs({ work }, quiet);
  // More rows like that of the job which sleeps.
  const asleep = readFileSync(file, 'utf8')
    .split('\n')
    .find((row) => row.startsWith(`${id}\t`)) as string;
  const rows = Array.from({ length: 5000 }, (_, i) => `${asleep.replace(id, jobId(i))}\n`);
  writeFileSync(file, rows.join(''), { flag: 'a' });
  await queue.processJobs({ work }, quiet);
  calls.length = 0;
  const { claimed } = await queue.processJobs({ work }, quiet);
  assert.equal(claimed, 0);
  assert.deepEqual(calls.filter(isSteps), []);
  assert.ok(calls.length < 50, `${calls.length} calls`);
  assert.equal((await queue.stats()).pending, 5001);
  assert.equal((await queue.getJob(jobId(7)))?.runAt.getTime(), clock.now() + 24 * HOUR);
});

test('an attempt that was taken for dead and lives on gets the results of the newer one', async (t) => {
  const { queue, file } = openTest(t);
  const id = await queue.enqueue('work');
  const path = stepsPath(file, id);
  const work: Handler = async (_, { step }) => {
    const charge = await step('charge', () => {
      // A newer attempt of another process is faster.
      writeFileSync(path, `charge\t2\t1893456000\t"newer"\n`, { flag: 'a' });
      return 'older';
    });
    return [charge, await step('mail', () => 'mine')];
  };
  await queue.enqueue('other');
  const other: Handler = (_, { step }) => step('makes the folder', () => {});
  await queue.processJobs({ other }, quiet);
  await queue.processJobs({ work }, quiet);
  assert.deepEqual((await queue.getJob(id))?.result, ['newer', 'mine']);
});

test('a result that an edit has damaged fails the job for good', async (t) => {
  const { queue, file } = openTest(t);
  const id = await queue.enqueue('work');
  const work: Handler = async (_, { job, step }) => {
    await step('charge', () => 7);
    if (job.attempts === 1) throw new Error('again');
  };
  await queue.processJobs({ work }, { ...quiet, backoff: ['1h'] });
  const path = stepsPath(file, id);
  writeFileSync(path, readFileSync(path, 'utf8').replace('7\n', '{\n'));
  await queue.promoteJob(id);
  await queue.processJobs({ work }, quiet);
  const job = await queue.getJob(id);
  assert.equal(job?.status, 'failed');
  assert.match(job.error ?? '', /the recorded result of step "charge" of job [0-9a-f]{16} is not JSON/);
});

test('a step that is not awaited, and outlives its attempt, harms no other job', async (t) => {
  const { queue } = openTest(t);
  await queue.enqueueMany([{ type: 'hasty' }, { type: 'other' }]);
  const gate = deferred<void>();
  const hasty: Handler = (_, { step }) => {
    step('late', () => gate.promise);
    return 'done';
  };
  const other: Handler = async () => {
    gate.resolve();
    // An unhandled rejection would be told by now, and fail this test.
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
  };
  const { completed } = await queue.processJobs({ hasty, other });
  assert.equal(completed, 2);
});

test('a job that gets another payload begins again, and one that gets the same does not', async (t) => {
  const { queue, clock } = openTest(t);
  const charged: unknown[] = [];
  const work: Handler = async ({ order }: { order: number }, { step, sleep }) => {
    const done = await step('charge', () => charged.push(order) && `charged ${order}`);
    await sleep('1h');
    return done;
  };
  const add = (order: number) =>
    queue.enqueue('work', { order }, { dedupeKey: 'k', onDuplicate: 'replace', delay: 1 });
  const id = await add(1);
  const later = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await queue.processJobs({ work }, quiet);
  };
  await later(1);
  await add(1);
  await later(1);
  await add(2);
  await later(1);
  await later(HOUR);
  assert.deepEqual(charged, [1, 2]);
  assert.equal((await queue.getJob(id))?.result, 'charged 2');
});

test('a sleep whose recorded end is damaged fails the job for good, and does not end', async (t) => {
  const { queue, file } = openTest(t);
  const id = await queue.enqueue('work');
  const work: Handler = (_, { sleep }) => sleep('3d');
  await queue.processJobs({ work }, quiet);
  const path = stepsPath(file, id);
  writeFileSync(path, readFileSync(path, 'utf8').replace(/\d[\d.]*\n$/, '2030-01-04\n'));
  await queue.promoteJob(id);
  await queue.processJobs({ work }, quiet);
  const job = await queue.getJob(id);
  assert.equal(job?.status, 'failed');
  assert.match(job.error ?? '', /the recorded end of sleep#1 of job [0-9a-f]{16} is not in Unix seconds/);
});

test('a mark that an editor put before the first step does not hide it', async (t) => {
  const { queue, file, clock } = openTest(t);
  const id = await queue.enqueue('work');
  let ran = 0;
  const work: Handler = async (_, { step, sleep }) => {
    await step('charge', () => ++ran);
    await sleep('1h');
  };
  await queue.processJobs({ work }, quiet);
  const path = stepsPath(file, id);
  writeFileSync(path, `\ufeff${readFileSync(path, 'utf8')}`);
  clock.advance(HOUR);
  await queue.processJobs({ work }, quiet);
  assert.deepEqual([(await queue.getJob(id))?.status, ran], ['completed', 1]);
});
