import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { post, receiver } from './webhook-receiver.js';
import { serve } from './worker-process.js';

/*
 * No secret of a request is in an error, a result or the log.
 */

for (const [what, answer] of Object.entries({
  'the whole path': (path: string) => `Cannot POST ${path}`,
  'the path of a page in HTML': (path: string) => `<pre>Cannot POST ${path.replaceAll('&', '&amp;')}</pre>`,
  'the path as JSON': (path: string) => JSON.stringify({ path }).replaceAll('/', '\\/'),
  'the path, decoded': (path: string) => `Cannot POST ${decodeURIComponent(path)}`,
  'the query alone': (path: string) => `unknown ${path.split('?')[1]}`,
  'a token alone': () => 'no such token: HUSHpath, hushQUERY',
  'the path again and again': (path: string) => `${path} `.repeat(2000),
}))
  test(`an answer that quotes ${what} puts no secret into the error`, async (t) => {
    const { url } = await receiver(t, ({ url: path = '' }, response) => {
      response.statusMessage = path.includes('%') ? 'Not Found' : `No ${path}`;
      response.writeHead(404).end(answer(path));
    });
    for (const path of ['/hooks/hushPATH?token=hushQUERY&b=1', '/h%C3%B6oks/hushPATH%2Fx?token=hushQUERY']) {
      const { status, error, stderr } = await post(t, { url: `${url}${path}` });
      assert.equal(status, 'failed');
      assert.match(error, /answered 404/);
      assert.doesNotMatch(error + stderr, /hush|hooks|höoks|token=/i);
    }
  });

const basic = Buffer.from('app:hushBASIC').toString('base64');
for (const [what, payload] of Object.entries({
  'a bearer token': { headers: { authorization: 'Bearer hushTOKEN' } },
  'a login': { headers: { authorization: `Basic ${basic}` } },
  'a short key': { headers: { 'x-api-key': 'hush' } },
  'a cookie': { headers: { cookie: 'sid=hushSID; theme=hushDARK' } },
  'a long header of any name': { headers: { 'x-tenant': 'hush-1234' } },
  'a password in the body': { body: { user: { name: 'Ann', password: 'hush "quoted" & <more>' } } },
  'a list of tokens': { body: { tokens: ['hush1', { value: 'hush2' }] } },
  'a form': { body: 'name=Ann&password=hush%20it' },
  'a text': { body: 'hush, this\nis a text' },
}))
  test(`an answer that quotes a request with ${what} puts no secret into the error`, async (t) => {
    for (const form of [
      (all: string) => all,
      (all: string) => JSON.stringify(all),
      (all: string) => all.toUpperCase(),
      (all: string) => decodeURIComponent(all),
      (all: string) => all.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
    ]) {
      const url = await serve(t, async (request, response) => {
        const { authorization = '', cookie = '', ...others } = request.headers;
        const login = Buffer.from(authorization.slice(6), 'base64').toString();
        const said = [
          authorization,
          login,
          cookie,
          others['x-api-key'],
          others['x-tenant'],
          await text(request),
        ];
        response.writeHead(422).end(`unknown: ${form(said.filter(Boolean).join(' | '))}`);
      });
      const { status, error, stderr } = await post(t, { url, ...payload });
      assert.equal(status, 'failed');
      assert.match(error, /answered 422 .*\(unknown: /);
      assert.ok(!/hush/i.test(error + stderr) && !error.includes(basic), error);
    }
  });

test('a quoted part of a request that is not secret stays in the error', async (t) => {
  const url = await serve(t, async (request, response) => {
    response
      .writeHead(422)
      .end(`${request.headers.accept}: ${await text(request)} of ${request.headers['x-n']}`);
  });
  const body = { author: 'Ann Example', email: 'ann@example.com' };
  const { error } = await post(t, { url, body, headers: { accept: 'application/json', 'x-n': 7 } });
  assert.ok(error.includes(`(application/json: ${JSON.stringify(body)} of 7)`), error);
});

test('an error after a redirect quotes neither its path nor the first one', async (t) => {
  const { url, host } = await receiver(t, ({ url: path }, response) => {
    if (path === '/hushfirst') response.writeHead(302, { location: '/hushsecond?hushkey=1' }).end();
    else response.writeHead(410).end(`gone: ${path}, from /hushfirst`);
  });
  const { error } = await post(t, { url: `${url}/hushfirst`, redirect: 'follow' });
  assert.match(error, new RegExp(`GET ${host} answered 410`));
  assert.doesNotMatch(error, /hush/);
});

for (const [what, payload] of Object.entries({
  'no url': {},
  'no scheme': { url: 'user:hush@hooks.example.com/hush' },
  'another scheme': { url: 'ftp://user:hush@hooks.example.com/hush' },
  'a slip in the scheme': { url: 'htps://hooks.example.com/hush' },
  'a bad port': { url: 'http://hooks.example.com:hush/hush' },
  'a bad host': { url: 'http://hooks example.com/hush' },
  'a blank before it': { url: ' https://hooks.example.com/hush' },
  'a user name and a password': { url: 'https://user:hush@127.0.0.1:9/hush' },
  'a password alone': { url: 'https://:hush@127.0.0.1:9/hush' },
  'a bad method': { url: 'http://127.0.0.1:9/hush', method: 'GO ON' },
  'a body that GET can not have': { url: 'http://127.0.0.1:9/hush', method: 'GET', body: 'x' },
  'a header that can not be sent': { url: 'http://127.0.0.1:9/hush', headers: { 'X-Key': 'hush\nhush' } },
  'headers that are text': { url: 'http://127.0.0.1:9/hush', headers: 'hush' },
  'headers that are a list': { url: 'http://127.0.0.1:9/hush', headers: ['hush'] },
  'headers that are pairs': { url: 'http://127.0.0.1:9/hush', headers: [['X-Key', 'hush']] },
  'headers that are a list of numbers': { url: 'http://127.0.0.1:9/hush', headers: [1] },
  'headers that are a number': { url: 'http://127.0.0.1:9/hush', headers: 7 },
  'a header that is an object': { url: 'http://127.0.0.1:9/hush', headers: { 'X-Key': { a: 'hush' } } },
  'a header that is a list': { url: 'http://127.0.0.1:9/hush', headers: { 'X-Key': ['hush'] } },
  'a header that is nothing': { url: 'http://127.0.0.1:9/hush', headers: { 'X-Key': null } },
  'a port that fetch refuses': { url: 'http://127.0.0.1:6000/hush' },
  'a header that fetch writes itself': {
    url: 'http://127.0.0.1:2/hush',
    headers: { 'transfer-encoding': 'hush' },
  },
  'a name that is no header': { url: 'http://127.0.0.1:9/hush', headers: { 'X Key': 'hush' } },
}))
  test(`a payload with ${what} fails for good, and no secret is in the error`, async (t) => {
    const { status, attempts, error } = await post(t, payload);
    assert.deepEqual([status, attempts], ['failed', 1]);
    assert.doesNotMatch(error, /hush/);
  });

test('an error of the network names the host alone, in its causes and frames as well', async (t) => {
  const closing = createServer((socket) => socket.destroy());
  await once(closing.listen(0, '127.0.0.1'), 'listening');
  t.after(() => closing.close());
  const { port } = closing.address() as AddressInfo;
  for (const url of [
    `http://127.0.0.1:${port}/hush?hush=1#hush`,
    `https://127.0.0.1:${port}/hush`,
    'http://127.0.0.1:2/hush',
    'http://hush-less.invalid/x',
  ]) {
    const { status, attempts, error } = await post(t, { url });
    assert.deepEqual([status, attempts], ['failed', 3]);
    assert.match(error, new RegExp(`POST ${new URL(url).host.replaceAll('.', '\\.')}: `));
    assert.doesNotMatch(error.replaceAll('hush-less', ''), /hush/);
  }
});
