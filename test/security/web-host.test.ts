import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openTest } from '../support/queues.js';
import { KNOWN, SECRET, send, served } from '../support/web.js';

/* A name of another site may lead to this server (DNS rebinding): only the Host header tells. */

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

test('a host that is known comes in, with each port', async (t) => {
  const { ask, port } = await served(t, openTest(t).queue, { names: ['Queue.Example.com', '10.1.2.3'] });
  for (const name of [
    'localhost',
    'LocalHost',
    '127.0.0.1',
    '[::1]',
    'queue.example.com',
    'QUEUE.example.com',
    '10.1.2.3',
  ])
    for (const host of [name, `${name}:${port}`, `${name}:9999`])
      assert.equal((await ask('/', { headers: { ...KNOWN, host } })).status, 200, host);
});

for (const method of METHODS) {
  test(`an unknown host is refused for ${method}, with or without the token`, async (t) => {
    const { ask, port } = await served(t, openTest(t).queue, { names: ['queue.example.com'] });
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      'localhost.evil.example',
      `127.0.0.1.evil.example:${port}`,
      'xlocalhost',
      'queue.example.com.evil.example',
      'evil.queue.example.com',
      '127.0.0.2',
      '0.0.0.0',
      '[::]',
      '192.168.1.5',
    ])
      for (const headers of [KNOWN, {}])
        assert.equal((await ask('/jobs', { method, headers: { ...headers, host } })).status, 403, host);
  });
}

test('a host that is no host is refused, and none as well', async (t) => {
  const { port } = await served(t, openTest(t).queue);
  const known = `Authorization: ${KNOWN.authorization}\r\nConnection: close\r\n\r\n`;
  for (const [line, status] of [
    ['Host: localhost, evil.example', /40[03]/],
    ['Host: evil.example, localhost', /40[03]/],
    ['Host: localhost\r\nHost: evil.example', /40[03]/],
    ['Host: evil.example\r\nHost: localhost', /40[03]/],
    ['Host: user@localhost', /40[03]/],
    ['Host: localhost@evil.example', /40[03]/],
    ['Host: localhost/evil', /40[03]/],
    ['Host: localhost:80:80', /40[03]/],
    ['Host: localhost:x', /40[03]/],
    ['Host: localhost#', /40[03]/],
    ['Host: localhost.', /40[03]/],
    ['Host: ', /40[03]/],
    ['X-Forwarded-Host: localhost\r\nHost: evil.example', /403/],
  ] as const) {
    const answer = await send(port, `GET / HTTP/1.1\r\n${line}\r\n${known}`);
    assert.match(answer.split('\r\n')[0] ?? '', status, line);
    assert.doesNotMatch(answer, /aria-label="Pages"/, line);
  }
  assert.match(await send(port, `GET / HTTP/1.1\r\n${known}`), /^HTTP\/1\.1 400 /);
  assert.match(await send(port, `GET / HTTP/1.0\r\n${known}`), /^HTTP\/1\.1 400 /);
  assert.match(await send(port, `GET / HTTP/1.1\r\nHost: localhost:80\r\n${known}`), /^HTTP\/1\.1 200 /);
});

test('the host of the first line of a request counts as well', async (t) => {
  const { port } = await served(t, openTest(t).queue);
  const rest = `Authorization: ${KNOWN.authorization}\r\nConnection: close\r\n\r\n`;
  const first = (url: string, host: string): Promise<string> =>
    send(port, `GET ${url} HTTP/1.1\r\nHost: ${host}\r\n${rest}`);
  assert.match(await first('http://evil.example/', 'localhost'), /^HTTP\/1\.1 403 /);
  assert.match(await first('http://localhost/', 'evil.example'), /^HTTP\/1\.1 403 /);
  assert.match(await first('http://localhost/', 'localhost'), /^HTTP\/1\.1 200 /);
});

test('the refusal says how the name may be made known, and is JSON for programs', async (t) => {
  const { ask } = await served(t, openTest(t).queue);
  const headers = { host: 'queue.example.com' };
  assert.match(
    (await ask(`/?token=${SECRET}`, { headers })).body,
    /queue\.example\.com; start queue web with --name/,
  );
  assert.match(JSON.parse((await ask('/metrics', { headers })).body).error, /--name/);
});
