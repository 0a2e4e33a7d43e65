import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, type TestContext, test } from 'node:test';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { openQueue, type Queue } from 'tsvq';
import { systemProcesses } from '../../lib/file/lock/process-id.js';
import { root, temporaryFolder } from '../support/folders.js';
import { sampled } from '../support/samples.js';
import { until } from '../support/waiting.js';
import { type Run, serve, startWorker, tick } from './worker-process.js';

function emptyQueue(t: TestContext) {
  const file = join(temporaryFolder(t), 'queue.tsv');
  return { file, queue: openQueue(file) };
}

/** The worker in a project of its own, which has the package installed, and a handler that may be another. */
async function copiedProject(t: TestContext, webhook?: string) {
  const project = temporaryFolder(t);
  await cp(join(root, 'workers'), join(project, 'workers'), { recursive: true });
  if (webhook) await writeFile(join(project, 'workers/handlers/webhook.js'), webhook);
  await writeFile(join(project, 'package.json'), '{"type": "module"}');
  await mkdir(join(project, 'node_modules'));
  await symlink(root, join(project, 'node_modules/tsvq'));
  return {
    script: join(project, 'workers/queue_worker.js'),
    queue: openQueue(join(project, 'data/queue.tsv')),
  };
}

/** A worker waits half a minute for the lock: begun first and looked at last, so that the tests between go on meanwhile. */
let lockedOut: { file: string; id: string; ended: Promise<Run> };
before(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tsvq-'));
  const file = join(folder, 'queue.tsv');
  const queue = openQueue(file);
  const id = await queue.enqueue('webhook', { url: 'nowhere' });
  await queue.close();
  await mkdir(`${file}.lock`, { recursive: true });
  await writeFile(join(`${file}.lock`, `owner.${systemProcesses.self()}`), '');
  const ended = tick(file);
  // Who waits for it comes much later.
  ended.catch(() => {});
  lockedOut = { file, id, ended };
});
after(() => rm(dirname(lockedOut.file), { recursive: true, force: true }));

describe('a tick', () => {
  test('of a queue that does not exist yet prints nothing', async (t) => {
    const { file } = emptyQueue(t);
    const { code, stdout, stderr } = await tick(file);
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '', stderr: '' });
  });

  test('with nothing due prints nothing', async (t) => {
    const { file, queue } = emptyQueue(t);
    await queue.enqueue('send_email', { to: 'ann@example.com' }, { delay: '1d' });
    const { code, stdout, stderr } = await tick(file);
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '', stderr: '' });
  });

  test('finds its data beside itself, and the package by its name', async (t) => {
    const { script, queue } = await copiedProject(t);
    const id = await queue.enqueue('webhook', { url: 'nowhere' });
    const { code, events } = await startWorker({}, { script }).ended;
    assert.equal(code, 0);
    assert.deepEqual(
      events.map((event) => [event.event, event.id]),
      [['failed', id]],
    );
  });

  test('leaves a job of an unknown type pending, and names the type', async (t) => {
    const { file, queue } = emptyQueue(t);
    const id = await queue.enqueue('resize_image', {});
    const { code, stdout, stderr } = await tick(file);
    assert.equal(code, 0);
    assert.equal(stdout, '');
    assert.match(stderr, /^queue_worker: .*resize_image.*\n$/);
    assert.equal((await queue.getJob(id))?.status, 'pending');
  });

  test('goes on where nobody reads its output', async (t) => {
    const { file, queue } = emptyQueue(t);
    const url = await serve(t, (_, response) => response.end());
    const ids = await queue.enqueueMany([1, 2].map(() => ({ type: 'webhook', payload: { url } })));
    const worker = startWorker({ QUEUE_FILE: file });
    worker.child.stdout.destroy();
    worker.child.stderr.destroy();
    assert.equal((await worker.ended).code, 0);
    for (const id of ids) assert.equal((await queue.getJob(id))?.status, 'completed');
  });
});

describe('exit codes', () => {
  test('1: the file is no queue, which stays as it is', async (t) => {
    const { file } = emptyQueue(t);
    await writeFile(file, 'name\tphone\nAnn\t123\n');
    const { code, stdout, stderr } = await tick(file);
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /^queue_worker: .*queue\.tsv.*\n$/);
    assert.equal(await readFile(file, 'utf8'), 'name\tphone\nAnn\t123\n');
  });

  for (const [name, value] of sampled(
    [
      ['QUEUE_CONCURRENCY', 'many'],
      ['QUEUE_CONCURRENCY', ''],
      ['QUEUE_LINGER', 'a while'],
      ['QUEUE_GRACE', '-1'],
      ['QUEUE_GRACE', '10'],
      ['QUEUE_MAX_ATTEMPTS', '1e3'],
      ['QUEUE_BACKOFF', '1m,5'],
      ['QUEUE_TIMEOUT', '3600'],
      ['QUEUE_FILE', 'redis://localhost:6379'],
      ['QUEUE_FILE', '"/srv/x.tsv"'],
      ['QUEUE_FILE', ' '],
      ['QUEUE_ANY_FILE_SYSTEM', 'on'],
    ] as const,
    4,
  ))
    test(`2: ${name}=${value} can't be used, and nothing is opened`, async (t) => {
      const { file, queue } = emptyQueue(t);
      const id = await queue.enqueue('webhook', { url: 'nowhere' });
      const { code, stdout, stderr } = await tick(file, { [name]: value });
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, new RegExp(`^queue_worker: ${name} is .*\n$`));
      if (/^\d+$/.test(value)) assert.ok(stderr.includes(`for ${value} seconds write ${value}s`), stderr);
      assert.equal((await queue.getJob(id))?.attempts, 0);
      assert.equal(existsSync(`${file}.tick`), false);
      assert.equal(existsSync('/redis:'), false);
    });

  test('2: it takes no arguments', async (t) => {
    const { file } = emptyQueue(t);
    const { code, stderr } = await startWorker({ QUEUE_FILE: file }, { args: ['--linger'] }).ended;
    assert.equal(code, 2);
    assert.match(stderr, /no arguments/);
  });
});

describe('settings', () => {
  test('attempts, backoff and time limit', async (t) => {
    const { file, queue } = emptyQueue(t);
    const url = await serve(t, (request, response) => {
      if (request.url !== '/never') response.writeHead(500).end();
    });
    const env = { QUEUE_BACKOFF: '7m,1h', QUEUE_TIMEOUT: '300ms', QUEUE_MAX_ATTEMPTS: '2' };
    const refused = await queue.enqueue('webhook', { url });
    const never = await queue.enqueue('webhook', { url: `${url}/never` });
    const before = Date.now();
    assert.equal((await tick(file, env)).code, 0);
    const runAt = Number((await queue.getJob(refused))?.runAt);
    assert.ok(runAt >= before + 420_000 && runAt <= Date.now() + 420_000);
    assert.match(String((await queue.getJob(never))?.error), /stopped after 3\d\d ms, its time limit/);
    assert.equal((await tick(file, { ...env, QUEUE_MAX_ATTEMPTS: '1' })).code, 0);
    const once = await queue.enqueue('webhook', { url });
    await tick(file, { ...env, QUEUE_MAX_ATTEMPTS: '1' });
    assert.equal((await queue.getJob(once))?.status, 'failed');
  });

  test('one that is misspelt is told, and the work is done', async (t) => {
    const { file, queue } = emptyQueue(t);
    const id = await queue.enqueue('webhook', { url: 'nowhere' });
    const { code, stderr } = await tick(file, { QUEUE_CONCURENCY: '4', QUEUE_URL: 'x' });
    assert.equal(code, 0);
    assert.match(stderr, /^tsvq: QUEUE_CONCURENCY is no setting .* QUEUE_CONCURRENCY\?\n$/);
    assert.equal((await queue.getJob(id))?.attempts, 1);
  });
});

describe('webhook', () => {
  test('2xx completes the job', async (t) => {
    const { file, queue } = emptyQueue(t);
    let seen: { method: string | undefined; headers: IncomingHttpHeaders; body: string } | undefined;
    const url = await serve(t, async (request, response) => {
      seen = { method: request.method, headers: request.headers, body: await text(request) };
      response.writeHead(201).end('{"made": true}');
    });
    const id = await queue.enqueue('webhook', { url, headers: { 'X-Mine': 'yes' }, body: { order: 17 } });

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

  test('a string goes as it is, with the given method and headers', async (t) => {
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

  test('404 fails it for good, with the answer as the error', async (t) => {
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
      statuses.map((status) => ({ type: 'webhook', payload: { url: `${url}/${status}` } })),
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
    const bySeconds = await queue.enqueue('webhook', { url: `${url}/seconds` });
    const byDate = await queue.enqueue('webhook', { url: `${url}/date` });
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

  test('a Retry-After that is neither, or has passed, is left to the backoff', async (t) => {
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

  test('nobody there: tried again, and the error says why', async (t) => {
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

  test('a payload that makes no request fails for good', async (t) => {
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

describe('send_email', () => {
  const letter = {
    from: 'App <app@example.org>',
    to: ['Ann Ö <ann@example.com>', 'bob@example.com'],
    bcc: 'carl@example.com',
    subject: 'Grüße',
    text: 'Hello Ann\n.\nBye\n',
  };

  test('without SMTP_URL the message goes to the outbox beside the queue', async (t) => {
    const { file, queue } = emptyQueue(t);
    const id = await queue.enqueue('send_email', letter);
    const { code, events } = await tick(file);
    assert.equal(code, 0);
    assert.deepEqual(
      events.map((event) => event.event),
      ['completed'],
    );

    const outbox = join(file, '../outbox');
    assert.deepEqual(await readdir(outbox), [`${id}.eml`]);
    assert.deepEqual((await queue.getJob(id))?.result, { file: join(outbox, `${id}.eml`) });
    const message = await readFile(join(outbox, `${id}.eml`), 'utf8');
    assert.match(message, /^From: App <app@example\.org>\r$/m);
    assert.match(message, /^To: =\?UTF-8\?.*ann@example\.com.*bob@example\.com/m);
    assert.match(message, /^Bcc: carl@example\.com\r$/m);
    assert.match(message, new RegExp(`^Message-ID: <${id}@example\\.org>\r$`, 'm'));
    assert.match(message, /\r\n\r\nHello Ann\r\n\.\r\nBye\r\n/);
  });

  test('with SMTP_URL it is handed to that server', async (t) => {
    const { file, queue } = emptyQueue(t);
    const mail = await smtpServer(t);
    const id = await queue.enqueue('send_email', letter);
    const { code, events } = await tick(file, { SMTP_URL: mail.url });
    assert.equal(code, 0);
    assert.deepEqual(
      events.map((event) => event.event),
      ['completed'],
    );
    assert.deepEqual(mail.recipients, [['ann@example.com', 'bob@example.com', 'carl@example.com']]);
    assert.match(mail.messages[0] ?? '', /\r\n\r\nHello Ann\r\n\.\r\nBye\r\n/);
    assert.doesNotMatch(mail.messages[0] ?? '', /carl/);
    const job = await queue.getJob(id);
    assert.deepEqual(job?.result, { messageId: `<${id}@example.org>`, accepted: mail.recipients[0] });
  });

  test('refused with 4xx it is tried again, under the same Message-ID', async (t) => {
    const { file, queue } = emptyQueue(t);
    const mail = await smtpServer(t, { refuseOnce: 451 });
    const id = await queue.enqueue('send_email', letter);
    const { events } = await tick(file, { SMTP_URL: mail.url });
    assert.deepEqual(
      events.map((event) => event.event),
      ['retried'],
    );
    assert.equal((await queue.getJob(id))?.status, 'pending');

    await makeDue(queue, id);
    await tick(file, { SMTP_URL: mail.url });
    assert.equal((await queue.getJob(id))?.status, 'completed');
    const ids = mail.messages.map((message) => /^Message-ID: (.*)\r$/m.exec(message)?.[1]);
    assert.deepEqual(ids, [`<${id}@example.org>`, `<${id}@example.org>`]);
  });

  test('refused with 5xx it fails for good', async (t) => {
    const { file, queue } = emptyQueue(t);
    const mail = await smtpServer(t, { refuseOnce: 552 });
    const id = await queue.enqueue('send_email', letter);
    await tick(file, { SMTP_URL: mail.url });
    const job = await queue.getJob(id);
    assert.equal(job?.status, 'failed');
    assert.match(String(job.error), /552/);
  });

  test('a recipient who is refused among others is in the result', async (t) => {
    const { file, queue } = emptyQueue(t);
    const mail = await smtpServer(t, { unknown: 'bob@example.com' });
    const id = await queue.enqueue('send_email', letter);
    await tick(file, { SMTP_URL: mail.url });
    const { result } = (await queue.getJob(id)) as { result: { rejected: string[] } };
    assert.deepEqual(result.rejected, ['bob@example.com']);
    assert.deepEqual(mail.recipients, [['ann@example.com', 'carl@example.com']]);
  });

  test('a refused login is not the fault of the message', async (t) => {
    const { file, queue } = emptyQueue(t);
    const mail = await smtpServer(t);
    const id = await queue.enqueue('send_email', letter);
    await tick(file, { SMTP_URL: mail.url.replace('//', '//user:wrong@') });
    const job = await queue.getJob(id);
    assert.equal(job?.status, 'pending');
    assert.match(String(job.error), /535/);
  });

  test('a payload that makes no message fails for good', async (t) => {
    const { file, queue } = emptyQueue(t);
    const secret = join(file, '../secret.txt');
    await writeFile(secret, 'secret');
    const payloads = [
      undefined,
      { subject: 'to nobody' },
      { to: '' },
      { to: 'nobody' },
      { to: 'ann@example.com', txt: 'misspelt' },
      { to: 'ann@example.com', raw: 'Subject: mine' },
      { to: 'ann@example.com', html: { path: secret } },
      { to: 'ann@example.com', attachments: [{ path: secret }] },
    ];
    await queue.enqueueMany(payloads.map((payload) => ({ type: 'send_email', payload })));
    const { events } = await tick(file);
    assert.deepEqual(
      events.map((event) => event.event),
      payloads.map(() => 'failed'),
    );
  });

  test('an address or a subject adds no header', async (t) => {
    const { file, queue } = emptyQueue(t);
    const trick = 'x\r\nBcc: everybody@example.com';
    const id = await queue.enqueue('send_email', {
      to: 'ann@example.com',
      subject: trick,
      text: '',
      replyTo: trick,
    });
    await tick(file);
    const message = await readFile(join(file, `../outbox/${id}.eml`), 'utf8');
    assert.doesNotMatch(message, /^Bcc:/im);
  });
});

describe('signals', () => {
  /** A receiver that answers when told to. */
  async function slowReceiver(t: TestContext) {
    const requests: [IncomingMessage, ServerResponse][] = [];
    const arrivals = new EventEmitter();
    const url = await serve(t, (...request) => {
      requests.push(request);
      arrivals.emit('arrival');
    });
    /** The next request, which is this worker's. */
    const requestOf = async (worker: ReturnType<typeof startWorker>) => {
      const arrival = requests.length > 0 ? undefined : once(arrivals, 'arrival');
      const early = worker.ended.then((run) => assert.fail(`it ended first: ${JSON.stringify(run)}`));
      await Promise.race([arrival, early]);
      return requests.shift() as [IncomingMessage, ServerResponse];
    };
    return { url, requestOf };
  }

  test('SIGTERM lets running jobs finish, and starts no more', async (t) => {
    const { file, queue } = emptyQueue(t);
    const { url, requestOf } = await slowReceiver(t);
    const [running, waiting] = await queue.enqueueMany(
      [1, 2].map(() => ({ type: 'webhook', payload: { url } })),
    );
    const worker = startWorker({ QUEUE_FILE: file });
    const [, response] = await requestOf(worker);
    worker.child.kill('SIGTERM');
    await worker.complained('SIGTERM');
    response.end();
    const { code, events } = await worker.ended;
    assert.equal(code, 0);
    assert.deepEqual(
      events.map(({ event, id }) => ({ event, id })),
      [{ event: 'completed', id: running }],
    );
    assert.equal((await queue.getJob(waiting ?? ''))?.attempts, 0);
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    test(`${signal}: a job that outlasts the grace time is given back, and not charged for it`, async (t) => {
      const { file, queue } = emptyQueue(t);
      const { url, requestOf } = await slowReceiver(t);
      const id = await queue.enqueue('webhook', { url });
      const worker = startWorker({ QUEUE_FILE: file, QUEUE_GRACE: '100ms' });
      const [request] = await requestOf(worker);
      const hungUp = new Promise((resolve) => request.once('close', resolve));
      worker.child.kill(signal);
      const { code, events } = await worker.ended;
      await hungUp;
      assert.equal(code, 0);
      assert.deepEqual(
        events.map(({ event, id }) => ({ event, id })),
        [{ event: 'released', id }],
      );
      const job = await queue.getJob(id);
      assert.equal(job?.status, 'pending');
      assert.equal(job.attempts, 1);
      assert.equal(job.forgiven, 1);
      assert.ok(job.runAt.getTime() <= Date.now());
    });

  for (const [signal, exitCode] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)
    test(`a second ${signal} ends it at once; the next worker takes the job back`, async (t) => {
      const { file, queue } = emptyQueue(t);
      const { url, requestOf } = await slowReceiver(t);
      const id = await queue.enqueue('webhook', { url });
      const worker = startWorker({ QUEUE_FILE: file, QUEUE_GRACE: '1h' });
      await requestOf(worker);
      worker.child.kill(signal);
      await worker.complained(signal);
      worker.child.kill(signal);
      const { code } = await worker.ended;
      assert.equal(code, exitCode);
      assert.equal((await queue.getJob(id))?.status, 'processing');

      const next = startWorker({ QUEUE_FILE: file });
      const [, response] = await requestOf(next);
      response.end();
      const { events } = await next.ended;
      assert.deepEqual(
        events.map((event) => event.event),
        ['rescued', 'completed'],
      );
      assert.equal((await queue.getJob(id))?.status, 'completed');
    });

  test('with QUEUE_LINGER it stays for jobs to come, and leaves when told to', async (t) => {
    const { file, queue } = emptyQueue(t);
    const { url, requestOf } = await slowReceiver(t);
    await queue.enqueue('webhook', { url });
    const worker = startWorker({ QUEUE_FILE: file, QUEUE_LINGER: '1m' });
    const [, first] = await requestOf(worker);
    first.end();
    await queue.enqueue('webhook', { url });
    const [, second] = await requestOf(worker);
    second.end();
    worker.child.kill('SIGTERM');
    const { code, events } = await worker.ended;
    assert.equal(code, 0);
    assert.deepEqual(
      events.map((event) => event.event),
      ['completed', 'completed'],
    );
  });
});

describe('a handler that heeds no abort', () => {
  const STUBBORN = `export function webhook() {
    console.error('stubborn');
    return new Promise(() => setInterval(() => {}, 1000));
  }`;

  test('keeps the worker from nothing when it is told to leave', async (t) => {
    const { script, queue } = await copiedProject(t, STUBBORN);
    const id = await queue.enqueue('webhook', {});
    const worker = startWorker({ QUEUE_GRACE: '50ms' }, { script });
    await worker.complained('stubborn');
    worker.child.kill('SIGTERM');
    const { code, stderr } = await worker.ended;
    assert.equal(code, 0);
    assert.doesNotMatch(stderr, /left something running/);
    assert.equal((await queue.getJob(id))?.status, 'pending');
  });

  test('does not outlive the worker after its time limit', async (t) => {
    const { script, queue } = await copiedProject(t, STUBBORN);
    const id = await queue.enqueue('webhook', {}, { timeout: 50, maxAttempts: 1 });
    const { code, stderr } = await startWorker({ QUEUE_GRACE: '50ms' }, { script }).ended;
    assert.equal(code, 0);
    assert.match(stderr, /left something running/);
    assert.equal((await queue.getJob(id))?.status, 'failed');
  });
});

/** A mail server that takes everything, but for what it is told to refuse. */
async function smtpServer(t: TestContext, options: { refuseOnce?: number; unknown?: string } = {}) {
  const messages: string[] = [];
  const recipients: string[][] = [];
  const refusal = (responseCode: number) => Object.assign(new Error('refused'), { responseCode });
  const behaviour: SMTPServerOptions = {
    authOptional: true,
    allowInsecureAuth: true,
    disabledCommands: ['STARTTLS'],
    onAuth: (_, __, done) => done(refusal(535)),
    onRcptTo: ({ address }, _, done) => done(address === options.unknown ? refusal(550) : null),
    onData: (stream, session, done) => {
      text(stream).then((message) => {
        messages.push(message);
        recipients.push(session.envelope.rcptTo.map(({ address }) => address));
        done(options.refuseOnce && messages.length === 1 ? refusal(options.refuseOnce) : null);
      }, done);
    },
  };
  const server = new SMTPServer(behaviour);
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  t.after(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return { url: `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`, messages, recipients };
}

/** Puts the time of a retry into the past, by way of an operator's cancel and retry. */
async function makeDue(queue: Queue, id: string): Promise<void> {
  assert.ok(await queue.cancelJob(id));
  assert.ok(await queue.retryJob(id));
}

describe('a worker that finds the lock held', () => {
  test('leaves with 75 after a while, and the job as it is', async () => {
    const { code, stdout, stderr } = await lockedOut.ended;
    assert.equal(code, 75);
    assert.equal(stdout, '');
    assert.match(stderr, new RegExp(`^queue_worker: .*\\b${process.pid}\\b.*\n$`));
    assert.equal((await openQueue(lockedOut.file).getJob(lockedOut.id))?.attempts, 0);
  });
});
