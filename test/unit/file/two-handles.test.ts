import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../../lib/job/clock.js';
import { temporaryFolder } from '../../support/folders.js';
import { startScript } from '../../support/processes.js';
import { rowsOf, statesOf } from '../../support/queue-file.js';
import { openTest } from '../../support/queues.js';

test('one handle sees at once what the other does, compactions included', async (t) => {
  const { queue: a, file, clock } = openTest(t);
  const b = openTest(t, { file, clock }).queue;
  const first = await a.enqueue('email', 1);
  assert.equal((await b.getJob(first))?.status, 'pending');
  assert.equal(await b.cancelJob(first), true);
  assert.equal((await a.getJob(first))?.status, 'cancelled');
  assert.equal(await a.cancelJob(first), false);
  await b.compact();
  assert.equal(await a.retryJob(first), true);
  assert.equal((await b.processJobs({ email: () => 'b' })).completed, 1);
  assert.equal((await a.getJob(first))?.result, 'b');
  const second = await a.enqueue('email', 2);
  await a.compact();
  assert.deepEqual(
    (await b.listJobs()).map(({ id }) => id),
    [first, second],
  );
});

test('commits of many handles at once neither lose nor double a job', async (t) => {
  const { file, clock } = openTest(t);
  const handles = Array.from({ length: 6 }, () => openTest(t, { file, clock }).queue);
  const ids = await Promise.all(
    handles.flatMap((queue, n) => [
      queue.enqueue('email', n),
      queue.enqueueMany([{ type: 'email' }, { type: 'email' }]),
      queue.compact().then(() => []),
      queue.enqueue('email', n),
    ]),
  );
  assert.deepEqual(
    statesOf(file).sort(),
    ids
      .flat()
      .map((id) => `${id} pending`)
      .sort(),
  );
});

test('two processes that share a queue run each job once, and lose no acknowledged job', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const script = (name: string): string =>
    `import { openQueue } from 'lib/index.js';
    const queue = openQueue(${JSON.stringify(file)});
    const ids = [];
    const produce = async () => {
      for (let n = 0; n < 60; n++) ids.push(await queue.enqueue('email', n));
    };
    const runs = [];
    const consume = async () => {
      for (let n = 0; n < 15; n++) await queue.processJobs({ email: (_, { job }) => { runs.push(job.id + ':' + job.attempts); return '${name}'; } });
    };
    await Promise.all([produce(), consume()]);
    await queue.close();
    console.log(JSON.stringify({ ids, runs }));`;
  const ends = await Promise.all(['a', 'b'].map((name) => startScript(t, script(name)).ended));
  for (const { code, stderr } of ends) assert.deepEqual([code, stderr], [0, '']);
  const said = ends.map(({ stdout }) => JSON.parse(stdout) as { ids: string[]; runs: string[] });
  // Not in the year of the other clock, for which all of this would be long past its retention.
  const { queue } = openTest(t, { file, clock: systemClock });
  await queue.processJobs({ email: () => 'rest' });
  const jobs = await queue.listJobs();
  assert.deepEqual(jobs.map(({ id }) => id).sort(), said.flatMap(({ ids }) => ids).sort());
  assert.ok(jobs.every(({ status, attempts }) => status === 'completed' && attempts === 1));
  const runs = said.flatMap(({ runs }) => runs);
  assert.equal(new Set(runs).size, runs.length);
  assert.equal(rowsOf(file).length, 120);
});
