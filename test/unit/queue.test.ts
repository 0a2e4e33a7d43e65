import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { systemFs } from '../../lib/file/disk/fs.js';
import * as tsvq from '../../lib/index.js';
import { openQueue } from '../../lib/open-queue.js';
import { rejects, throws } from '../support/errors.js';
import { faultyFs } from '../support/faulty-fs.js';
import { temporaryFolder } from '../support/folders.js';
import { runScript } from '../support/processes.js';
import { rowsOf } from '../support/queue-file.js';
import { openTest } from '../support/queues.js';
import { deferred, until } from '../support/waiting.js';

test('the package gives these names and no others', () => {
  assert.deepEqual(Object.keys(tsvq).sort(), [
    'JobCancelledError',
    'JobFailedError',
    'PermanentError',
    'RetryAfterError',
    'TsvqError',
    'WaitTimeoutError',
    'cancelJob',
    'defineHandlers',
    'dismissJob',
    'enqueue',
    'enqueueMany',
    'getJob',
    'iterateJobs',
    'listJobs',
    'nextRuns',
    'openQueue',
    'processJobs',
    'promoteJob',
    'queueOptionsFrom',
    'retryJob',
    'stats',
    'waitForJob',
    'workerOptionsFrom',
  ]);
});

test('a file: URL is a path as well, whatever is in its name', (t) => {
  const file = join(temporaryFolder(t), 'a folder', '100%.tsv');
  assert.equal(openQueue(pathToFileURL(file)).file, file);
  throws(
    () => openQueue(new URL('http://x/queue.tsv')),
    'INVALID_ARGUMENT',
    'must be a path, or a file: URL',
  );
  for (const url of ['file://host/queue.tsv', 'file:///a%2Fqueue.tsv'])
    throws(() => openQueue(new URL(url)), 'INVALID_ARGUMENT', `the queue file is ${url}: `);
});

test('a queue is open at once, and makes nothing before it is needed', async (t) => {
  const file = join(temporaryFolder(t), 'data', 'queue.tsv');
  const queue = openQueue(relative(process.cwd(), file));
  assert.equal(queue.file, file);
  await queue.listJobs();
  await queue.stats();
  assert.equal(existsSync(join(file, '..')), false);
  const id = await queue.enqueue('email', {});
  assert.equal((await queue.getJob(id))?.type, 'email');
  await queue.close();
  assert.deepEqual(readdirSync(join(file, '..')), ['queue.tsv']);
});

test('only its own arguments throw', () => {
  for (const file of ['', 'a\0b', 5, null, undefined, {}]) {
    throws(() => openQueue(file as string), 'INVALID_ARGUMENT', 'queue file');
  }
  throws(() => openQueue('q.tsv', { durability: 'full' as 'os' }), 'INVALID_ARGUMENT', 'durability');
  throws(() => openQueue('q.tsv', { retension: 5 } as object), 'INVALID_ARGUMENT', 'retension');
  throws(() => openQueue('q.tsv', null as unknown as object), 'INVALID_ARGUMENT', 'options');
});

test('every method rejects instead of throwing, whatever it is given', async (t) => {
  const { queue } = openTest(t);
  type Method = (...args: unknown[]) => Promise<unknown>;
  const methods = queue as unknown as Record<string, Method>;
  const hostile: unknown[] = [
    undefined,
    null,
    5,
    5n,
    Symbol('x'),
    Object.create(null),
    [],
    () => {},
    Number.NaN,
    'x',
  ];
  for (const name of [
    'enqueue',
    'enqueueMany',
    'getJob',
    'cancelJob',
    'retryJob',
    'listJobs',
    'processJobs',
    'schedule',
    'unschedule',
    'pauseSchedule',
    'resumeSchedule',
    'runNow',
  ]) {
    for (const first of hostile) {
      for (const second of [undefined, null, 5, Object.create(null)]) {
        const promise = (methods[name] as Method)(first, second);
        assert.ok(promise instanceof Promise, name);
        await promise.catch((error: unknown) => {
          const what = `${name}(${typeof first}, ${typeof second}): ${String((error as Error)?.stack)}`;
          assert.ok(error instanceof tsvq.TsvqError && error.code === 'INVALID_ARGUMENT', what);
        });
      }
    }
  }
});

test('after close every call rejects with CLOSED, and closing twice is fine', async (t) => {
  const { queue, file } = openTest(t);
  const id = await queue.enqueue('email', {});
  await queue.close();
  await queue.close();
  await rejects(queue.enqueue('email', {}), 'CLOSED', file);
  await rejects(queue.enqueueMany([{ type: 'email' }]), 'CLOSED', file);
  await rejects(queue.getJob(id), 'CLOSED');
  await rejects(queue.getJob(id, { archive: true }), 'CLOSED');
  await rejects(queue.cancelJob(id), 'CLOSED');
  await rejects(queue.retryJob(id), 'CLOSED');
  await rejects(queue.listJobs(), 'CLOSED');
  await rejects(queue.iterateJobs().next(), 'CLOSED');
  await rejects(queue.stats(), 'CLOSED');
  await rejects(queue.processJobs({ email: () => {} }), 'CLOSED');
  await rejects(queue.compact(), 'CLOSED');
  await rejects(queue.schedule('a', { type: 'email', every: '1m' }), 'CLOSED');
  await rejects(queue.listSchedules(), 'CLOSED');
  assert.equal(rowsOf(file).length, 1);
});

test('close waits for earlier calls', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  await queue.enqueue('email', 0);
  const disk = deferred();
  fault.do = (call, real) => (call.name === 'fdatasync' ? disk.promise.then(real) : real());
  const first = queue.enqueue('email', 1);
  await new Promise(setImmediate);
  const second = queue.enqueue('email', 2);
  let closed = false;
  const closing = queue.close().then(() => {
    closed = true;
  });
  for (let n = 0; n < 20; n++) await new Promise(setImmediate);
  assert.equal(closed, false);
  disk.resolve();
  await Promise.all([first, second, closing]);
  assert.equal(rowsOf(file).length, 3);
  assert.equal(existsSync(`${file}.lock`), false);
});

test('no file stays open after close', async (t) => {
  if (process.platform !== 'linux') return t.skip('it is in /proc that open files are seen');
  const { queue, file } = openTest(t);
  const open = (): number =>
    readdirSync('/proc/self/fd').filter((fd) =>
      systemFs.readlink(`/proc/self/fd/${fd}`)?.startsWith(dirname(file)),
    ).length;
  await queue.enqueueMany(Array.from({ length: 700 }, (_, n) => ({ type: 'email', payload: n })));
  for await (const _ of queue.iterateJobs()) break;
  await queue.processJobs({ email: () => {} }, { concurrency: 5 });
  await queue.compact();
  await queue.getJob('x', { archive: true });
  await queue.stats();
  assert.ok(open() > 0);
  await queue.close();
  await until('the last one is closed', () => open() === 0);
});

test('an open queue keeps no process alive', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const printed = await runScript(
    t,
    `import { openQueue } from 'lib/index.js';
    const queue = openQueue(${JSON.stringify(file)});
    await queue.enqueueMany([{ type: 'email' }, { type: 'email' }]);
    await queue.enqueue('email', 1);
    await queue.processJobs({ email: () => {} }, { linger: 50 });
    await queue.listJobs();
    for await (const job of queue.iterateJobs()) break;
    process.on('exit', () => console.log('over by itself'));`,
    { timeout: 15_000 },
  );
  assert.equal(printed, 'over by itself\n');
});
