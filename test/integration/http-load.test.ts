import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openQueue } from 'tsvq';
import { journaled, readJournal, repeated, startChild, workFolder } from '../fixtures/children.js';

/** Longer than any request takes on a busy machine, and shorter than a wait for a lock that is not given back. */
const LONG = 5_000;

test('every job that a web server under load has answered runs, and no request hangs, while workers come and go', {
  timeout: 120_000,
}, async (t) => {
  const folder = workFolder(t);
  const file = join(folder, 'queue.tsv');
  const answers = join(folder, 'answers');
  const started = join(folder, 'started');
  const requests = 500;
  const server = startChild(t, 'web-server.js', { file });
  const port = await server.said('listening');
  const client = startChild(t, 'web-client.js', { port, journal: answers, requests, inFlight: 20 });

  // Two at a time, each followed by the next as soon as it is through: cron, in a hurry.
  let over = false;
  const work = async (): Promise<number> => {
    for (let ticks = 1; ; ticks++) {
      const last = over;
      const worker = startChild(t, 'worker.js', { file, journal: started, options: { concurrency: 4 } });
      await worker.done();
      if (last) return ticks;
    }
  };
  const workers = [work(), work()];
  await client.said('done');
  await client.done();
  over = true;
  const ticks = (await Promise.all(workers)).reduce((total, n) => total + n);
  server.tell('stop');
  await server.done();

  const all = readJournal(answers);
  assert.deepEqual([...new Set(all.map(([status]) => status))], ['201']);
  const ids = journaled(answers, '201');
  assert.equal(ids.length, requests);
  assert.deepEqual(repeated(ids), []);
  const times = all.map(([, , ms]) => Number(ms)).sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor((times.length - 1) * share)] as number;
  t.diagnostic(
    `${ticks} ticks; a request took ${at(0.5)} ms (median), ${at(0.99)} ms (99 %), ${at(1)} ms (longest)`,
  );
  assert.ok(at(1) < LONG, `a request took ${at(1)} ms`);

  const starts = journaled(started, 'start');
  assert.deepEqual(starts.map((start) => start.split(':')[0]).sort(), [...ids].sort());
  const jobs = await openQueue(file).listJobs();
  assert.deepEqual(
    jobs.map(({ id, status, attempts }) => `${id}:${attempts} ${status}`).sort(),
    starts.map((start) => `${start} completed`).sort(),
  );
});
