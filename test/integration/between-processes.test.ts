import assert from 'node:assert/strict';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openQueue } from 'tsvq';
import { Store } from '../../lib/file/store.js';
import { resolveQueueOptions } from '../../lib/job/queue-options.js';
import { bundleCrashChild } from '../fixtures/bundle.js';
import {
  journaled,
  readJournal,
  repeated,
  startChild,
  startModule,
  workFolder,
} from '../fixtures/children.js';
import type { CrashConfig } from '../fixtures/crash-child.js';
import { rejects } from '../support/errors.js';
import { rowsOf } from '../support/queue-file.js';
import { until } from '../support/waiting.js';

const work = (length: number) => Array.from({ length }, () => ({ type: 'work' }));

test('a process that is stopped while it decides is waited for, and named; new jobs do not wait', {
  timeout: 60_000,
}, async (t) => {
  const folder = workFolder(t);
  const file = join(folder, 'queue.tsv');
  const journal = join(folder, 'journal');
  const queue = openQueue(file);
  const waiting = await queue.enqueue('work');
  const before = readFileSync(file, 'utf8');
  // Its token, then part of the row, of a write that goes on when the process does.
  const config: CrashConfig = {
    file,
    journal,
    scenario: 'cancel',
    killAt: 4,
    cut: 0,
    signal: 'SIGSTOP',
    ids: [waiting],
  };
  const stopped = startModule(t, await bundleCrashChild(folder), config);
  const state = (): string => readFileSync(`/proc/${stopped.pid}/stat`, 'utf8').split(') ')[1]?.[0] ?? '';
  await until('the process has stopped', () => state() === 'T');
  assert.deepEqual(journaled(journal, 'cancelled'), []);

  const impatient = openQueue(file, { lockTimeout: 300 });
  const { message } = await rejects(impatient.cancelJob(waiting), 'LOCK_TIMEOUT', `process ${stopped.pid} `);
  assert.match(message, /nothing was written/);
  // Reading needs no lock.
  assert.equal((await impatient.listJobs()).length, rowsOf(file).length);
  assert.ok(readFileSync(file, 'utf8').startsWith(before));

  const id = await impatient.enqueue('work');
  const patient = queue.cancelJob(waiting);
  stopped.process.kill('SIGCONT');
  await stopped.done();
  assert.deepEqual([await patient, journaled(journal, 'cancelled')], [false, [waiting]]);
  assert.deepEqual(
    rowsOf(file).map((row) => `${row.id} ${row.status}`),
    [`${id} pending`, `${waiting} cancelled`],
  );
});

test('a lingering worker starts jobs that another process enqueues, and stops those that it cancels', {
  timeout: 60_000,
}, async (t) => {
  const folder = workFolder(t);
  const file = join(folder, 'queue.tsv');
  const journal = join(folder, 'journal');
  const worker = startChild(t, 'worker.js', { file, journal, options: { linger: '1h' } });
  await worker.said('ready');
  const queue = openQueue(file);
  // The first one makes the file that the worker is to watch.
  for (let n = 0; n < 3; n++) {
    const id = await queue.enqueue('obedient');
    assert.equal(await worker.said('started'), id);
    assert.equal(await queue.cancelJob(id), true);
    const next = await queue.enqueue('work');
    // One at a time: that the next is done tells that the handler of the cancelled one has come to its end.
    await until('the next job is done', async () => (await queue.getJob(next))?.status === 'completed');
    assert.deepEqual(
      [(await queue.getJob(id))?.status, (await queue.getJob(id))?.attempts],
      ['cancelled', 1],
    );
  }
  worker.process.kill('SIGTERM');
  assert.equal(((await worker.said('summary')) as { cancelled: number }).cancelled, 3);
  await worker.done();
});

test('processes that reach one file by different paths share its lock and its jobs', {
  timeout: 60_000,
}, async (t) => {
  const folder = workFolder(t);
  const real = join(folder, 'real');
  mkdirSync(real);
  symlinkSync(real, join(folder, 'folder-link'));
  // A link to a file that isn't there yet.
  symlinkSync(join(real, 'queue.tsv'), join(folder, 'file-link.tsv'));
  const paths = [
    join(real, 'queue.tsv'),
    join(folder, 'folder-link', 'queue.tsv'),
    join(folder, 'file-link.tsv'),
  ];
  const acknowledged = join(folder, 'acknowledged');
  const started = join(folder, 'started');
  const enqueuers = paths.map((file) =>
    startChild(t, 'enqueuer.js', { file, journal: acknowledged, each: 10 }),
  );
  const workers = paths.map((file) =>
    startChild(t, 'worker.js', { file, journal: started, ticks: 'until told' }),
  );
  await Promise.all([...enqueuers, ...workers].map((child) => child.said('ready')));
  for (const child of enqueuers) child.tell('begin');
  await Promise.all(enqueuers.map((child) => child.done()));
  for (const child of workers) child.tell('stop');
  await Promise.all(workers.map((child) => child.done()));

  const ids = journaled(acknowledged, 'ack').sort();
  assert.equal(ids.length, 3 * 3 * 10);
  assert.deepEqual(
    journaled(started, 'start')
      .map((start) => start.split(':')[0])
      .sort(),
    ids,
  );
  for (const file of paths) await openQueue(file).compact();
  assert.ok(lstatSync(join(folder, 'file-link.tsv')).isSymbolicLink(), 'a compaction has replaced the link');
  assert.deepEqual(readdirSync(folder).sort(), [
    'acknowledged',
    'file-link.tsv',
    'folder-link',
    'real',
    'started',
  ]);
  for (const file of paths) {
    const jobs = await openQueue(file).listJobs({ status: 'completed' });
    assert.deepEqual(jobs.map(({ id }) => id).sort(), ids);
  }
});

test('running workers go on in the file that an editor puts in place under the lock', {
  timeout: 60_000,
}, async (t) => {
  const folder = workFolder(t);
  const file = join(folder, 'queue.tsv');
  const journal = join(folder, 'journal');
  const queue = openQueue(file);
  const ids = await queue.enqueueMany(work(300));
  const workers = [1, 4].map((concurrency) =>
    startChild(t, 'worker.js', { file, journal, ticks: 'until told', options: { concurrency } }),
  );
  await Promise.all(workers.map((worker) => worker.said('ready')));
  // What `queue lock -- sed -i …` does: a new file takes the name, with a line more.
  const store = new Store(file, resolveQueueOptions({}));
  for (let edit = 1; edit <= 5; edit++) {
    const seen = readJournal(journal).length;
    await until('the workers are at it', () => readJournal(journal).length > seen || seen >= ids.length);
    await store.exclusively(async () => {
      writeFileSync(`${file}.edited`, readFileSync(file, 'utf8').replace('\n', `\n# edit ${edit}\n`));
      renameSync(`${file}.edited`, file);
    });
    ids.push(...(await queue.enqueueMany(work(60))));
  }
  for (const worker of workers) worker.tell('stop');
  await Promise.all(workers.map((worker) => worker.done()));
  await store.close();

  assert.deepEqual(repeated(journaled(journal, 'start')), []);
  const done = await queue.listJobs({ status: 'completed' });
  assert.deepEqual(done.map(({ id }) => id).sort(), ids.sort());
  const text = readFileSync(file, 'utf8');
  for (let edit = 1; edit <= 5; edit++)
    assert.ok(text.includes(`\n# edit ${edit}\n`), `edit ${edit} is gone`);
});
