import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Token } from '../../lib/web/token.js';
import { openTest } from '../support/queues.js';
import { type Answered, KNOWN, SECRET, send, served } from '../support/web.js';

/* Who may see the page of `queue web`: a browser that has shown the token, and a program that sends it. */

const cookieOf = ({ headers }: Answered): string => headers['set-cookie']?.[0]?.split(';')[0] ?? '';

test('the token in an address becomes a cookie, and the browser is sent to the address without it', async (t) => {
  const { ask, port } = await served(t, openTest(t).queue);
  const first = await ask(`/jobs?type=a%26b&token=${SECRET}&status=failed`);
  assert.equal(first.status, 303);
  assert.equal(first.headers.location, '/jobs?type=a%26b&status=failed');
  assert.match(
    first.headers['set-cookie']?.[0] ?? '',
    new RegExp(`^tsvq-${port}=[\\w-]{43}; Path=/; HttpOnly; SameSite=Strict$`),
  );
  const all = JSON.stringify(first);
  assert.equal(all.includes(SECRET), false, 'the token itself must not come back');
  const second = await ask('/jobs', { headers: { cookie: `other=1; ${cookieOf(first)}` } });
  assert.equal(second.status, 200);
  const head = await ask(`/?token=${SECRET}`, { method: 'HEAD' });
  assert.deepEqual([head.status, head.headers.location], [303, '/']);
});

test('the cookie is for https only, if a proxy says that the browser came that way', async (t) => {
  const { ask } = await served(t, openTest(t).queue);
  const { headers } = await ask(`/?token=${SECRET}`, { headers: { 'x-forwarded-proto': 'https' } });
  assert.match(headers['set-cookie']?.[0] ?? '', /; Secure$/);
});

test('the redirect leads to no other host', async (t) => {
  const { ask } = await served(t, openTest(t).queue);
  for (const path of ['//evil.example/', '///evil.example', '/%2Fevil.example/', '//evil.example//x']) {
    const { status, headers } = await ask(`${path}?token=${SECRET}`);
    assert.equal(status, 303);
    assert.match(headers.location ?? '', /^\/(?!\/)/, path);
    assert.equal(new URL(headers.location ?? '', 'http://127.0.0.1/').host, '127.0.0.1', path);
  }
});

test('an old token in the address of a browser with the cookie is taken away, and gives nothing to another', async (t) => {
  const { ask } = await served(t, openTest(t).queue);
  const cookie = cookieOf(await ask(`/?token=${SECRET}`));
  const known = await ask('/jobs?token=of-the-last-start', { headers: { cookie } });
  assert.deepEqual([known.status, known.headers.location], [303, '/jobs']);
  const unknown = await ask('/jobs?token=of-the-last-start');
  assert.deepEqual([unknown.status, unknown.headers['set-cookie']], [401, undefined]);
});

test('a program comes in with the token as a bearer', async (t) => {
  const { ask } = await served(t, openTest(t).queue);
  for (const authorization of [`Bearer ${SECRET}`, `bearer  ${SECRET}`])
    assert.equal((await ask('/', { headers: { authorization } })).status, 200);
  for (const authorization of [
    SECRET,
    `Basic ${SECRET}`,
    `Basic ${Buffer.from(`x:${SECRET}`).toString('base64')}`,
    `Bearer ${SECRET}x`,
    `Bearer ${SECRET.slice(0, -1)}`,
    `Bearer x ${SECRET}`,
    'Bearer',
    'Bearer ',
  ])
    assert.equal((await ask('/', { headers: { authorization } })).status, 401, authorization);
});

test('nothing else opens it: no cookie of another port, another token or a forger, and no token in a body', async (t) => {
  const { ask, port } = await served(t, openTest(t).queue);
  const other = await served(t, openTest(t).queue);
  const ofOther = cookieOf(await other.ask(`/?token=${SECRET}`));
  const value = ofOther.split('=')[1];
  const own = new Token(SECRET).cookie(port);
  for (const cookie of [
    ofOther,
    // As one who reads the cookie of another port would forge it.
    `tsvq-${port}=${value}`,
    `tsvq-${port}=${SECRET}`,
    `tsvq-${port}=`,
    `tsvq-${port}`,
    `tsvq-${port}=${new Token(`${SECRET}x`).cookie(port)}`,
    `xtsvq-${port}=${own}`,
    `tsvq=${own}`,
  ])
    assert.equal((await ask('/', { headers: { cookie } })).status, 401, cookie);
  assert.equal(
    (await ask('/', { headers: { cookie: `tsvq-${port}=stale; tsvq-${port}=${own}` } })).status,
    200,
  );
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    const answer = await ask(`/jobs?token=${SECRET}`, { method, body: `token=${SECRET}` });
    assert.deepEqual([answer.status, answer.headers['set-cookie']], [401, undefined], method);
  }
});

test('every address is closed, and says how to come in: to people as a page, to programs as JSON', async (t) => {
  const { ask } = await served(t, openTest(t).queue);
  for (const path of ['/', '/jobs', '/assets/style.css', '/nothing/here']) {
    const { status, headers, body } = await ask(path);
    assert.equal(status, 401, path);
    assert.match(headers['content-type'] ?? '', /^text\/html/);
    assert.match(body, /open the address with the token/);
    assert.equal(headers['www-authenticate'], 'Bearer');
  }
  for (const path of ['/api', '/api/status', '/metrics', '/healthz']) {
    const { status, body } = await ask(path);
    assert.equal(status, 401, path);
    assert.match(JSON.parse(body).error, /Authorization: Bearer TOKEN/);
  }
});

test('the page that asks for the token sends it to the address that was wanted', async (t) => {
  const { ask } = await served(t, openTest(t).queue);
  const { body } = await ask('/jobs?type=%22%3E%3Cscript%3E&token=wrong');
  assert.match(body, /<form action="\/jobs\?type=/);
  assert.match(body, /<input type="hidden" name="type" value="&quot;&gt;&lt;script&gt;">/);
  assert.match(body, /<input type="password" name="token"/);
  assert.doesNotMatch(body, /<script|wrong/);
  assert.match(body, /<a href="\/jobs\?type=%22%3E%3Cscript%3E">go on<\/a>/);
});

test('a token is compared by hashes of one length', async (t) => {
  const token = new Token(SECRET);
  assert.equal(token.is(''), false);
  assert.equal(token.is(`${SECRET}${SECRET}`), false);
  assert.equal(token.is(SECRET), true);
  assert.notEqual(token.cookie(1), token.cookie(2));
  assert.match(Token.random().text, /^[\da-f]{48}$/);
  assert.notEqual(Token.random().text, Token.random().text);
  const { port } = await served(t, openTest(t).queue);
  const answer = await send(
    port,
    `GET / HTTP/1.1\r\nHost: localhost\r\nCookie: tsvq-${port}=\r\nConnection: close\r\n\r\n`,
  );
  assert.match(answer, /^HTTP\/1\.1 401 /);
});

test('the token is asked for after the host, so that another site learns nothing', async (t) => {
  const { ask } = await served(t, openTest(t).queue);
  const headers = { host: 'evil.example', ...KNOWN };
  assert.equal((await ask('/', { headers })).status, 403);
  const withToken = await ask(`/?token=${SECRET}`, { headers });
  assert.deepEqual([withToken.status, withToken.headers['set-cookie']], [403, undefined]);
});
