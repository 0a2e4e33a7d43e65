import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openQueue } from 'tsvq';
import { bundleCrashChild } from '../fixtures/bundle.js';
import { startChild, startModule, workFolder } from '../fixtures/children.js';
import type { CrashConfig } from '../fixtures/crash-child.js';
import { until } from '../support/waiting.js';

/* Jobs with keys, added and worked by several processes at once. */

const KEYS = 12;
const PRODUCERS = 4;
const EACH = 100;

test('jobs of one key never run side by side, and each runs with the payload that it was given last, among four producers and two workers', {
  timeout: 120_000,
}, async (t) => {
  const folder = workFolder(t);
  const file = join(folder, 'queue.tsv');
  const journal = join(folder, 'journal');
  const start = (role: string) => startChild(t, 'keyed.js', { file, journal, role, each: EACH, keys: KEYS });
  const workers = [start('worker'), start('worker')];
  const producers = Array.from({ length: PRODUCERS }, () => start('producer'));
  await Promise.all([...workers, ...producers].map((child) => child.said('ready')));
  for (const producer of producers) producer.tell('begin');
  await Promise.all(producers.map((producer) => producer.done()));
  const queue = openQueue(file);
  t.after(() => queue.close());
  // A worker that compacts now must not be in the way of what is still to run.
  await until('all jobs have run', async () => {
    const { pending, processing, waiting } = await queue.stats();
    return pending + processing + waiting === 0;
  });
  for (const worker of workers) worker.tell('stop');
  await Promise.all(workers.map((worker) => worker.done()));

  const lines = readFileSync(journal, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' '));
  const acks = lines.filter(([what]) => what === 'ack');
  assert.equal(acks.length, PRODUCERS * EACH);
  const running = new Map<string, string>();
  const ran = new Set<string>();
  for (const [what = '', key = '', payload = ''] of lines) {
    if (what === 'begin') {
      assert.equal(running.get(key), undefined, `key ${key} runs twice`);
      running.set(key, payload);
      ran.add(payload);
    } else if (what === 'end') running.delete(key);
  }
  const ids = new Set((await queue.listJobs()).map(({ id }) => id));
  for (const [, , id = ''] of acks) assert.ok(ids.has(id), `acknowledged job ${id} is gone`);
  const outcomes = new Set(acks.map(([, , , outcome]) => outcome));
  assert.deepEqual(outcomes, new Set(['added', 'existing', 'replaced', 'updated']));
  const jobs = await queue.listJobs();
  assert.equal(jobs.filter(({ status }) => status === 'completed').length, jobs.length);
  for (const { payload } of jobs) assert.ok(ran.has(payload as string), `${payload} never ran`);
});

test('a call that is made again after a crash before its acknowledgement gets the id of the job that is there', async (t) => {
  const folder = workFolder(t);
  const file = join(folder, 'queue.tsv');
  const child = await bundleCrashChild(folder);
  let found = 0;
  // Killed before each call of the file system in turn, so also after the append and before the sync.
  for (let killAt = 1; killAt < 60; killAt++) {
    const journal = join(folder, `journal ${killAt}`);
    const dedupeKey = `key ${killAt}`;
    const config: CrashConfig = {
      file,
      journal,
      scenario: 'keyed',
      killAt,
      cut: 0,
      signal: 'SIGKILL',
      ids: [dedupeKey],
    };
    const { code } = await startModule(t, child, config).ended;
    if (code === 0) break;
    const queue = openQueue(file);
    const before = await queue.listJobs({ dedupeKey });
    const { id, outcome } = await queue.add('work', 1, { dedupeKey });
    assert.equal(outcome, before.length > 0 ? 'existing' : 'added');
    if (before.length > 0) {
      found++;
      assert.equal(id, before[0]?.id);
    }
    assert.equal((await queue.listJobs({ dedupeKey })).length, 1);
    await queue.close();
  }
  assert.ok(found > 0, 'no kill came after the append');
});
