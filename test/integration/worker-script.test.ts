import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openQueue } from 'tsvq';
import { systemProcesses } from '../../lib/file/lock/process-id.js';
import { sampled } from '../support/samples.js';
import { copiedProject, emptyQueue } from './empty-queue.js';
import { type Run, serve, startWorker, tick } from './worker-process.js';

/** A worker waits half a minute for the lock: begun first and looked at last, so that the tests between go on meanwhile. */
let lockedOut: { file: string; id: string; ended: Promise<Run> };
before(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tsvq-'));
  const file = join(folder, 'queue.tsv');
  const queue = openQueue(file);
  const id = await queue.enqueue('webhook', { url: 'nowhere' });
  await queue.close();
  await mkdir(`${file}.lock`, { recursive: true });
  await writeFile(join(`${file}.lock`, `owner.${systemProcesses.self()}`), '');
  const ended = tick(file);
  // Who waits for it comes much later.
  ended.catch(() => {});
  lockedOut = { file, id, ended };
});
after(() => rm(dirname(lockedOut.file), { recursive: true, force: true }));

describe('a tick', () => {
  test('prints nothing for a queue that does not exist yet', async (t) => {
    const { file } = emptyQueue(t);
    const { code, stdout, stderr } = await tick(file);
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '', stderr: '' });
  });

  test('prints nothing if no job is due', async (t) => {
    const { file, queue } = emptyQueue(t);
    await queue.enqueue('send_email', { to: 'ann@example.com' }, { delay: '1d' });
    const { code, stdout, stderr } = await tick(file);
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '', stderr: '' });
  });

  test('finds its data next to itself, and the package by its name', async (t) => {
    const { script, queue } = await copiedProject(t);
    const id = await queue.enqueue('webhook', { url: 'nowhere' });
    const { code, events } = await startWorker({}, { script }).ended;
    assert.equal(code, 0);
    assert.deepEqual(
      events.map((event) => [event.event, event.id]),
      [['failed', id]],
    );
  });

  test('leaves a job of an unknown type pending, and names the type', async (t) => {
    const { file, queue } = emptyQueue(t);
    const id = await queue.enqueue('resize_image', {});
    const { code, stdout, stderr } = await tick(file);
    assert.equal(code, 0);
    assert.equal(stdout, '');
    assert.match(stderr, /^queue_worker: .*resize_image.*\n$/);
    assert.equal((await queue.getJob(id))?.status, 'pending');
  });

  test('goes on if no process reads its output', async (t) => {
    const { file, queue } = emptyQueue(t);
    const url = await serve(t, (_, response) => response.end());
    const ids = await queue.enqueueMany([1, 2].map(() => ({ type: 'webhook', payload: { url } })));
    const worker = startWorker({ QUEUE_FILE: file });
    worker.child.stdout.destroy();
    worker.child.stderr.destroy();
    assert.equal((await worker.ended).code, 0);
    for (const id of ids) assert.equal((await queue.getJob(id))?.status, 'completed');
  });
});

describe('exit codes', () => {
  test('1: the file is not a queue, and stays as it is', async (t) => {
    const { file } = emptyQueue(t);
    await writeFile(file, 'name\tphone\nAnn\t123\n');
    const { code, stdout, stderr } = await tick(file);
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /^queue_worker: .*queue\.tsv.*\n$/);
    assert.equal(await readFile(file, 'utf8'), 'name\tphone\nAnn\t123\n');
  });

  for (const [name, value] of sampled(
    [
      ['QUEUE_CONCURRENCY', 'many'],
      ['QUEUE_CONCURRENCY', ''],
      ['QUEUE_LINGER', 'a while'],
      ['QUEUE_GRACE', '-1'],
      ['QUEUE_GRACE', '10'],
      ['QUEUE_MAX_ATTEMPTS', '1e3'],
      ['QUEUE_BACKOFF', '1m,5'],
      ['QUEUE_TIMEOUT', '3600'],
      ['QUEUE_FILE', 'redis://localhost:6379'],
      ['QUEUE_FILE', '"/srv/x.tsv"'],
      ['QUEUE_FILE', ' '],
      ['QUEUE_ANY_FILE_SYSTEM', 'on'],
    ] as const,
    4,
  ))
    test(`2: ${name}=${value} can't be used, and nothing is opened`, async (t) => {
      const { file, queue } = emptyQueue(t);
      const id = await queue.enqueue('webhook', { url: 'nowhere' });
      const { code, stdout, stderr } = await tick(file, { [name]: value });
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, new RegExp(`^queue_worker: ${name} is .*\n$`));
      if (/^\d+$/.test(value)) assert.ok(stderr.includes(`for ${value} seconds write ${value}s`), stderr);
      assert.equal((await queue.getJob(id))?.attempts, 0);
      assert.equal(existsSync(`${file}.tick`), false);
      assert.equal(existsSync('/redis:'), false);
    });

  test('2: it takes no arguments', async (t) => {
    const { file } = emptyQueue(t);
    const { code, stderr } = await startWorker({ QUEUE_FILE: file }, { args: ['--linger'] }).ended;
    assert.equal(code, 2);
    assert.match(stderr, /no arguments/);
  });
});

describe('settings', () => {
  test('attempts, backoff and time limit', async (t) => {
    const { file, queue } = emptyQueue(t);
    const url = await serve(t, (request, response) => {
      if (request.url !== '/never') response.writeHead(500).end();
    });
    const env = { QUEUE_BACKOFF: '7m,1h', QUEUE_TIMEOUT: '300ms', QUEUE_MAX_ATTEMPTS: '2' };
    const refused = await queue.enqueue('webhook', { url });
    const never = await queue.enqueue('webhook', { url: `${url}/never` });
    const before = Date.now();
    assert.equal((await tick(file, env)).code, 0);
    const runAt = Number((await queue.getJob(refused))?.runAt);
    assert.ok(runAt >= before + 420_000 && runAt <= Date.now() + 420_000);
    assert.match(String((await queue.getJob(never))?.error), /stopped after 3\d\d ms, its time limit/);
    assert.equal((await tick(file, { ...env, QUEUE_MAX_ATTEMPTS: '1' })).code, 0);
    const once = await queue.enqueue('webhook', { url });
    await tick(file, { ...env, QUEUE_MAX_ATTEMPTS: '1' });
    assert.equal((await queue.getJob(once))?.status, 'failed');
  });

  test('a misspelt one is named, and the work is done', async (t) => {
    const { file, queue } = emptyQueue(t);
    const id = await queue.enqueue('webhook', { url: 'nowhere' });
    const { code, stderr } = await tick(file, { QUEUE_CONCURENCY: '4', QUEUE_URL: 'x' });
    assert.equal(code, 0);
    assert.match(stderr, /^tsvq: QUEUE_CONCURENCY is not a setting, .* QUEUE_CONCURRENCY\?\n$/);
    assert.equal((await queue.getJob(id))?.attempts, 1);
  });
});

describe('a worker that finds the lock held', () => {
  test('exits with 75 after a while, and leaves the job as it is', async () => {
    const { code, stdout, stderr } = await lockedOut.ended;
    assert.equal(code, 75);
    assert.equal(stdout, '');
    assert.match(stderr, new RegExp(`^queue_worker: .*\\b${process.pid}\\b.*\n$`));
    assert.equal((await openQueue(lockedOut.file).getJob(lockedOut.id))?.attempts, 0);
  });
});
