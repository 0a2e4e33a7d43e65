import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, type TestContext, test } from 'node:test';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { openQueue } from 'tsvq';
import { setEnvironment } from '../support/environment.js';
import { temporaryFolder } from '../support/folders.js';
import { emptyQueue, makeDue } from './empty-queue.js';
import { jobThat, letter, mailQueue } from './mail-queue.js';
import { tick } from './worker-process.js';

/*
 * A send_email job: where its message goes, which answers of a server count, how long it may take.
 */

/** A server that takes connections, never says a word, and never hangs up. */
async function muteServer(t: TestContext) {
  const sockets: Socket[] = [];
  const leftAlone: Promise<unknown>[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket.on('error', () => {}).resume());
    leftAlone.push(new Promise((resolve) => socket.once('end', resolve)));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets, leftAlone };
}

test('a server that says nothing is left after SEND_EMAIL_TIMEOUT, its connection is closed, and the worker ends', async (t) => {
  const mute = await muteServer(t);
  const file = join(temporaryFolder(t), 'queue.tsv');
  const queue = openQueue(file);
  t.after(() => queue.close());
  const ids = await queue.enqueueMany([1, 2, 3, 4].map(() => ({ type: 'send_email', payload: letter })));
  const env = { SMTP_URL: mute.url, SEND_EMAIL_TIMEOUT: '300ms', QUEUE_CONCURRENCY: '4' };
  const { code, events, stderr } = await tick(file, env);
  assert.equal(code, 0);
  assert.equal(stderr, '');
  assert.deepEqual(
    events.map((event) => event.event),
    ['retried', 'retried', 'retried', 'retried'],
  );
  assert.equal(mute.sockets.length, 4);
  await Promise.all(mute.leftAlone);
  const { error } = await jobThat('pending', queue, ids[0] as string);
  assert.match(String(error), /^Error: the mail: not done within 0\.3 s.*SEND_EMAIL_TIMEOUT/);
});

test("the job's own time limit wins over SEND_EMAIL_TIMEOUT", async (t) => {
  const mute = await muteServer(t);
  setEnvironment(t, { SMTP_URL: mute.url, SEND_EMAIL_TIMEOUT: '1h' });
  const { queue, run } = mailQueue(t);
  const id = await queue.enqueue('send_email', letter, { timeout: 100, maxAttempts: 1 });
  await run();
  assert.match(String((await jobThat('failed', queue, id)).error), /^TimeLimitError: /);
  await Promise.all(mute.leftAlone);
});

describe('send_email', () => {
  const letter = {
    from: 'App <app@example.org>',
    to: ['Ann Ö <ann@example.com>', 'bob@example.com'],
    bcc: 'carl@example.com',
    subject: 'Grüße',
    text: 'Hello Ann\n.\nBye\n',
  };

  test('the message goes to the outbox next to the queue without SMTP_URL', async (t) => {
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

  test('the message goes to the server that SMTP_URL names', async (t) => {
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

  test('a message that is refused with 4xx is tried again, under the same Message-ID', async (t) => {
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

  test('a message that is refused with 5xx fails for good', async (t) => {
    const { file, queue } = emptyQueue(t);
    const mail = await smtpServer(t, { refuseOnce: 552 });
    const id = await queue.enqueue('send_email', letter);
    await tick(file, { SMTP_URL: mail.url });
    const job = await queue.getJob(id);
    assert.equal(job?.status, 'failed');
    assert.match(String(job.error), /552/);
  });

  test('a recipient that is refused among others is in the result', async (t) => {
    const { file, queue } = emptyQueue(t);
    const mail = await smtpServer(t, { unknown: 'bob@example.com' });
    const id = await queue.enqueue('send_email', letter);
    await tick(file, { SMTP_URL: mail.url });
    const { result } = (await queue.getJob(id)) as { result: { rejected: string[] } };
    assert.deepEqual(result.rejected, ['bob@example.com']);
    assert.deepEqual(mail.recipients, [['ann@example.com', 'carl@example.com']]);
  });

  test('a refused login does not fail the message for good', async (t) => {
    const { file, queue } = emptyQueue(t);
    const mail = await smtpServer(t);
    const id = await queue.enqueue('send_email', letter);
    await tick(file, { SMTP_URL: mail.url.replace('//', '//user:wrong@') });
    const job = await queue.getJob(id);
    assert.equal(job?.status, 'pending');
    assert.match(String(job.error), /535/);
  });

  test('a payload that describes no message fails for good', async (t) => {
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
