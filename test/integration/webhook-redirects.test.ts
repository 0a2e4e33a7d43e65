import assert from 'node:assert/strict';
import { test } from 'node:test';
import { post, receiver, redirects } from './webhook-receiver.js';

/*
 * Which redirects a webhook follows, and with what.
 */

for (const code of [300, 301, 302, 303, 307, 308])
  test(`${code} after a POST is an answer: it is posted once, and the job completes`, async (t) => {
    const { url, host, seen } = await receiver(t, redirects(code, '/there?token=s3cret'));
    const { status, result, stderr } = await post(t, { url: `${url}/here`, body: { a: 1 } });
    assert.equal(status, 'completed');
    assert.deepEqual(result, { status: code, redirect: host });
    assert.equal(seen.length, 1);
    // These ask for the same request elsewhere, where it was not sent.
    if ([301, 307, 308].includes(code)) assert.match(stderr, /^webhook: job .* answered .*not followed/);
    else assert.equal(stderr, '');
    assert.doesNotMatch(stderr, /s3cret|here/);
  });

test('3xx without a target is an answer', async (t) => {
  const { url } = await receiver(t, (_, response) => response.writeHead(304).end());
  assert.deepEqual((await post(t, { url })).result, { status: 304 });
});

for (const code of [301, 302, 303, 307, 308])
  test(`redirect: 'error' fails the job for good at ${code}`, async (t) => {
    const { url, host, seen } = await receiver(t, redirects(code, '/there?token=s3cret'));
    const { status, attempts, error } = await post(t, { url: `${url}/here`, redirect: 'error' });
    assert.deepEqual([status, attempts, seen.length], ['failed', 1, 1]);
    assert.match(error, new RegExp(`POST ${host} answered ${code} .*\\(it redirects to ${host}\\)`));
    assert.doesNotMatch(error, /s3cret|there|\/here/);
  });

for (const [code, method] of [
  [301, 'GET'],
  [302, 'GET'],
  [303, 'GET'],
  [307, 'POST'],
  [308, 'POST'],
] as const)
  test(`redirect: 'follow' goes on with a ${method} after ${code}`, async (t) => {
    const { url, seen } = await receiver(t, redirects(code, '/there'));
    const { status, result } = await post(t, { url: `${url}/here`, body: { a: 1 }, redirect: 'follow' });
    assert.equal(status, 'completed');
    assert.deepEqual(result, { status: 200 });
    assert.deepEqual(
      seen.map(({ method, path }) => `${method} ${path}`),
      ['POST /here', `${method} /there`],
    );
    assert.equal(seen[1]?.body, method === 'POST' ? '{"a":1}' : '');
    assert.equal(seen[1]?.headers['content-type'], method === 'POST' ? 'application/json' : undefined);
    assert.equal(seen[1]?.headers['idempotency-key'], seen[0]?.headers['idempotency-key']);
  });

test('PUT keeps its method after 302, and gets a GET after 303', async (t) => {
  for (const [code, method] of [
    [302, 'PUT'],
    [303, 'GET'],
  ] as const) {
    const { url, seen } = await receiver(t, redirects(code, '/there'));
    await post(t, { url: `${url}/here`, method: 'PUT', body: 'x', redirect: 'follow' });
    assert.equal(seen[1]?.method, method);
  }
});

test('GET follows a redirect by default', async (t) => {
  const { url, seen } = await receiver(t, redirects(302, '/there'));
  assert.deepEqual((await post(t, { url: `${url}/here`, method: 'GET' })).result, { status: 200 });
  assert.equal(seen.length, 2);
});

test('a redirect to another host drops headers that may be keys, and the user name; the same host gets all', async (t) => {
  const other = await receiver(t, (_, response) => response.end());
  const target = other.url.replace('//', '//user:s3cret@');
  const headers = {
    Authorization: 'Bearer s3cret',
    Cookie: 's3cret',
    'X-Api-Key': 's3cret',
    Accept: 'text/plain',
    'Content-Type': 'text/csv',
  };
  const here = await receiver(t, (request, response) => {
    const location = request.url === '/first' ? '/second' : target;
    response.writeHead(307, { location }).end();
  });
  const { status } = await post(t, { url: `${here.url}/first`, headers, body: 'a,b', redirect: 'follow' });
  assert.equal(status, 'completed');
  assert.equal(here.seen[1]?.headers['x-api-key'], 's3cret');
  assert.equal(here.seen[1]?.headers.authorization, 'Bearer s3cret');
  assert.doesNotMatch(JSON.stringify(other.seen), /s3cret|authorization/);
  const [seen] = other.seen;
  assert.deepEqual(
    [seen?.method, seen?.body, seen?.headers.accept, seen?.headers['content-type']],
    ['POST', 'a,b', 'text/plain', 'text/csv'],
  );
});

test('a redirect in a circle, or to something else than an HTTP address, fails without naming a path', async (t) => {
  const circle = await receiver(t, (_, response) => response.writeHead(302, { location: '/s3cret' }).end());
  const first = await post(t, { url: `${circle.url}/s3cret`, redirect: 'follow' });
  assert.equal(first.status, 'failed');
  assert.match(first.error, /more than 20 redirects/);
  assert.equal(circle.seen.length, 3 * 21);
  for (const location of ['file:///etc/s3cret', 'http://[s3cret', 'javascript:s3cret']) {
    const { url } = await receiver(t, (_, response) => response.writeHead(302, { location }).end());
    const { error } = await post(t, { url, redirect: 'follow' });
    assert.match(error, /redirects to an address that is not HTTP/);
    assert.doesNotMatch(error, /s3cret/);
  }
});

test('an unknown redirect fails for good', async (t) => {
  const { attempts, error } = await post(t, { url: 'http://127.0.0.1:9/', redirect: 'manual' });
  assert.equal(attempts, 1);
  assert.match(error, /redirect is "manual"; it must be accept, follow or error/);
});
