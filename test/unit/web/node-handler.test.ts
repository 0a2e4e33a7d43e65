import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { type Dashboard, nodeHandler } from '../../../lib/web.js';
import { deferred } from '../../support/waiting.js';
import { asker, listen } from '../../support/web.js';

/* A dashboard in the frameworks of Node: what they do to a request before it arrives here. */

/** A dashboard that tells what it was asked. */
const echo = (base = ''): Dashboard => ({
  base,
  fetch: async (request) => {
    const { method, url, headers } = request;
    const type = headers.get('content-type');
    const { pathname, search } = new URL(url);
    return Response.json({
      method,
      path: pathname + search,
      type,
      length: headers.get('content-length'),
      body: await request.text(),
    });
  },
  close: () => {},
});

type Incoming = IncomingMessage & { originalUrl?: string; body?: unknown; rawBody?: Buffer };

/** A server that does something to requests first, as an app's middleware does. */
async function behind(
  t: TestContext,
  dashboard: Dashboard,
  first: (request: Incoming) => unknown = () => {},
) {
  const handler = nodeHandler(dashboard);
  const urls: [string | undefined, string | undefined][] = [];
  const ask = asker(
    await listen(t, async (request: Incoming, response: ServerResponse) => {
      await first(request);
      const before = request.url;
      await handler(request, response);
      urls.push([before, request.url]);
    }),
  );
  return {
    urls,
    ask,
    tell: async (path: string, asking?: Parameters<typeof ask>[1]) =>
      JSON.parse((await ask(path, asking)).body),
  };
}

const FORM = 'application/x-www-form-urlencoded';

test('the address is the one that came, although a mount has taken its path away, and gets that back', async (t) => {
  const { tell, urls } = await behind(t, echo('/admin/queue'), (request) => {
    request.originalUrl = request.url ?? '';
    request.url = request.url?.slice('/admin/queue'.length) || '/';
  });
  assert.equal((await tell('/admin/queue')).path, '/admin/queue');
  assert.equal((await tell('/admin/queue/jobs?q=%2F&type=a+b')).path, '/admin/queue/jobs?q=%2F&type=a+b');
  assert.deepEqual(urls, [
    ['/', '/'],
    ['/jobs?q=%2F&type=a+b', '/jobs?q=%2F&type=a+b'],
  ]);
});

test('a dashboard at a path that it does not know says so', async (t) => {
  const { ask } = await behind(t, echo(), (request) => {
    request.originalUrl = `/admin${request.url}`;
  });
  const { status, body } = await ask('/jobs');
  assert.equal(status, 404);
  assert.match(
    body,
    /its option base is empty: give createDashboard the path as base \(this request was for \/admin\/jobs\)/,
  );
});

test('a body that nothing has read arrives as it is', async (t) => {
  const { tell } = await behind(t, echo(), (request) => {
    // As Express 4 has it after a parser that is for another type.
    request.body = {};
  });
  const sent = { method: 'POST', headers: { 'content-type': FORM }, body: 'id=1&id=2' };
  assert.deepEqual(await tell('/x', sent), {
    method: 'POST',
    path: '/x',
    type: FORM,
    length: '9',
    body: 'id=1&id=2',
  });
  const empty = await tell('/x', { method: 'POST', headers: { 'content-type': FORM } });
  assert.equal(empty.body, '');
});

for (const [kind, type, body, arrives, arrivesAs = type] of [
  ['a form', FORM, { act: 'retry', sure: '1' }, 'act=retry&sure=1'],
  ['a form with a field several times', FORM, { id: ['a b', 'c&d'], act: 'x' }, 'id=a+b&id=c%26d&act=x'],
  [
    'a form with a field so often that a parser makes an object',
    FORM,
    { id: { 0: 'a', 1: 'b', 20: 'c' } },
    'id=a&id=b&id=c',
  ],
  ['a form with brackets', FORM, { a: { b: 'c', d: ['1', '2'] } }, 'a%5Bb%5D=c&a%5Bd%5D=1&a%5Bd%5D=2'],
  ['an empty form', FORM, {}, ''],
  ['JSON', 'application/json', { ids: ['a'], paused: true }, '{"ids":["a"],"paused":true}'],
  ['JSON with a charset', 'application/json; charset=utf-8', { a: 'ü' }, '{"a":"ü"}'],
  ['JSON of a kind', 'application/merge-patch+json', [1], '[1]'],
  ['JSON that is no object', 'application/json', 5, '5'],
  ['text', 'application/json', '{"ids":["ü"]}', '{"ids":["ü"]}'],
  ['bytes', FORM, Buffer.from('a=ü'), 'a=ü'],
  ['an array of bytes', FORM, new Uint8Array([97, 61, 49]), 'a=1'],
  ['a form with parts', 'multipart/form-data; boundary=x', { act: 'retry' }, 'act=retry', FORM],
  ['an object without a prototype', FORM, Object.assign(Object.create(null), { a: '1' }), 'a=1'],
] as [string, string, unknown, string, string?][]) {
  test(`a body that a parser has read as ${kind} is given back`, async (t) => {
    const { tell } = await behind(t, echo(), async (request) => {
      await buffer(request);
      request.body = body;
    });
    const asking = { method: 'POST', headers: { 'content-type': type }, body: 'what was really sent' };
    const told = await tell('/x', asking);
    assert.equal(told.body, arrives);
    assert.equal(told.type, arrivesAs);
    assert.equal(told.length, null, 'the old length is no longer right');
  });
}

test('a body that a platform keeps as rawBody is used', async (t) => {
  const { tell } = await behind(t, echo(), async (request) => {
    request.rawBody = await buffer(request);
    request.body = { parsed: 'in another way' };
  });
  const told = await tell('/x', { method: 'POST', headers: { 'content-type': FORM }, body: 'a=1&a=2' });
  assert.equal(told.body, 'a=1&a=2');
});

test('a body that was read and thrown away fails the request, and not the server', async (t) => {
  const warnings = noted(t);
  const { ask, tell } = await behind(t, echo(), async (request) => {
    if (request.method === 'POST') await buffer(request);
  });
  assert.equal((await ask('/x', { method: 'POST', body: 'a=1' })).status, 500);
  assert.match(warnings[0] ?? '', /was read before, and is not in request\.body/);
  assert.equal((await tell('/x', { method: 'POST' })).body, '');
  assert.equal((await tell('/y')).path, '/y');
});

/** The warnings of the process until the test ends. */
function noted(t: TestContext): string[] {
  const warnings: string[] = [];
  const note = ({ message }: Error): number => warnings.push(message);
  process.on('warning', note);
  t.after(() => process.off('warning', note));
  return warnings;
}

test('a dashboard that fails is a 500, and the server goes on', async (t) => {
  const warnings = noted(t);
  const fetch = (): Promise<Response> => Promise.reject(new Error('the secret of the app'));
  const { ask } = await behind(t, { ...echo(), fetch });
  for (const method of ['GET', 'POST']) {
    const { status, body } = await ask('/', { method });
    assert.deepEqual([status, body], [500, 'something went wrong\n']);
  }
  assert.match(warnings[0] ?? '', /the secret of the app/);
});

test('what is no request is a 400', async (t) => {
  const { ask } = await behind(t, echo());
  for (const [path, asking] of [
    ['/a\\b', {}],
    ['/', { headers: { host: 'a:b:c' } }],
    ['/', { method: 'TRACE' }],
    ['*', { method: 'OPTIONS' }],
  ] as const)
    assert.equal((await ask(path, asking)).status, 400, path);
});

test('a client that goes away in the middle of a body fails its own request only', async (t) => {
  const { resolve: isAsked, promise: asked } = deferred();
  const { resolve: hasFailed, promise: failed } = deferred<unknown>();
  const fetch = async (request: Request): Promise<Response> => {
    if (request.method === 'GET') return new Response('here');
    isAsked();
    await request.text().catch(hasFailed);
    return new Response('never seen');
  };
  const port = await listen(t, nodeHandler({ ...echo(), fetch }));
  const socket = connect(port, '127.0.0.1');
  socket.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nabc');
  await asked;
  socket.destroy();
  assert.ok((await failed) instanceof Error);
  assert.equal((await asker(port)('/')).body, 'here');
});
