import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openQueue } from '../../lib/open-queue.js';
import type { Queue } from '../../lib/queue.js';
import { temporaryFolder } from '../support/folders.js';
import { startScript } from '../support/processes.js';

/*
 * drain among real processes, on the system's clock.
 */

/** A queue on the system's clock. */
function open(t: TestContext): Queue {
  const queue = openQueue(join(temporaryFolder(t), 'queue.tsv'), { anyFileSystem: true });
  t.after(() => queue.close());
  return queue;
}

/** The beginning of each script. */
const opening = (queue: Queue): string => `
  import { existsSync } from 'node:fs';
  import { openQueue } from 'lib/index.js';
  const queue = openQueue(${JSON.stringify(queue.file)}, { anyFileSystem: true });`;

/** Starts a worker whose jobs end when a file appears. */
const startWorker = (t: TestContext, queue: Queue, options: string) =>
  startScript(
    t,
    `${opening(queue)}
    const hold = async () => {
      console.log('started');
      while (!existsSync(${JSON.stringify(`${queue.file}.go`)})) await new Promise((done) => setTimeout(done, 5));
    };
    const summary = await queue.processJobs({ hold, other: hold }, { logger: () => {}, ${options} });
    console.log('completed ' + summary.completed);`,
  );

/** Starts a process that drains, and prints what it is told. */
const startDrain = (t: TestContext, queue: Queue) =>
  startScript(
    t,
    `${opening(queue)}
    const draining = queue.drain({ by: 'deploy' });
    const isPaused = async () => (await queue.paused()).length > 0;
    while (!(await isPaused())) await new Promise(setImmediate);
    console.log('paused');
    console.log('running ' + (await draining).running);`,
  );

const go = (t: TestContext, queue: Queue): Promise<unknown> =>
  startScript(
    t,
    `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(`${queue.file}.go`)}, '');`,
  ).ended;

test('drain waits for the jobs of another process, and resolves after the last row of them', async (t) => {
  const queue = open(t);
  await queue.enqueueMany(Array.from({ length: 40 }, () => ({ type: 'hold' })));
  const worker = startWorker(t, queue, "concurrency: 4, linger: '1m', maxTime: '1m'");
  await worker.said('started');
  let isDrained = false;
  const draining = queue.drain().then(async ({ running }) => {
    isDrained = true;
    const { processing, completed, pending } = await queue.stats();
    return { running, processing, completed, total: completed + pending };
  });
  assert.deepEqual(await queue.drain({ timeout: '600ms' }), {
    running: (await queue.stats()).processing,
  });
  assert.equal(isDrained, false);
  await go(t, queue);
  const { running, processing, completed, total } = await draining;
  assert.deepEqual([running, processing, total], [0, 0, 40]);
  assert.ok(completed > 0 && completed < 40, `${completed} were completed`);
  worker.child.kill('SIGKILL');
  await worker.ended;
});

test('a job whose worker is killed during the drain does not count', async (t) => {
  const queue = open(t);
  await queue.enqueue('hold');
  const worker = startWorker(t, queue, '');
  await worker.said('started');
  const draining = queue.drain();
  assert.deepEqual(await queue.drain({ timeout: 0 }), { running: 1 });
  worker.child.kill('SIGKILL');
  assert.deepEqual(await draining, { running: 0 });
  assert.equal((await queue.stats()).processing, 1);
});

test('two processes that drain at once are both told that nothing runs', async (t) => {
  const queue = open(t);
  await queue.enqueue('hold');
  const worker = startWorker(t, queue, '');
  await worker.said('started');
  const drains = [startDrain(t, queue), startDrain(t, queue)];
  await Promise.all(drains.map(({ said }) => said('paused')));
  await go(t, queue);
  for (const { ended } of drains) {
    const { code, stdout, stderr } = await ended;
    assert.deepEqual([code, stdout, stderr], [0, 'paused\nrunning 0\n', '']);
  }
  assert.equal((await worker.ended).stdout, 'started\ncompleted 1\n');
});

test('the pause stays if the process is killed while it drains', async (t) => {
  const queue = open(t);
  await queue.enqueue('hold');
  const worker = startWorker(t, queue, '');
  await worker.said('started');
  const drain = startDrain(t, queue);
  await drain.said('paused');
  drain.child.kill('SIGKILL');
  assert.equal((await drain.ended).signal, 'SIGKILL');
  assert.deepEqual(
    (await queue.paused()).map(({ type, by }) => [type, by]),
    [['*', 'deploy']],
  );
  await go(t, queue);
  await worker.ended;
  await queue.enqueue('other');
  assert.equal((await queue.processJobs({ other: () => {} })).claimed, 0);
  assert.equal(existsSync(`${queue.file}.paused`), true);
});
