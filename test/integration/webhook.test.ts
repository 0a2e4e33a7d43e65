import assert from 'node:assert/strict';
import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { openQueue } from 'tsvq';
import { webhook } from '../../workers/handlers/webhook.js';
import { temporaryFolder } from '../support/folders.js';
import { until } from '../support/waiting.js';
import { serve, startWorker, tick } from './worker-process.js';

/** A request as a receiver saw it. */
interface Seen {
  method: string | undefined;
  path: string | undefined;
  headers: http.IncomingHttpHeaders;
  body: string;
}

/** A receiver that answers by path, and what it saw. */
async function receiver(
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ url: string; host: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const url = await serve(t, async (request, response) => {
    const { method, url: path, headers } = request;
    seen.push({ method, path, headers, body: await text(request) });
    answer(request, response);
  });
  return { url, host: new URL(url).host, seen };
}

/** Sets a variable of this process until the test is over. */
function setEnvironment(t: TestContext, name: string, value: string): void {
  const before = process.env[name];
  process.env[name] = value;
  t.after(() => {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  });
}

/** Runs one job with the handler, to its end; and what it wrote to stderr. */
async function post(t: TestContext, payload: object, options: { timeout?: number } = {}) {
  const queue = openQueue(join(temporaryFolder(t), 'queue.tsv'));
  t.after(() => queue.close());
  const written = t.mock.method(process.stderr, 'write', () => true);
  const id = await queue.enqueue('webhook', payload, { maxAttempts: 3, ...options });
  await queue.processJobs(
    { webhook: (given, context) => webhook(given as never, context as never) },
    { logger: () => {}, backoff: [0] },
  );
  const stderr = written.mock.calls.map((call) => String(call.arguments[0])).join('');
  written.mock.restore();
  const job = await queue.getJob(id);
  assert.ok(job);
  const { status, result, attempts } = job;
  return { status, result, attempts, error: String(job.error ?? ''), stderr };
}

const redirects =
  (status: number, location: string) => (request: IncomingMessage, response: ServerResponse) => {
    if (request.url === '/there') response.end('there');
    else response.writeHead(status, { location }).end(`see ${location}`);
  };

// ---- redirects ----

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

test('3xx without a target is an answer as well', async (t) => {
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

test('GET follows by itself', async (t) => {
  const { url, seen } = await receiver(t, redirects(302, '/there'));
  assert.deepEqual((await post(t, { url: `${url}/here`, method: 'GET' })).result, { status: 200 });
  assert.equal(seen.length, 2);
});

test('another host gets no header that may be a key, and no user name; the same host gets all', async (t) => {
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

test('a redirect in a circle, or to what is no HTTP address, is a failure that names no path', async (t) => {
  const circle = await receiver(t, (_, response) => response.writeHead(302, { location: '/s3cret' }).end());
  const first = await post(t, { url: `${circle.url}/s3cret`, redirect: 'follow' });
  assert.equal(first.status, 'failed');
  assert.match(first.error, /more than 20 redirects/);
  assert.equal(circle.seen.length, 3 * 21);
  for (const location of ['file:///etc/s3cret', 'http://[s3cret', 'javascript:s3cret']) {
    const { url } = await receiver(t, (_, response) => response.writeHead(302, { location }).end());
    const { error } = await post(t, { url, redirect: 'follow' });
    assert.match(error, /redirects to what is no HTTP address/);
    assert.doesNotMatch(error, /s3cret/);
  }
});

test('an unknown redirect fails for good', async (t) => {
  const { attempts, error } = await post(t, { url: 'http://127.0.0.1:9/', redirect: 'manual' });
  assert.equal(attempts, 1);
  assert.match(error, /redirect is "manual"; it may be accept, follow or error/);
});

// ---- the answer ----

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

test('an answer that never ends is cut at the time limit; the status that it began with counts', async (t) => {
  setEnvironment(t, 'WEBHOOK_TIMEOUT', '300ms');
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

test('an answer that breaks off after its status is an answer', async (t) => {
  const { url, seen } = await receiver(t, (_, response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('x', () => response.destroy());
  });
  assert.deepEqual((await post(t, { url })).result, { status: 200 });
  assert.equal(seen.length, 1);
});

// ---- secrets ----

for (const [what, answer] of Object.entries({
  'the whole path': (path: string) => `Cannot POST ${path}`,
  'the path of a page in HTML': (path: string) => `<pre>Cannot POST ${path.replaceAll('&', '&amp;')}</pre>`,
  'the path as JSON': (path: string) => JSON.stringify({ path }).replaceAll('/', '\\/'),
  'the path, decoded': (path: string) => `Cannot POST ${decodeURIComponent(path)}`,
  'the query alone': (path: string) => `unknown ${path.split('?')[1]}`,
  'a token alone': () => 'no such token: HUSHpath, hushQUERY',
  'the path again and again': (path: string) => `${path} `.repeat(2000),
}))
  test(`an answer that quotes ${what} gives no secret away`, async (t) => {
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
  test(`an answer that quotes a request with ${what} gives no secret away`, async (t) => {
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

test('what is no secret of a request stays in the error that quotes it', async (t) => {
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

// ---- time ----

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

test("the job's own time limit wins over WEBHOOK_TIMEOUT, to either side", async (t) => {
  setEnvironment(t, 'WEBHOOK_TIMEOUT', '1ms');
  const { url } = await receiver(t, (_, response) => setTimeout(() => response.end(), 50));
  assert.equal((await post(t, { url }, { timeout: 20_000 })).status, 'completed');
  assert.match((await post(t, { url })).error, /WEBHOOK_TIMEOUT/);
});

// ---- proxies ----

const canProxy = 'setGlobalProxyFromEnv' in http;

test('HTTP_PROXY is honoured where Node can, and NO_PROXY', {
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
