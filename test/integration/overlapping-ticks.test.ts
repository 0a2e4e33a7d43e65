import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openQueue } from 'tsvq';
import { journaled, repeated, startChild, workFolder } from '../fixtures/children.js';
import { isThorough } from '../support/samples.js';

type Totals = Record<'claimed' | 'completed' | 'retried' | 'failed' | 'rescued' | 'released', number>;

for (const durability of isThorough ? (['sync', 'os'] as const) : (['sync'] as const))
  test(`ticks that overlap share the jobs, and run no attempt twice (durability ${durability})`, {
    timeout: 120_000,
  }, async (t) => {
    const folder = workFolder(t);
    const file = join(folder, 'queue.tsv');
    const journal = join(folder, 'journal');
    const queueOptions = { durability };
    const queue = openQueue(file, queueOptions);
    const ticks = 6;
    const concurrency = 5;
    // The first jobs wait for the test, so that all ticks are under way before any of them can drain the queue.
    const waiting = ticks * concurrency;
    await queue.enqueueMany(
      Array.from({ length: waiting }, () => ({ type: 'wait', options: { priority: 1 } })),
    );
    const work = await queue.enqueueMany(Array.from({ length: 300 }, () => ({ type: 'work' })));
    const flaky = await queue.enqueueMany(
      Array.from({ length: 100 }, (_, i) => ({ type: 'flaky', payload: { failures: i % 4 } })),
    );

    const workers = Array.from({ length: ticks }, () =>
      startChild(t, 'worker.js', {
        file,
        journal,
        queueOptions,
        barrier: true,
        options: { concurrency, maxWorkers: ticks, maxAttempts: 3 },
      }),
    );
    await Promise.all(workers.map((worker) => worker.said('ready')));
    for (const worker of workers) worker.tell('begin');
    await Promise.all(
      workers.flatMap((worker) => Array.from({ length: concurrency }, () => worker.said('started'))),
    );
    for (const worker of workers) worker.tell('go');
    const summaries = (await Promise.all(workers.map((worker) => worker.said('summary')))) as Totals[];
    await Promise.all(workers.map((worker) => worker.done()));

    const starts = journaled(journal, 'start');
    assert.deepEqual(repeated(starts), []);
    const jobs = await queue.listJobs();
    assert.equal(jobs.length, waiting + work.length + flaky.length);
    const expected = new Map<string, string>(work.map((id) => [id, 'completed 1']));
    for (const [i, id] of flaky.entries())
      expected.set(id, i % 4 === 3 ? 'failed 3' : `completed ${(i % 4) + 1}`);
    for (const { id, type, status, attempts, forgiven } of jobs)
      assert.equal(
        // What a worker claims in advance and gives back is no attempt.
        `${status} ${attempts - forgiven}`,
        type === 'wait' ? 'completed 1' : expected.get(id),
        `${type} ${id}`,
      );
    assert.equal(starts.length, waiting + 300 + 25 * (1 + 2 + 3 + 3));

    // What the ticks say of themselves adds up to what happened.
    const sum = (key: keyof Totals): number => summaries.reduce((total, summary) => total + summary[key], 0);
    assert.deepEqual(
      [sum('claimed') - sum('released'), sum('completed'), sum('retried'), sum('failed'), sum('rescued')],
      [starts.length, jobs.length - 25, 25 * (1 + 2 + 2), 25, 0],
    );
  });

test('no more than maxWorkers work at once, and a late worker returns at once, and quietly', {
  timeout: 120_000,
}, async (t) => {
  const folder = workFolder(t);
  const file = join(folder, 'queue.tsv');
  const journal = join(folder, 'journal');
  const queue = openQueue(file);
  const ids = await queue.enqueueMany(Array.from({ length: 12 }, () => ({ type: 'wait' })));
  const options = { maxWorkers: 3, maxAttempts: 1 };
  const start = () => startChild(t, 'worker.js', { file, journal, barrier: true, options });

  const workers = Array.from({ length: 7 }, start);
  await Promise.all(workers.map((worker) => worker.said('ready')));
  for (const worker of workers) worker.tell('begin');
  const atWork: typeof workers = [];
  const sentAway: typeof workers = [];
  await Promise.all(
    workers.map(async (worker) => {
      // The word that comes first tells; the other one of a worker that was sent away never comes.
      const started = worker.said('started').then(
        () => atWork.push(worker),
        () => {},
      );
      const ended = worker.ended.then(() => sentAway.push(worker));
      await Promise.race([started, ended]);
    }),
  );
  assert.equal(atWork.length, 3);
  for (const worker of sentAway) {
    await worker.done();
    assert.equal(((await worker.said('summary')) as Totals).claimed, 0);
    assert.equal(worker.output(), '');
  }

  // One that died leaves its place to another, who takes its job back as well.
  const [victim] = atWork;
  victim?.process.kill('SIGKILL');
  await victim?.ended;
  const successor = start();
  successor.tell('begin');
  await successor.said('started');
  const another = start();
  another.tell('begin');
  assert.equal(((await another.said('summary')) as Totals).claimed, 0);

  const rest = [...atWork.slice(1), successor];
  for (const worker of rest) worker.tell('go');
  const summaries = (await Promise.all(rest.map((worker) => worker.said('summary')))) as Totals[];
  assert.equal(
    summaries.reduce((total, { rescued }) => total + rescued, 0),
    1,
  );
  assert.deepEqual(repeated(journaled(journal, 'start')), []);
  const jobs = await queue.listJobs();
  // The victim held one job alone, which therefore may have been what killed it; and it had but one attempt.
  assert.deepEqual(jobs.map(({ status }) => status).sort(), [
    ...ids.slice(1).map(() => 'completed'),
    'failed',
  ]);
});
