/*
 * A killed process leaves superseded rows that are not struck. awk counts them until the next worker strikes them.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { utimesSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { faultyFs, isAppend } from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';
import { startScript } from '../../../support/processes.js';
import { jobId, line, statesOf, text, writeQueue } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

/** A queue of a process that is killed each time after its commits, before it crosses out what they supersede. */
function dyingQueue(t: TestContext, file?: string) {
  const { fs, fault } = faultyFs();
  const opened = openTest(t, { fs, ...(file !== undefined && { file }) });
  fault.do = (call, real) => {
    const isStrike = call.name === 'writeSync' && call.path === opened.file && !isAppend(call, opened.file);
    return isStrike ? (call.args[1] as Buffer).length : real();
  };
  return opened;
}

/** How many jobs are in each state, as the README's one-liner counts them. */
function countedByAwk(file: string): Record<string, number> {
  const program = `!/^#/ && NR > 1 { n[$4]++ } END { for (status in n) print n[status], status }`;
  const lines = execFileSync('awk', ['-F\t', program, file], { encoding: 'utf8' }).trim().split('\n');
  return Object.fromEntries(
    lines.map((one) => one.split(' ')).map(([n, status]) => [status as string, Number(n)]),
  );
}

const quiet = { logger: () => {} };

test('a worker strikes at its end the rows that a killed one has left', async (t) => {
  const { queue, file, clock } = dyingQueue(t);
  // Large enough that the worker doesn't compact.
  const filler = 'x'.repeat(300_000);
  await queue.enqueue('later', filler, { delay: '1d' });
  const ids = await queue.enqueueMany(Array.from({ length: 20 }, () => ({ type: 'email' })));
  for (const id of ids.slice(0, 5)) await queue.cancelJob(id);
  assert.deepEqual(countedByAwk(file), { pending: 21, cancelled: 5 });
  const calm = openTest(t, { file, clock }).queue;
  await calm.processJobs({ email: () => {}, later: () => {} }, quiet);
  assert.deepEqual(countedByAwk(file), { pending: 1, completed: 15, cancelled: 5 });
  assert.match(text(file), /\t-------\t/, 'they were crossed out, not rewritten');
});

test('a tick with nothing due strikes the rows that were left since the last one', async (t) => {
  const { queue, file, clock } = dyingQueue(t);
  const id = await queue.enqueue('email', 1, { delay: '1d' });
  await queue.enqueue('email', 2, { delay: '1d' });
  await queue.cancelJob(id);
  assert.deepEqual(countedByAwk(file), { pending: 2, cancelled: 1 });
  assert.equal((await openTest(t, { file, clock }).queue.processJobs({ email: () => {} }, quiet)).claimed, 0);
  assert.deepEqual(countedByAwk(file), { pending: 1, cancelled: 1 });
});

test('a tick reads no more than before of a file that was not written since the last one', async (t) => {
  const { fs, calls } = faultyFs();
  const { queue, file, clock } = openTest(t, { fs });
  await queue.enqueueMany(Array.from({ length: 2000 }, () => ({ type: 'email', options: { delay: '1d' } })));
  const tick = async (): Promise<number> => {
    const worker = openTest(t, { file, fs, clock }).queue;
    calls.length = 0;
    await worker.processJobs({ email: () => {} }, quiet);
    return calls.filter(({ name, path }) => (name === 'read' || name === 'readSync') && path === file).length;
  };
  await tick();
  const hour = Date.now() / 1000 - 3600;
  utimesSync(file, hour, hour);
  const quietReads = await tick();
  utimesSync(file, Date.now() / 1000 + 10, Date.now() / 1000 + 10);
  assert.ok(quietReads < (await tick()));
});

test('a finished job that was retried by a killed process is counted once', async (t) => {
  const file = `${temporaryFolder(t)}/queue.tsv`;
  const done = Array.from({ length: 400 }, (_, n) =>
    line({
      id: jobId(n + 1),
      status: 'failed',
      version: 3,
      attempts: 1,
      finished_at: 1_893_450_000,
      error: 'x'.repeat(200),
    }),
  );
  writeQueue(file, ...done);
  const { queue, clock } = dyingQueue(t, file);
  await queue.compact();
  assert.match(text(file), /# open jobs begin here/);
  await queue.retryJob(jobId(7));
  assert.deepEqual(countedByAwk(file), { failed: 400, pending: 1 });
  const calm = openTest(t, { file, clock }).queue;
  await calm.processJobs({ other: () => {} }, quiet);
  assert.deepEqual(countedByAwk(file), { failed: 399, pending: 1 });
});

test('a lingering worker strikes within a minute', async (t) => {
  const { queue, file, clock } = dyingQueue(t);
  await queue.enqueue('later', 'x'.repeat(300_000), { delay: '1d' });
  const stop = new AbortController();
  const staying = openTest(t, { file, clock }).queue;
  const working = staying.processJobs({}, { linger: Infinity, signal: stop.signal, ...quiet });
  const id = await queue.enqueue('later', 2, { delay: '1d' });
  await queue.cancelJob(id);
  await clock.pass(60_000);
  assert.deepEqual(countedByAwk(file), { pending: 1, cancelled: 1 });
  stop.abort();
  await working;
});

test("no row is struck with durability 'os', because power loss could take what supersedes it", async (t) => {
  const { queue, file, clock } = dyingQueue(t);
  const id = await queue.enqueue('email', 1, { delay: '1d' });
  await queue.cancelJob(id);
  const before = statesOf(file);
  await openTest(t, { file, clock, durability: 'os' }).queue.processJobs({ email: () => {} }, quiet);
  assert.deepEqual(statesOf(file), before);
});

test('after workers were killed with SIGKILL, one calm worker makes awk and stats agree', async (t) => {
  const file = `${temporaryFolder(t)}/queue.tsv`;
  const { queue } = openTest(t, { file, clock: (await import('../../../../lib/job/clock.js')).systemClock });
  await queue.enqueueMany(Array.from({ length: 3000 }, (_, n) => ({ type: 'email', payload: n })));
  for (let kills = 0; kills < 6; kills++) {
    const { child, ended, said } = startScript(
      t,
      `import { openQueue } from 'lib/index.js';
       let ran = 0;
       await openQueue(${JSON.stringify(file)}).processJobs({
         email: async () => { if (++ran === ${100 + kills * 37}) console.log('enough'); },
       }, { backoff: [0] });`,
    );
    await said('enough');
    child.kill('SIGKILL');
    await ended;
  }
  await queue.processJobs({ other: () => {} }, quiet);
  const { pending, processing, completed } = await queue.stats();
  const counted = countedByAwk(file);
  assert.deepEqual(
    [counted.pending ?? 0, counted.processing ?? 0, counted.completed ?? 0],
    [pending, processing, completed],
  );
});
