import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { createDashboard, nodeHandler } from '../../lib/web.js';
import { openTest } from '../support/queues.js';
import { type Answered, asker, KNOWN, listen, mounted, routesOf, SECRET, served } from '../support/web.js';

/* Every answer has the headers that let a browser do no harm with it, the refused ones as well. */

const POLICY: Record<string, string> = {
  'default-src': "'none'",
  'style-src': "'self'",
  'script-src': "'self'",
  'img-src': "'self'",
  'connect-src': "'self'",
  'form-action': "'self'",
  'frame-ancestors': "'none'",
  'base-uri': "'none'",
};

function isGuarded({ headers }: Answered, label: string): void {
  const policy = (headers['content-security-policy'] as string | undefined) ?? '';
  assert.deepEqual(Object.fromEntries(policy.split('; ').map((part) => part.split(/ (.*)/))), POLICY, label);
  assert.equal(headers['x-content-type-options'], 'nosniff', label);
  assert.equal(headers['x-frame-options'], 'DENY', label);
  assert.equal(headers['referrer-policy'], 'same-origin', label);
  assert.equal(headers['cross-origin-opener-policy'], 'same-origin', label);
  assert.equal(headers['cross-origin-resource-policy'], 'same-origin', label);
  assert.equal(headers['access-control-allow-origin'], undefined, label);
}

function isPrivate({ headers }: Answered, label: string): void {
  const control = headers['cache-control'] ?? '';
  assert.match(control, /^(no-store|private, max-age=\d+, immutable)$/, label);
}

test('every route answers with them, by GET and HEAD, well or not, compressed or not', async (t) => {
  const { queue } = openTest(t);
  const id = await queue.enqueue('email');
  const { ask } = await served(t, queue);
  const paths = routesOf(queue, { id, name: 'nightly' }).map(({ path }) => path);
  for (const path of [...new Set(paths)])
    for (const method of ['GET', 'HEAD', 'POST'])
      for (const encoding of ['gzip', 'identity'])
        for (const known of [KNOWN, {}]) {
          const headers = { ...known, 'accept-encoding': encoding };
          const answer = await ask(path, { method, headers });
          isGuarded(answer, `${method} ${path} ${answer.status}`);
          isPrivate(answer, `${method} ${path} ${answer.status}`);
        }
});

test('only what never changes may stay in a cache', async (t) => {
  const { queue } = openTest(t);
  const id = await queue.enqueue('email');
  const { ask } = await served(t, queue);
  for (const { method, path } of routesOf(queue, { id, name: 'nightly' }).filter(
    ({ method }) => method === 'GET',
  )) {
    const { headers } = await ask(path, { method, headers: KNOWN });
    const mayStay =
      headers['cache-control'] !== 'no-store' && !/no-cache/.test(headers['cache-control'] ?? '');
    assert.equal(mayStay, path.startsWith('/assets/'), path);
  }
});

test('refusals of each kind have them', async (t) => {
  const { queue, file } = openTest(t);
  await queue.enqueue('email');
  const { ask } = await served(t, queue);
  const kinds: [status: number, path: string, asking: Parameters<typeof ask>[1]][] = [
    [303, `/?token=${SECRET}`, {}],
    [303, '/?token=old', { headers: KNOWN }],
    [400, '/jobs?status=nonsense', { headers: KNOWN }],
    [400, '/a\\b', { headers: KNOWN }],
    [400, '/', { headers: { ...KNOWN, host: 'a:b:c' } }],
    [400, '/', { method: 'TRACE', headers: KNOWN }],
    [401, '/', {}],
    [401, '/api/status', {}],
    [403, '/', { headers: { ...KNOWN, host: 'evil.example' } }],
    [403, '/', { method: 'POST', headers: { ...KNOWN, origin: 'https://evil.example' } }],
    [404, '/nothing', { headers: KNOWN }],
    [404, '/api/nothing', { headers: KNOWN }],
    [405, '/jobs', { method: 'PATCH', headers: KNOWN }],
    [413, '/jobs', { method: 'POST', headers: KNOWN, body: Buffer.alloc(2 ** 20 + 1) }],
  ];
  for (const [status, path, asking] of kinds) {
    const answer = await ask(path, asking);
    assert.equal(answer.status, status, `${path} ${JSON.stringify(asking?.headers)}`);
    isGuarded(answer, `${status} ${path}`);
    assert.equal(answer.headers['cache-control'], 'no-store', `${status} ${path}`);
  }
  rmSync(file);
  // A folder can't be read as a file, not even by root.
  mkdirSync(file);
  const broken = await ask('/', { headers: KNOWN });
  assert.equal(broken.status, 500);
  isGuarded(broken, '500');
  chmodSync(file, 0o700);
});

test('a dashboard in an app has them, also where it is not at home, and where the app fails', async (t) => {
  const { queue } = openTest(t);
  const none = await mounted(t, queue, { access: () => 'none' });
  isGuarded(await none('/'), 'none');
  const misplaced = await mounted(t, queue, { access: () => 'write', base: '/admin/queue' });
  const outside = await misplaced('/jobs');
  assert.equal(outside.status, 404);
  isGuarded(outside, 'outside of its base');
  const failing = await mounted(t, queue, {
    access: () => {
      // Not an Error, which many catch in another way.
      throw 'a text';
    },
  });
  isGuarded(await failing('/'), 'access throws a text');
  const dashboard = createDashboard(queue, { access: () => 'write' });
  const dead = { ...dashboard, fetch: () => Promise.reject(new Error('no')) };
  const ask = asker(await listen(t, (request, response) => void nodeHandler(dead)(request, response)));
  const answer = await ask('/');
  assert.equal(answer.status, 500);
  isGuarded(answer, 'fetch rejects');
});

test('an address that takes another method says which', async (t) => {
  const ask = await mounted(t, openTest(t).queue, { access: () => 'write', base: '/q' });
  const page = await ask('/q/jobs', { method: 'PUT' });
  assert.deepEqual([page.status, page.headers.allow], [405, 'GET, HEAD']);
  assert.match(page.body, /this address takes no PUT/);
  const options = await ask('/q/', { method: 'OPTIONS' });
  assert.deepEqual([options.status, options.headers.allow], [405, 'GET, HEAD']);
});
