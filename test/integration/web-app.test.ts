import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ErrorCode, openQueue, type Queue, TsvqError } from 'tsvq';
import { createApp, type Jobs } from '../../docs/examples/web-app.js';
import { temporaryFolder } from '../support/folders.js';
import { tick } from './worker-process.js';

async function start(t: TestContext, queue: Queue<Jobs>) {
  const app = createApp(queue);
  await once(app.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    app.close();
    app.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(app.address() as AddressInfo).port}`;
  return async (method: string, path: string, body?: string) => {
    const response = await fetch(url + path, { method, ...(body !== undefined && { body }) });
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as Record<string, unknown>,
    };
  };
}

const signUp = JSON.stringify({ email: 'ann@example.com' });

test('a sign-up sends its e-mail by way of the worker', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const call = await start(t, openQueue<Jobs>(file));
  const { status, headers, body } = await call('POST', '/signup', signUp);
  assert.equal(status, 202);
  assert.equal(headers.get('location'), `/jobs/${body.id}`);

  const waiting = await call('GET', `/jobs/${body.id}`);
  assert.equal(waiting.status, 200);
  assert.equal(waiting.body.status, 'pending');
  assert.equal(JSON.stringify(waiting.body).includes('ann@example.com'), false);

  assert.equal((await tick(file)).code, 0);
  const done = await call('GET', `/jobs/${body.id}`);
  assert.equal(done.body.status, 'completed');
  assert.equal(done.body.attempts, 1);
  assert.match(await readFile(join(file, `../outbox/${body.id}.eml`), 'utf8'), /^To: ann@example\.com\r$/m);
});

test('a job can be cancelled until it is finished', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const call = await start(t, openQueue<Jobs>(file));
  const { body } = await call('POST', '/signup', signUp);
  assert.equal((await call('DELETE', `/jobs/${body.id}`)).status, 200);
  assert.equal((await call('GET', `/jobs/${body.id}`)).body.status, 'cancelled');
  assert.equal((await call('DELETE', `/jobs/${body.id}`)).status, 409);

  const { stdout } = await tick(file);
  assert.equal(stdout, '');
});

test('an unknown page or job is 404', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const call = await start(t, openQueue<Jobs>(file));
  for (const [method, path] of [
    ['GET', '/jobs/0123456789abcdef'],
    ['DELETE', '/jobs/0123456789abcdef'],
    ['GET', '/jobs/..%2f..%2fetc'],
    ['GET', '/jobs'],
    ['GET', '/signup'],
  ] as const)
    assert.equal((await call(method, path)).status, 404, `${method} ${path}`);
});

test('an invalid request is 400, one that is too large 413', async (t) => {
  const queue = openQueue<Jobs>(join(temporaryFolder(t), 'queue.tsv'));
  const call = await start(t, queue);
  for (const body of ['', 'x', 'null', '[]', '{}', '{"email": 7}', '{"email": "ann"}'])
    assert.equal((await call('POST', '/signup', body)).status, 400, body);
  assert.equal((await call('POST', '/signup', ' '.repeat(200_000))).status, 413);
  assert.deepEqual(await queue.listJobs(), []);
});

test("the queue's errors become statuses, and only mistakes of the client are explained", async (t) => {
  t.mock.method(console, 'error', () => {});
  const statuses: [ErrorCode, number][] = [
    ['DISK_FULL', 503],
    ['LOCK_TIMEOUT', 503],
    ['INVALID_ARGUMENT', 400],
    ['PAYLOAD_TOO_LARGE', 413],
    ['SYNC_FAILED', 500],
  ];
  for (const [code, expected] of statuses) {
    const broken = { enqueue: async () => Promise.reject(new TsvqError(code, `a path: ${code}`)) };
    const call = await start(t, broken as unknown as Queue<Jobs>);
    const { status, headers, body } = await call('POST', '/signup', signUp);
    assert.equal(status, expected, code);
    assert.equal(headers.has('retry-after'), expected === 503);
    assert.equal(JSON.stringify(body).includes('a path'), expected < 500);
  }
});
