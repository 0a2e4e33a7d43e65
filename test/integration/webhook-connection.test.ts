import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { openQueue } from 'tsvq';
import { setEnvironment } from '../support/environment.js';
import { temporaryFolder } from '../support/folders.js';
import { until } from '../support/waiting.js';
import { post, receiver } from './webhook-receiver.js';
import { serve, startWorker, tick } from './worker-process.js';

/*
 * How much of an answer is read, how long it may take, and which way the request goes.
 */

for (const code of [200, 302, 500])
  test(`an answer of ${code} is read to its end before the connection is closed`, async (t) => {
    let wasCut: boolean | undefined;
    const { url } = await receiver(t, (_, response) => {
      // As a receiver that goes on working while it answers, and notices when it is cut off.
      let left = 20;
      response.on('close', () => {
        wasCut = !response.writableFinished;
      });
      response.writeHead(code, code === 302 ? { location: '/there' } : {});
      const work = () => {
        if (response.destroyed) return;
        response.write('x'.repeat(1000));
        if (left-- > 0) setTimeout(work, 5);
        else response.end('done');
      };
      work();
    });
    const { status } = await post(t, { url }, {});
    assert.equal(status, code === 500 ? 'failed' : 'completed');
    await until('the connection is closed', () => wasCut !== undefined);
    assert.equal(wasCut, false);
  });

test('an answer that never ends is cut at the time limit, and its status counts', async (t) => {
  setEnvironment(t, { WEBHOOK_TIMEOUT: '300ms' });
  const sockets = new Set<Socket>();
  const { url, seen } = await receiver(t, (request, response) => {
    sockets.add(request.socket);
    response.writeHead(request.url === '/404' ? 404 : 200);
    response.write('not yet');
  });
  const taken = await post(t, { url });
  assert.deepEqual([taken.status, taken.result], ['completed', { status: 200 }]);
  const refused = await post(t, { url: `${url}/404` });
  assert.deepEqual([refused.status, refused.attempts], ['failed', 1]);
  assert.match(refused.error, /answered 404 Not Found \(not yet\)/);
  assert.equal(seen.length, 2);
  for (const socket of sockets) await until('it is closed', () => socket.destroyed);
});

test('an answer is read up to 10 MiB', async (t) => {
  let sent = 0;
  let isClosed = false;
  const { url } = await receiver(t, (_, response) => {
    const more = () => {
      if (response.destroyed) return;
      sent += 65_536;
      response.write(Buffer.alloc(65_536, 'x'));
    };
    response.on('drain', more).on('close', () => {
      isClosed = true;
    });
    more();
  });
  assert.deepEqual((await post(t, { url })).result, { status: 200 });
  await until('the connection is closed', () => isClosed);
  assert.ok(sent > 9 * 1024 * 1024 && sent < 100 * 1024 * 1024, String(sent));
});

test('an answer that breaks off after its status counts as an answer', async (t) => {
  const { url, seen } = await receiver(t, (_, response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('x', () => response.destroy());
  });
  assert.deepEqual((await post(t, { url })).result, { status: 200 });
  assert.equal(seen.length, 1);
});

test('a receiver that never answers is left after WEBHOOK_TIMEOUT', async (t) => {
  const sockets: Socket[] = [];
  const url = await serve(t, ({ socket }) => sockets.push(socket));
  const file = join(temporaryFolder(t), 'queue.tsv');
  const queue = openQueue(file);
  t.after(() => queue.close());
  const id = await queue.enqueue('webhook', { url: `${url}/hush` });
  const { code, events, stderr } = await tick(file, { WEBHOOK_TIMEOUT: '300ms' });
  assert.deepEqual([code, stderr], [0, '']);
  assert.deepEqual(
    events.map((event) => event.event),
    ['retried'],
  );
  const { error } = (await queue.getJob(id)) as { error: string };
  assert.match(error, /POST 127\.0\.0\.1:\d+: not done within 0\.3 s, the limit that WEBHOOK_TIMEOUT sets/);
  assert.doesNotMatch(error, /hush/);
  await until('it has hung up', () => sockets.every((socket) => socket.destroyed));
});

test("the job's own time limit wins over WEBHOOK_TIMEOUT, whether shorter or longer", async (t) => {
  setEnvironment(t, { WEBHOOK_TIMEOUT: '1ms' });
  const { url } = await receiver(t, (_, response) => setTimeout(() => response.end(), 50));
  assert.equal((await post(t, { url }, { timeout: 20_000 })).status, 'completed');
  assert.match((await post(t, { url })).error, /WEBHOOK_TIMEOUT/);
});

const canProxy = 'setGlobalProxyFromEnv' in http;

test('a request goes by HTTP_PROXY and NO_PROXY if Node supports them', {
  skip: !canProxy && 'not by this Node',
}, async (t) => {
  const { url, seen } = await receiver(t, (_, response) => response.end());
  const through: string[] = [];
  const proxy = http.createServer((request, response) => {
    through.push(`${request.method} ${new URL(request.url ?? '').host}`);
    const forwarded = http.request(url, { method: request.method ?? 'GET' }, (answer) => {
      response.writeHead(answer.statusCode ?? 502);
      answer.pipe(response);
    });
    request.pipe(forwarded);
  });
  proxy.on('connect', ({ url: to }, socket: Socket) => {
    through.push(`CONNECT ${to}`);
    const { hostname, port } = new URL(url);
    const out = connect(Number(port), hostname, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(out).pipe(socket);
    });
    for (const end of [out, socket]) end.on('error', () => {});
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    proxy.close();
    proxy.closeAllConnections();
  });
  const file = join(temporaryFolder(t), 'queue.tsv');
  const queue = openQueue(file);
  t.after(() => queue.close());
  const env = {
    HTTP_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    NO_PROXY: '127.0.0.1',
  };
  const direct = await queue.enqueue('webhook', { url });
  const proxied = await queue.enqueue('webhook', { url: 'http://hooks.invalid/x' });
  const { code, stderr } = await startWorker({ QUEUE_FILE: file, ...env }).ended;
  assert.deepEqual([code, stderr], [0, '']);
  for (const id of [direct, proxied])
    assert.equal((await queue.getJob(id))?.status, 'completed', String((await queue.getJob(id))?.error));
  assert.equal(seen.length, 2);
  assert.equal(through.length, 1);
  assert.match(through[0] ?? '', /hooks\.invalid/);
});
