import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { until } from '../support/waiting.js';
import { emptyQueue } from './empty-queue.js';
import { serve, tick } from './worker-process.js';

describe('webhook', () => {
  test('2xx completes the job', async (t) => {
    const { file, queue } = emptyQueue(t);
    let seen: { method: string | undefined; headers: IncomingHttpHeaders; body: string } | undefined;
    const url = await serve(t, async (request, response) => {
      seen = { method: request.method, headers: request.headers, body: await text(request) };
      response.writeHead(201).end('{"made": true}');
    });
    const payload = { url, headers: { 'X-Mine': 'yes' }, body: { order: 17 } };
    const id = await queue.enqueue('webhook', payload, { group: new URL(url).host });

    const { code, events, stderr } = await tick(file);
    assert.equal(code, 0);
    assert.equal(stderr, '');
    assert.deepEqual(
      events.map(({ event, id, type, attempt }) => ({ event, id, type, attempt })),
      [{ event: 'completed', id, type: 'webhook', attempt: 1 }],
    );
    assert.ok(Math.abs(Date.parse(String(events[0]?.time)) - Date.now()) < 60_000);
    assert.equal(seen?.method, 'POST');
    assert.equal(seen.headers['content-type'], 'application/json');
    assert.equal(seen.headers['x-mine'], 'yes');
    assert.equal(seen.headers['idempotency-key'], id);
    assert.equal(seen.headers['tsvq-attempt'], '1');
    assert.deepEqual(JSON.parse(seen.body), { order: 17 });
    const job = await queue.getJob(id);
    assert.equal(job?.status, 'completed');
    assert.deepEqual(job.result, { status: 201 });
  });

  test('a string is sent as it is, with the given method and headers', async (t) => {
    const { file, queue } = emptyQueue(t);
    let seen: unknown[] = [];
    const url = await serve(t, async (request, response) => {
      const { 'content-type': type, 'idempotency-key': key } = request.headers;
      seen = [request.method, type, key, await text(request)];
      response.end();
    });
    const headers = { 'Content-Type': 'text/csv', 'Idempotency-Key': 'mine' };
    await queue.enqueue('webhook', { url, method: 'patch', headers, body: 'a,b' });
    await tick(file);
    assert.deepEqual(seen, ['PATCH', 'text/csv', 'mine', 'a,b']);
  });

  test('404 fails the job for good, with the answer as the error', async (t) => {
    const { file, queue } = emptyQueue(t);
    const url = await serve(t, (_, response) =>
      response.writeHead(404).end(`no such\nhook${'!'.repeat(5000)}`),
    );
    const id = await queue.enqueue('webhook', { url: `${url}/secret` });
    const { code, events } = await tick(file);
    assert.equal(code, 0);
    assert.deepEqual(
      events.map(({ event, id }) => ({ event, id })),
      [{ event: 'failed', id }],
    );
    const job = await queue.getJob(id);
    assert.equal(job?.status, 'failed');
    assert.equal(job.attempts, 1);
    assert.match(
      String(job.error),
      /POST 127\.0\.0\.1:\d+ answered 404 Not Found \(no such hook!{180,190}\)/,
    );
    assert.doesNotMatch(String(job.error).split('\n')[0] ?? '', /secret/);
  });

  test('408, 425, 429 and 500 are tried again later', async (t) => {
    const { file, queue } = emptyQueue(t);
    const url = await serve(t, (request, response) => {
      response.writeHead(Number(request.url?.slice(1))).end();
    });
    const statuses = [408, 425, 429, 500];
    const ids = await queue.enqueueMany(
      statuses.map((status) => ({
        type: 'webhook',
        payload: { url: `${url}/${status}` },
        options: { group: new URL(url).host },
      })),
    );
    const before = Date.now();
    const { events } = await tick(file);
    assert.deepEqual(
      events.map((event) => event.event),
      statuses.map(() => 'retried'),
    );
    for (const [i, id] of ids.entries()) {
      const job = await queue.getJob(id);
      assert.equal(job?.status, 'pending');
      assert.match(String(job.error), new RegExp(`answered ${statuses[i]}`));
      assert.ok(job.runAt.getTime() >= before + 27_000);
    }
  });

  test('Retry-After in seconds, or as a date, sets the time of the next attempt', async (t) => {
    const { file, queue } = emptyQueue(t);
    const date = new Date(Date.now() + 7200_000);
    const url = await serve(t, (request, response) => {
      const wait = request.url === '/date' ? date.toUTCString() : '3600';
      response.writeHead(request.url === '/date' ? 429 : 503, { 'retry-after': wait }).end();
    });
    const options = { group: new URL(url).host };
    const bySeconds = await queue.enqueue('webhook', { url: `${url}/seconds` }, options);
    const byDate = await queue.enqueue('webhook', { url: `${url}/date` }, options);
    const before = Date.now();
    await tick(file);
    const after = Date.now();

    const first = await queue.getJob(bySeconds);
    assert.equal(first?.status, 'pending');
    // Up to a tenth later, so that not all come back at once.
    assert.ok(first.runAt.getTime() >= before + 3600_000 && first.runAt.getTime() <= after + 3960_000);
    assert.equal(first.forgiven, 1);
    const second = await queue.getJob(byDate);
    assert.equal(second?.status, 'pending');
    const slack = after - before + 1000;
    const late = second.runAt.getTime() - date.getTime();
    assert.ok(late >= -slack && late <= slack + 720_000, String(second.runAt));
    assert.equal(second.forgiven, 1);
  });

  test('a Retry-After that is neither, or has passed, leaves the wait to the backoff', async (t) => {
    const { file, queue } = emptyQueue(t);
    const passed = new Date(Date.now() - 3000).toUTCString();
    const said = ['1.5', '-5', '60s', '120, 120', 'Soon', '0', passed];
    const url = await serve(t, (request, response) => {
      const wait = said[Number(request.url?.slice(1))] as string;
      response.writeHead(503, { 'retry-after': wait }).end();
    });
    const ids = await queue.enqueueMany(
      said.map((_, i) => ({ type: 'webhook', payload: { url: `${url}/${i}` } })),
    );
    const before = Date.now();
    await tick(file);
    for (const [i, id] of ids.entries()) {
      const job = await queue.getJob(id);
      assert.deepEqual([job?.status, job?.attempts], ['pending', 1], said[i]);
      assert.ok(Number(job?.runAt) >= before + 27_000, said[i]);
    }
  });

  test('the attempts of a job share their idempotency key', async (t) => {
    const { file, queue } = emptyQueue(t);
    const seen: unknown[] = [];
    const url = await serve(t, (request, response) => {
      seen.push([request.headers['idempotency-key'], request.headers['tsvq-attempt']]);
      if (seen.length === 1) response.writeHead(503, { 'retry-after': '1' }).end();
      else response.end();
    });
    const id = await queue.enqueue('webhook', { url });
    await tick(file);
    await until('it is due again', async () => Number((await queue.getJob(id))?.runAt) <= Date.now());
    await tick(file);
    assert.deepEqual(seen, [
      [id, '1'],
      [id, '2'],
    ]);
    assert.equal((await queue.getJob(id))?.status, 'completed');
  });

  test('a refused connection is tried again, and the error says why', async (t) => {
    const { file, queue } = emptyQueue(t);
    const placeholder = createServer();
    await once(placeholder.listen(0, '127.0.0.1'), 'listening');
    const { port } = placeholder.address() as AddressInfo;
    await once(placeholder.close(), 'close');

    const id = await queue.enqueue('webhook', { url: `http://127.0.0.1:${port}/` });
    const { code, events } = await tick(file);
    assert.equal(code, 0);
    assert.deepEqual(
      events.map((event) => event.event),
      ['retried'],
    );
    const job = await queue.getJob(id);
    assert.equal(job?.status, 'pending');
    assert.match(String(job.error), /ECONNREFUSED/);
  });

  test("the job's time limit ends a request that is never answered", async (t) => {
    const { file, queue } = emptyQueue(t);
    const url = await serve(t, () => {});
    const id = await queue.enqueue('webhook', { url }, { timeout: 200, maxAttempts: 1 });
    const { events } = await tick(file);
    assert.deepEqual(
      events.map((event) => event.event),
      ['failed'],
    );
    const job = await queue.getJob(id);
    assert.equal(job?.status, 'failed');
    assert.doesNotMatch(String(job.error), /ignored its abort/);
  });

  test('a payload that describes no request fails for good', async (t) => {
    const { file, queue } = emptyQueue(t);
    const payloads = [
      undefined,
      {},
      { url: 17 },
      { url: '/relative' },
      { url: 'file:///etc/passwd' },
      { url: 'http://[' },
      { url: 'http://user:password@127.0.0.1:1/' },
      { url: 'http://127.0.0.1:1/', method: 'GET', body: 'x' },
      { url: 'http://127.0.0.1:1/', headers: { 'a b': 'c' } },
    ];
    await queue.enqueueMany(payloads.map((payload) => ({ type: 'webhook', payload })));
    const { events } = await tick(file);
    assert.deepEqual(
      events.map((event) => event.event),
      payloads.map(() => 'failed'),
    );
  });
});
