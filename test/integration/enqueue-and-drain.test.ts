import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openQueue } from 'tsvq';
import { journaled, repeated, startChild, workFolder } from '../fixtures/children.js';
import { rowsOf } from '../support/queue-file.js';

test('16 processes enqueue while 4 workers drain: nothing is lost, nothing runs twice', {
  timeout: 120_000,
}, async (t) => {
  const folder = workFolder(t);
  const file = join(folder, 'queue.tsv');
  const acknowledged = join(folder, 'acknowledged');
  const started = join(folder, 'started');
  const each = 10;
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
  // Once each. Not always as the first attempt: what a worker has claimed in advance and can't start soon it gives
  // back, and that attempt never ran.
  const starts = journaled(started, 'start');
  assert.deepEqual(starts.map((start) => start.split(':')[0]).sort(), ids);
  const sum = (key: string): number => summaries.reduce((total, summary) => total + (summary[key] ?? 0), 0);
  assert.deepEqual(
    { claimed: sum('claimed') - sum('released'), completed: sum('completed'), rescued: sum('rescued') },
    { claimed: ids.length, completed: ids.length, rescued: 0 },
  );

  const jobs = await openQueue(file).listJobs();
  assert.deepEqual(
    jobs.map(({ id, status, attempts }) => `${id}:${attempts} ${status}`).sort(),
    starts.map((start) => `${start} completed`).sort(),
  );
  assert.deepEqual(
    rowsOf(file)
      .map(({ id }) => id)
      .sort(),
    ids,
    'each job has one row',
  );
});
