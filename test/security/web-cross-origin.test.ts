import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openTest } from '../support/queues.js';
import { KNOWN, mounted, served } from '../support/web.js';

/* A page of another site can't change anything here, whatever it lets a browser send. */

const SITES = [
  undefined,
  'same-origin',
  'none',
  'same-site',
  'cross-site',
  'same-origin, cross-site',
  'else',
];
const METHODS = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'];
const HOST = 'queue.example.com:8443';
const ORIGINS: [origin: string | undefined, isOwn: boolean | undefined][] = [
  [undefined, undefined],
  [`https://${HOST}`, true],
  // The scheme is unknown behind a proxy with TLS.
  [`http://${HOST}`, true],
  ['https://queue.example.com', false],
  ['https://queue.example.com:8444', false],
  ['https://evil.example', false],
  [`https://${HOST}.evil.example`, false],
  [`https://evil.example/${HOST}`, false],
  ['null', false],
  ['', false],
  [HOST, false],
  [`file://${HOST}`, false],
  [`chrome-extension://${HOST}`, false],
];

/** As the rule is written, in other words than in the code. */
function mayPass(method: string, site: string | undefined, isOwn: boolean | undefined): boolean {
  if (['GET', 'HEAD', 'OPTIONS'].includes(method)) return true;
  if (site !== undefined) return ['same-origin', 'none'].includes(site);
  return isOwn ?? true;
}

for (const method of METHODS) {
  test(`${method} passes by where a browser says that it comes from`, async (t) => {
    const ask = await mounted(t, openTest(t).queue, { access: () => 'write' });
    for (const site of SITES)
      for (const [origin, isOwn] of ORIGINS) {
        const headers = {
          host: HOST,
          ...(site !== undefined && { 'sec-fetch-site': site }),
          ...(origin !== undefined && { origin }),
        };
        const { status, body } = await ask('/nothing', { method, headers });
        const label = `${method} ${site} ${origin}`;
        if (mayPass(method, site, isOwn)) assert.equal(status, 404, label);
        else {
          assert.equal(status, 403, label);
          assert.match(body, /comes from another site/);
        }
      }
  });
}

test('an origin with a port that goes without saying is that of the host', async (t) => {
  const ask = await mounted(t, openTest(t).queue, { access: () => 'write' });
  for (const [origin, host, status] of [
    ['https://queue.example.com', 'queue.example.com:443', 404],
    ['http://queue.example.com', 'queue.example.com:80', 404],
    ['https://queue.example.com', 'queue.example.com:80', 403],
    ['http://[::1]:8787', '[::1]:8787', 404],
    ['http://localhost:8787', '127.0.0.1:8787', 403],
    ['http://127.0.0.1:9999', '127.0.0.1:8787', 403],
    ['HTTPS://QUEUE.EXAMPLE.COM', 'queue.example.com', 404],
  ] as const)
    assert.equal(
      (await ask('/nothing', { method: 'POST', headers: { origin, host } })).status,
      status,
      origin,
    );
});

test('the server of queue web refuses them too, also with the token', async (t) => {
  const { ask, port } = await served(t, openTest(t).queue);
  const post = async (headers: Record<string, string>): Promise<number> =>
    (await ask('/nothing', { method: 'POST', headers: { ...KNOWN, ...headers } })).status;
  assert.equal(await post({ origin: 'http://evil.example' }), 403);
  assert.equal(await post({ origin: 'null' }), 403);
  // A page of another server of this machine.
  assert.equal(await post({ 'sec-fetch-site': 'same-site', origin: 'http://127.0.0.1:1' }), 403);
  assert.equal(await post({ origin: `http://127.0.0.1:${port}` }), 404);
  assert.equal(await post({}), 404);
});
