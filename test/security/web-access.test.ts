import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { Queue } from '../../lib/queue.js';
import { createDashboard, type DashboardOptions } from '../../lib/web.js';
import { openTest } from '../support/queues.js';
import { KNOWN, mounted, routesOf, served } from '../support/web.js';

/* What a visitor may do is what the app's `access` says, and nothing by default. */

const METHODS = ['POST', 'PUT', 'PATCH', 'DELETE'];

/** A queue with a job in each state, a pause and a schedule. */
async function filled(queue: Queue): Promise<{ id: string; name: string }> {
  const id = await queue.enqueue('fails');
  await queue.enqueue('works');
  await queue.processJobs(
    {
      fails: () => Promise.reject(new Error('no')),
      works: () => 1,
    },
    { maxAttempts: 1 },
  );
  await queue.enqueue('waits', {}, { delay: '1h' });
  await queue.enqueue('due');
  await queue.schedule('nightly', { type: 'works', every: '1d' });
  await queue.pause('waits');
  return { id, name: 'nightly' };
}

/** All files of a queue, and what is in them. */
const contents = (file: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(dirname(file), { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => [name, readFileSync(join(dirname(file), name), 'latin1')]),
  );

test('a dashboard without access is refused', (t) => {
  const { queue } = openTest(t);
  for (const options of [
    {},
    { access: 'write' },
    { access: undefined },
    undefined,
    null,
    { acess: () => 'write' },
  ])
    assert.throws(() => createDashboard(queue, options as unknown as DashboardOptions), {
      code: 'INVALID_ARGUMENT',
    });
});

test('a base that could lead elsewhere, or means a pattern, is refused', (t) => {
  const { queue } = openTest(t);
  const wrong = [
    'admin',
    '//evil.example',
    '/a//b',
    '/a b',
    '/a?b',
    '/a#b',
    '/:tenant',
    '/*',
    '/a"b',
    '/<b>',
    '/{a}',
    'https://a/',
    5,
  ];
  for (const base of wrong)
    assert.throws(
      () => createDashboard(queue, { access: () => 'read', base: base as string }),
      {
        code: 'INVALID_ARGUMENT',
      },
      String(base),
    );
  for (const base of ['', '/', '/admin', '/admin/queue', '/admin/queue/', '/a-b/c.d/~e'])
    createDashboard(queue, { access: () => 'read', base }).close();
});

test('what access answers is what a visitor may do, and anything unknown is nothing', async (t) => {
  const { queue } = openTest(t);
  for (const [answer, get, post] of [
    ['write', 200, 404],
    ['read', 200, 403],
    ['none', 403, 403],
    [{ access: 'write' }, 200, 404],
    [{ access: 'read', user: 'ann' }, 200, 403],
    [{ access: 'none' }, 403, 403],
    [Promise.resolve('write'), 200, 404],
    [undefined, 403, 403],
    [null, 403, 403],
    [true, 403, 403],
    [1, 403, 403],
    ['', 403, 403],
    ['WRITE', 403, 403],
    ['admin', 403, 403],
    [['write'], 403, 403],
    [{}, 403, 403],
    [{ access: true }, 403, 403],
    [{ access: ['write'] }, 403, 403],
    [() => 'write', 403, 403],
  ] as const) {
    const ask = await mounted(t, queue, { access: (() => answer) as unknown as DashboardOptions['access'] });
    const label = JSON.stringify(answer) ?? String(answer);
    assert.equal((await ask('/')).status, get, label);
    assert.equal((await ask('/nothing', { method: 'POST' })).status, post, label);
  }
});

test('no access is no access to any address, and says nothing of the queue', async (t) => {
  const { queue, file } = openTest(t);
  const names = await filled(queue);
  const ask = await mounted(t, queue, { access: () => 'none' });
  for (const { path } of [...routesOf(queue, names), { path: '/nothing' }])
    for (const method of ['GET', 'OPTIONS', ...METHODS]) {
      const { status, body } = await ask(path, { method });
      assert.equal(status, 403, `${method} ${path}`);
      assert.equal(body.includes(file) || body.includes('works'), false, path);
    }
});

test('an access that fails is no access, tells the visitor nothing, and warns', async (t) => {
  const { queue } = openTest(t);
  const warnings: string[] = [];
  const note = ({ message }: Error): number => warnings.push(message);
  process.on('warning', note);
  t.after(() => process.off('warning', note));
  for (const access of [
    () => {
      throw new Error('postgres://user:secret@db');
    },
    () => Promise.reject(new Error('postgres://user:secret@db')),
  ]) {
    const ask = await mounted(t, queue, { access });
    for (const path of ['/', '/api/status']) {
      const { status, body } = await ask(path);
      assert.equal(status, 500);
      assert.equal(body.includes('secret'), false);
      assert.match(body, /could not be found out/);
    }
  }
  assert.match(warnings[0] ?? '', /^the access function of the web page has failed: .*postgres/);
});

test('access is asked for each request, with all of its headers', async (t) => {
  const { queue } = openTest(t);
  const seen: string[] = [];
  const ask = await mounted(t, queue, {
    access: (request) => {
      // Apps make requests of requests.
      const { method, url, headers } = new Request(request);
      seen.push(`${method} ${new URL(url).pathname} ${headers.get('cookie')} ${headers.get('x-user')}`);
      return headers.get('x-user') === 'ann' ? 'write' : 'none';
    },
  });
  const headers = { cookie: 'a=1', 'x-user': 'ann' };
  assert.equal((await ask('/', { headers })).status, 200);
  assert.equal((await ask('/jobs', { headers: { ...headers, 'x-user': 'bob' } })).status, 403);
  assert.equal((await ask('/nothing', { method: 'POST', headers, body: 'a=1' })).status, 404);
  assert.deepEqual(seen, ['GET / a=1 ann', 'GET /jobs a=1 bob', 'POST /nothing a=1 ann']);
});

for (const [kind, open] of [
  ['access read', (t, queue) => mounted(t, queue, { access: () => 'read' })],
  [
    'queue web --read-only',
    async (t, queue) => {
      const { ask } = await served(t, queue, { isReadOnly: true });
      return (path, asking) => ask(path, { ...asking, headers: { ...KNOWN, ...asking?.headers } });
    },
  ],
] as [
  string,
  (
    ...args: Parameters<typeof mounted> extends [infer T, infer Q, ...unknown[]] ? [T, Q] : never
  ) => ReturnType<typeof mounted>,
][]) {
  test(`${kind} refuses every method but GET and HEAD at every address, and changes nothing`, async (t) => {
    const { queue, file } = openTest(t);
    const names = await filled(queue);
    const routes = [...routesOf(queue, names), { path: '/nothing' }];
    const before = contents(file);
    const ask = await open(t, queue);
    for (const { path } of routes)
      for (const method of ['OPTIONS', ...METHODS])
        for (const [type, body] of [
          ['application/x-www-form-urlencoded', `act=retry&id=${names.id}&sure=1&type=works&name=nightly`],
          ['application/json', JSON.stringify({ ids: [names.id], type: 'works', paused: true })],
        ] as const) {
          const answer = await ask(path, { method, body, headers: { 'content-type': type } });
          assert.equal(answer.status, 403, `${method} ${path}`);
          assert.match(answer.body, /you may look at this queue, and not change it/);
        }
    assert.deepEqual(contents(file), before);
    const page = await ask('/');
    assert.equal(page.status, 200);
    assert.doesNotMatch(page.body, /<form[^>]*method="?post/i);
  });
}

test('no GET and no HEAD changes anything, whatever it asks for', async (t) => {
  const { queue, file } = openTest(t);
  const names = await filled(queue);
  const routes = routesOf(queue, names);
  const before = contents(file);
  const ask = await mounted(t, queue, {
    access: () => ({ access: 'write', user: 'ann' }),
    onAction: () => assert.fail(),
  });
  const queries = [
    '',
    `?act=retry&id=${names.id}&sure=1`,
    '?act=cancel-all&sure=1',
    '?type=works&paused=true&_method=POST',
  ];
  for (const { path } of routes)
    for (const method of ['GET', 'HEAD'])
      for (const query of queries) {
        const { status } = await ask(`${path}${query}`, {
          method,
          headers: { 'x-http-method-override': 'POST' },
        });
        assert.ok(status < 500 || path === '/healthz', `${method} ${path}${query}: ${status}`);
      }
  assert.deepEqual(contents(file), before);
});
