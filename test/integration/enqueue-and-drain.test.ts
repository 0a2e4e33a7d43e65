import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openQueue } from 'tsvq';
import { journaled, repeated, startChild } from '../fixtures/children.js';
import { rowsOf, temporaryFolder } from '../helpers.js';

test('16 processes enqueue while 4 workers drain: nothing is lost, nothing runs twice', {
  timeout: 120_000,
}, async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'queue.tsv');
  const acknowledged = join(folder, 'acknowledged');
  const started = join(folder, 'started');
  const each = 20;
  const workers = Array.from({ length: 4 }, (_, i) =>
    startChild(t, 'worker.js', {
      file,
      journal: started,
      ticks: 'until told',
      // Workers alike would all run into the same places.
      options: { concurrency: 1 + 3 * i },
    }),
  );
  const enqueuers = Array.from({ length: 16 }, () =>
    startChild(t, 'enqueuer.js', { file, journal: acknowledged, each }),
  );
  await Promise.all([...workers, ...enqueuers].map((child) => child.said('ready')));
  for (const child of enqueuers) child.tell('begin');
  await Promise.all(enqueuers.map((child) => child.done()));
  for (const child of workers) child.tell('stop');
  const summaries = (await Promise.all(workers.map((child) => child.said('summary')))) as Record<
    string,
    number
  >[];
  await Promise.all(workers.map((child) => child.done()));

  const ids = journaled(acknowledged, 'ack').sort();
  assert.equal(ids.length, 16 * 3 * each);
  assert.deepEqual(repeated(ids), []);
  // No worker died and no handler failed, so each ran once, as its first attempt.
  assert.deepEqual(
    journaled(started, 'start').sort(),
    ids.map((id) => `${id}:1`),
  );
  const sum = (key: string): number => summaries.reduce((total, summary) => total + (summary[key] ?? 0), 0);
  assert.deepEqual(
    { claimed: sum('claimed'), completed: sum('completed'), rescued: sum('rescued') },
    { claimed: ids.length, completed: ids.length, rescued: 0 },
  );

  const jobs = await openQueue(file).listJobs();
  assert.deepEqual(jobs.map(({ id, status, attempts }) => `${id} ${status} ${attempts}`).sort(), [
    ...ids.map((id) => `${id} completed 1`),
  ]);
  assert.deepEqual(
    rowsOf(file)
      .map(({ id }) => id)
      .sort(),
    ids,
    'each job has one row',
  );
});
