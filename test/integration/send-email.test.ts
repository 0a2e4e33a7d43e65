import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { openQueue, type Queue } from 'tsvq';
import { sendEmail } from '../../workers/handlers/send_email.js';
import { temporaryFolder } from '../support/folders.js';
import { startWorker, tick } from './worker-process.js';

const [ann, bob, carl] = ['ann@example.com', 'bob@example.com', 'carl@example.com'] as const;
const letter = { from: 'App <app@example.org>', to: [ann, bob], subject: 'Hello', text: 'Hello\n' };

/** What a mail server was given, and how it answers a recipient: 250 unless it says otherwise. */
interface MailServer {
  url: string;
  mails: { message: string; recipients: string[] }[];
  answers: Record<string, number>;
  /** Every address that the server was asked to take mail for. */
  asked: string[];
}

async function mailServer(
  t: TestContext,
  answers: Record<string, number> = {},
  options: SMTPServerOptions & { refuseData?: number } = {},
): Promise<MailServer> {
  const { refuseData, ...rest } = options;
  const mails: MailServer['mails'] = [];
  const asked: string[] = [];
  const refusal = (responseCode: number) => Object.assign(new Error('refused'), { responseCode });
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onRcptTo: ({ address }, _, done) => {
      asked.push(address);
      const code = answers[address];
      done(code === undefined ? null : refusal(code));
    },
    onData: (stream, session, done) => {
      text(stream).then((message) => {
        if (refuseData !== undefined) return done(refusal(refuseData));
        mails.push({ message, recipients: session.envelope.rcptTo.map(({ address }) => address) });
        done(null);
      }, done);
    },
    ...rest,
  });
  server.on('error', () => {});
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  t.after(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const { port } = server.server.address() as AddressInfo;
  return { url: `smtp://127.0.0.1:${port}`, mails, answers, asked };
}

/** Sets variables of this process until the test is over. */
function setEnvironment(t: TestContext, values: Record<string, string>): void {
  for (const [name, value] of Object.entries(values)) {
    const before = process.env[name];
    process.env[name] = value;
    t.after(() => {
      if (before === undefined) delete process.env[name];
      else process.env[name] = before;
    });
  }
}

/** A queue whose mails go to a server, and what the handler wrote to stderr. */
function mailQueue(t: TestContext, server?: MailServer) {
  if (server) setEnvironment(t, { SMTP_URL: server.url });
  const folder = temporaryFolder(t);
  const queue = openQueue(join(folder, 'queue.tsv'));
  t.after(() => queue.close());
  const stderr: string[] = [];
  t.mock.method(process.stderr, 'write', (line: string) => stderr.push(line));
  const run = (beforeEach: (attempt: number) => void = () => {}) =>
    queue.processJobs(
      {
        send_email: (payload, context) => {
          beforeEach(context.job.attempts);
          return sendEmail(payload as never, context as never, join(folder, 'outbox'));
        },
      },
      { logger: () => {}, backoff: [0] },
    );
  return { queue, run, stderr, outbox: join(folder, 'outbox') };
}

/** Puts the time of a job into the past, by way of an operator's cancel and retry. */
async function makeDue(queue: Queue, id: string): Promise<void> {
  assert.ok(await queue.cancelJob(id));
  assert.ok(await queue.retryJob(id));
}

/** The job, once it has ended so. */
async function jobThat(status: string, queue: Queue, id: string) {
  const job = await queue.getJob(id);
  assert.equal(job?.status, status, String(job?.error));
  return job as typeof job & { result: Record<string, unknown> };
}

const header = (message: string, name: string): string | undefined =>
  new RegExp(`^${name}: (.*)\r$`, 'm').exec(message)?.[1];

/** The follow-up of a job, which waits for its time. */
async function followUpOf(queue: Queue, id: string) {
  const { result } = await jobThat('completed', queue, id);
  assert.equal(typeof result.followUp, 'string', 'there is no follow-up');
  return jobThat('pending', queue, result.followUp as string);
}

// ---- who gets it ----

for (const hidePIPELINING of [false, true]) {
  test(`a recipient that is refused for now gets a follow-up, and the others nothing twice${hidePIPELINING ? ', without pipelining' : ''}`, async (t) => {
    const server = await mailServer(t, { [bob]: 451 }, { hidePIPELINING });
    const { queue, run, stderr } = mailQueue(t, server);
    const options = { priority: 7, maxAttempts: 2, timeout: '50s' };
    const id = await queue.enqueue('send_email', { ...letter, cc: carl }, options);
    const before = Date.now();
    await run();
    const { result } = await jobThat('completed', queue, id);
    const followUp = await followUpOf(queue, id);
    assert.deepEqual(result, {
      messageId: `<${id}@example.org>`,
      accepted: [ann, carl],
      deferred: [bob],
      followUp: followUp.id,
    });
    assert.ok(followUp.runAt.getTime() >= before + 60_000, 'it waits for a while');
    assert.deepEqual(
      [followUp.type, followUp.priority, followUp.maxAttempts, followUp.timeout],
      ['send_email', 7, 2, 50_000],
    );

    delete server.answers[bob];
    await makeDue(queue, followUp.id);
    await run();
    assert.deepEqual(
      server.mails.map(({ recipients }) => recipients),
      [[ann, carl], [bob]],
    );
    assert.deepEqual((await jobThat('completed', queue, followUp.id)).result, {
      messageId: `<${id}@example.org>`,
      accepted: [bob],
    });
    for (const name of ['From', 'To', 'Cc', 'Subject', 'Message-ID']) {
      const [first, second] = server.mails.map(({ message }) => header(message, name));
      assert.ok(first);
      assert.equal(second, first, name);
    }
    assert.deepEqual(stderr, []);
  });
}

test('a recipient that is refused for good is named in the result and on stderr', async (t) => {
  const server = await mailServer(t, { [bob]: 550 });
  const { queue, run, stderr } = mailQueue(t, server);
  const id = await queue.enqueue('send_email', letter);
  await run();
  const { result } = await jobThat('completed', queue, id);
  assert.deepEqual(result, { messageId: `<${id}@example.org>`, accepted: [ann], rejected: [bob] });
  assert.equal(stderr.length, 1);
  assert.match(
    stderr[0] ?? '',
    new RegExp(`^send_email: job ${id}: refused: bob@example\\.com \\(550 .*\\)\n$`),
  );
});

test('one taken, one refused for now, one for good: each has what is due to it', async (t) => {
  const server = await mailServer(t, { [bob]: 450, [carl]: 553 });
  const { queue, run, stderr } = mailQueue(t, server);
  const id = await queue.enqueue('send_email', { ...letter, to: [ann, bob, carl] });
  await run();
  const { result } = await jobThat('completed', queue, id);
  assert.deepEqual([result.accepted, result.rejected, result.deferred], [[ann], [carl], [bob]]);
  assert.match(stderr.join(''), /carl@example\.com \(553/);
  assert.doesNotMatch(stderr.join(''), /bob/);
  const followUp = await followUpOf(queue, id);
  delete server.answers[bob];
  await makeDue(queue, followUp.id);
  await run();
  assert.deepEqual(server.asked, [ann, bob, carl, bob]);
});

test('all refused for now: the job is tried again, with all of them', async (t) => {
  const server = await mailServer(t, { [ann]: 451, [bob]: 451 });
  const { queue, run } = mailQueue(t, server);
  const id = await queue.enqueue('send_email', letter, { maxAttempts: 2 });
  await run();
  const { error, attempts } = await jobThat('failed', queue, id);
  assert.equal(attempts, 2);
  assert.match(String(error), /ann@example\.com \(451 .*bob@example\.com \(451/);
  assert.equal((await queue.stats()).total, 1);
});

test('some refused for now, the rest for good: the job is tried again', async (t) => {
  const server = await mailServer(t, { [ann]: 550, [bob]: 451 });
  const { queue, run, stderr } = mailQueue(t, server);
  const id = await queue.enqueue('send_email', letter, { maxAttempts: 2 });
  await run((attempt) => {
    if (attempt === 2) delete server.answers[bob];
  });
  const { result, attempts } = await jobThat('completed', queue, id);
  assert.equal(attempts, 2);
  assert.deepEqual([result.accepted, result.rejected], [[bob], [ann]]);
  assert.match(stderr.join(''), /ann@example\.com/);
});

test('all refused for good: the job fails at once, and names them', async (t) => {
  const server = await mailServer(t, { [ann]: 550, [bob]: 551 });
  const { queue, run } = mailQueue(t, server);
  const id = await queue.enqueue('send_email', letter);
  await run();
  const { error, attempts } = await jobThat('failed', queue, id);
  assert.equal(attempts, 1);
  assert.match(String(error), /ann@example\.com \(550 .*bob@example\.com \(551/);
});

test('530 to a recipient asks for a login: that is no refusal for good', async (t) => {
  const server = await mailServer(t, { [bob]: 530 });
  const { queue, run } = mailQueue(t, server);
  const id = await queue.enqueue('send_email', letter);
  await run();
  assert.deepEqual((await jobThat('completed', queue, id)).result.deferred, [bob]);
});

test('a message that is refused after its recipients were taken makes no follow-up', async (t) => {
  const server = await mailServer(t, { [bob]: 451 }, { refuseData: 452 });
  const { queue, run } = mailQueue(t, server);
  const id = await queue.enqueue('send_email', letter, { maxAttempts: 2 });
  await run();
  assert.match(String((await jobThat('failed', queue, id)).error), /452/);
  assert.equal((await queue.stats()).total, 1);
});

test('a follow-up that is refused for now is tried as often as a job, then fails', async (t) => {
  const server = await mailServer(t, { [bob]: 451 });
  const { queue, run } = mailQueue(t, server);
  const id = await queue.enqueue('send_email', letter, { maxAttempts: 2 });
  await run();
  const followUp = await followUpOf(queue, id);
  await makeDue(queue, followUp.id);
  await run();
  assert.equal((await jobThat('failed', queue, followUp.id)).error?.includes(bob), true);
  assert.equal((await queue.stats()).total, 2);
});

test('a server that takes one recipient a session is served by follow-ups of follow-ups, which end', async (t) => {
  const everybody = [ann, bob, carl];
  let taken = 0;
  const server = await mailServer(
    t,
    {},
    {
      onMailFrom: (_, __, done) => {
        taken = 0;
        done();
      },
      onRcptTo: (_, __, done) =>
        done(taken++ === 0 ? null : Object.assign(new Error('too many'), { responseCode: 452 })),
    },
  );
  const { queue, run } = mailQueue(t, server);
  let id = await queue.enqueue('send_email', { ...letter, to: everybody });
  await run();
  for (let left = 2; left > 0; left--) {
    id = (await followUpOf(queue, id)).id;
    await makeDue(queue, id);
    await run();
  }
  assert.equal((await jobThat('completed', queue, id)).result.followUp, undefined);
  assert.deepEqual(
    server.mails.map(({ recipients }) => recipients),
    everybody.map((one) => [one]),
  );
  assert.equal(new Set(server.mails.map(({ message }) => header(message, 'Message-ID'))).size, 1);
});

test('by LMTP, which refuses recipients after the message, it is the same', async (t) => {
  const server = await mailServer(
    t,
    {},
    {
      lmtp: true,
      onData: (stream, session, done) => {
        const answers = session.envelope.rcptTo.map(({ address }) =>
          address === ann
            ? 'taken'
            : Object.assign(new Error('later'), { responseCode: address === bob ? 451 : 550 }),
        );
        text(stream).then(() => (done as (error: null, answers: unknown[]) => void)(null, answers));
      },
    },
  );
  server.url += '?lmtp=true';
  const { queue, run } = mailQueue(t, server);
  const id = await queue.enqueue('send_email', { ...letter, to: [ann, bob, carl] });
  const none = await queue.enqueue('send_email', { ...letter, to: [bob, carl] });
  const never = await queue.enqueue('send_email', { ...letter, to: carl });
  const worker = await run();
  const { result } = await jobThat('completed', queue, id);
  assert.deepEqual([result.accepted, result.rejected, result.deferred], [[ann], [carl], [bob]]);
  assert.equal((await jobThat('failed', queue, none)).attempts, 3);
  assert.equal((await jobThat('failed', queue, never)).attempts, 1);
  assert.equal(worker.completed, 1);
});

test('no follow-up shows a recipient of bcc, or mails one of the others', async (t) => {
  const server = await mailServer(t, { [carl]: 451 });
  const { queue, run } = mailQueue(t, server);
  const hidden = [carl, 'dora@example.com'];
  const headers = { 'X-Mine': 'yes', Bcc: 'never@example.com' };
  const id = await queue.enqueue('send_email', { ...letter, bcc: hidden, headers });
  await run();
  delete server.answers[carl];
  await makeDue(queue, (await followUpOf(queue, id)).id);
  await run();
  assert.deepEqual(
    server.mails.map(({ recipients }) => recipients.sort()),
    [[ann, bob, 'dora@example.com'], [carl]],
  );
  for (const { message } of server.mails) {
    assert.doesNotMatch(message, /carl|dora|never|^bcc/im);
    assert.equal(header(message, 'To'), `${ann}, ${bob}`);
    assert.equal(header(message, 'X-Mine'), 'yes');
  }
});

test('`deferred` leaves recipients out, and can add none', async (t) => {
  const server = await mailServer(t);
  const { queue, run } = mailQueue(t, server);
  const messageId = '<1@example.org>';
  const add = (deferred: unknown) => queue.enqueue('send_email', { ...letter, deferred });
  const narrowed = await add({ messageId, recipients: [bob, 'eve@example.com'] });
  const wrong = [
    await add({ messageId, recipients: ['eve@example.com'] }),
    await add({ messageId, recipients: [] }),
    await add({ messageId, recipients: bob }),
    await add({ messageId: '<x>\r\nBcc: eve@example.com', recipients: [bob] }),
    await add({ recipients: [bob] }),
    await add(null),
  ];
  await run();
  await jobThat('completed', queue, narrowed);
  for (const id of wrong) assert.equal((await jobThat('failed', queue, id)).attempts, 1);
  assert.deepEqual(
    server.mails.map(({ recipients }) => recipients),
    [[bob]],
  );
});

test('a follow-up that has no room in a payload costs nobody a second mail', async (t) => {
  const server = await mailServer(t, { [bob]: 451 });
  const { queue, run, stderr } = mailQueue(t, server);
  const room = 1_048_576 - JSON.stringify({ ...letter, text: '' }).length;
  const id = await queue.enqueue('send_email', { ...letter, text: 'x'.repeat(room) });
  await run();
  const { result } = await jobThat('completed', queue, id);
  assert.deepEqual([result.accepted, result.rejected, result.followUp], [[ann], [bob], undefined]);
  assert.match(stderr.join(''), /no follow-up.*payload.*\n.*bob@example\.com \(451/s);
});

test('what a server says is escaped on stderr', async (t) => {
  const server = await mailServer(
    t,
    {},
    {
      onRcptTo: ({ address }, _, done) =>
        done(address === bob ? Object.assign(new Error('\x1b[2J\u202e'), { responseCode: 550 }) : null),
    },
  );
  const { queue, run, stderr } = mailQueue(t, server);
  await queue.enqueue('send_email', letter);
  await run();
  assert.match(stderr.join(''), /550 .*\\u202e/);
});

// ---- payloads ----

test('`body` is the text', async (t) => {
  const server = await mailServer(t);
  const { queue, run } = mailQueue(t, server);
  const id = await queue.enqueue('send_email', { to: ann, subject: 'Hi', body: 'As the example has it\n' });
  await run();
  await jobThat('completed', queue, id);
  assert.match(server.mails[0]?.message ?? '', /\r\n\r\nAs the example has it\r\n/);
});

test('addresses may be {name, address}, alone or in lists', async (t) => {
  const server = await mailServer(t);
  const { queue, run } = mailQueue(t, server);
  const id = await queue.enqueue('send_email', {
    from: { name: 'App, the', address: 'app@example.org' },
    to: { name: 'Ann Ö', address: ann },
    cc: [bob, { address: carl }],
    replyTo: { name: 'Help', address: 'help@example.org' },
    text: 'Hello',
  });
  await run();
  assert.equal((await jobThat('completed', queue, id)).result.messageId, `<${id}@example.org>`);
  const [mail] = server.mails;
  assert.deepEqual(mail?.recipients, [ann, bob, carl]);
  assert.equal(header(mail?.message ?? '', 'From'), '"App, the" <app@example.org>');
  assert.match(header(mail?.message ?? '', 'To') ?? '', /=\?UTF-8\?.* <ann@example\.com>/);
  assert.equal(header(mail?.message ?? '', 'Cc'), `${bob}, ${carl}`);
  assert.equal(header(mail?.message ?? '', 'Reply-To'), 'Help <help@example.org>');
});

for (const field of ['bcc', 'cc'])
  test(`${field} alone is enough`, async (t) => {
    const server = await mailServer(t);
    const { queue, run } = mailQueue(t, server);
    const id = await queue.enqueue('send_email', { [field]: [ann, bob], subject: 'Hi', text: 'x' });
    await run();
    await jobThat('completed', queue, id);
    assert.deepEqual(server.mails[0]?.recipients, [ann, bob]);
    if (field === 'bcc') assert.doesNotMatch(server.mails[0]?.message ?? '', /ann|bob/);
  });

test('attachments are decoded, also those that JSON has broken into lines', async (t) => {
  const server = await mailServer(t);
  const { queue, run } = mailQueue(t, server);
  const content = Buffer.from('a file with ÿ').toString('base64');
  const id = await queue.enqueue('send_email', {
    to: ann,
    text: 'see there',
    attachments: [
      { filename: 'a.txt', content: `${content.slice(0, 6)}\r\n${content.slice(6)}`, encoding: 'base64' },
      { filename: 'b.bin', content: Buffer.from('hex').toString('hex'), encoding: 'hex' },
      { filename: 'c.txt', content: 'plain ö', contentType: 'text/plain' },
      { filename: 'empty.txt', content: '' },
    ],
  });
  await run();
  await jobThat('completed', queue, id);
  const { message } = server.mails[0] as { message: string };
  for (const part of ['a file with ÿ', 'hex', 'plain ö'])
    assert.ok(message.includes(Buffer.from(part).toString('base64')), part);
  assert.match(message, /filename=empty\.txt/);
});

for (const [what, wrong] of Object.entries({
  'an attachment that is a path': { attachments: [{ path: '/etc/passwd' }] },
  'an attachment that is an address': { attachments: [{ href: 'http://localhost/x' }] },
  'an attachment that was a stream': { attachments: [{ filename: 'a', content: { _readableState: {} } }] },
  'an attachment that was a Buffer': { attachments: [{ content: { type: 'Buffer', data: [1] } }] },
  'an attachment of numbers': { attachments: [{ content: 17 }] },
  'an attachment without content': { attachments: [{ filename: 'a.txt' }] },
  'an attachment that is text': { attachments: ['a.txt'] },
  'an attachment that is nothing': { attachments: [null] },
  'bad base64': { attachments: [{ content: 'not base64!', encoding: 'base64' }] },
  'base64 that was cut': { attachments: [{ content: 'YWJjZ', encoding: 'base64' }] },
  'a data URL as base64': { attachments: [{ content: 'data:text/plain;base64,YWJj', encoding: 'base64' }] },
  'bad hex': { attachments: [{ content: 'abc', encoding: 'hex' }] },
  'an unknown encoding': { attachments: [{ content: 'x', encoding: 'quoted-printable' }] },
  'an attachment with a part of its own': { attachments: [{ raw: 'Content-Type: text/plain\r\n\r\nx' }] },
  'headers of an attachment': { attachments: [{ content: 'x', headers: { 'X-A': { prepared: true } } }] },
  'text and body': { text: 'x', body: 'y' },
  'a body that is a path': { body: { path: '/etc/passwd' } },
  'no recipient at all': { to: undefined },
  'empty lists of recipients': { to: [], cc: '', bcc: [] },
  'a recipient without an address': { to: [ann, 'nonsense'] },
  'a recipient that is a name': { to: { name: 'Ann' } },
  'a recipient that is a number': { to: [17] },
  'a recipient in a recipient': { to: { address: { address: ann } } },
  'a sender without an address': { from: 'App' },
  'headers that are text': { headers: 'X-Mine: x' },
  'headers that are a list': { headers: ['X-Mine: x'] },
}))
  test(`${what} fails for good, and is not sent to anybody`, async (t) => {
    const server = await mailServer(t);
    const { queue, run } = mailQueue(t, server);
    const id = await queue.enqueue(
      'send_email',
      JSON.parse(JSON.stringify({ ...letter, text: undefined, ...wrong })),
    );
    await run();
    const { error, attempts } = await jobThat('failed', queue, id);
    assert.equal(attempts, 1, String(error));
    assert.deepEqual(server.asked, []);
  });

test('a payload that is no object fails for good', async (t) => {
  const { queue, run } = mailQueue(t);
  const ids = await queue.enqueueMany(
    [undefined, null, 'text', 17, true, [letter], {}].map((payload) => ({ type: 'send_email', payload })),
  );
  await run();
  for (const id of ids) assert.equal((await jobThat('failed', queue, id)).attempts, 1);
});

test('without a server, `body`, {name, address} and bcc alone make a file in the outbox', async (t) => {
  const { queue, run, outbox } = mailQueue(t);
  const id = await queue.enqueue('send_email', { bcc: { name: 'Ann', address: ann }, body: 'Hello\n' });
  await run();
  await jobThat('completed', queue, id);
  const message = readFileSync(join(outbox, `${id}.eml`), 'utf8');
  assert.match(message, /^Bcc: Ann <ann@example\.com>\r$/m);
  assert.match(message, /\r\n\r\nHello\r\n/);
});

// ---- time ----

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

test('a mute server is left after SEND_EMAIL_TIMEOUT, its connection closed, the worker gone', async (t) => {
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

// ---- passwords ----

/** What a server says to a command that it quotes, in several forms. */
const QUOTES: Record<string, (line: string) => string> = {
  'as it is': (line) => line,
  'and cuts it': (line) => line.slice(0, -6),
  'in capitals': (line) => line.toUpperCase(),
  decoded: (line) =>
    Buffer.from(line.split(' ').at(-1) ?? '', 'base64')
      .toString()
      .replaceAll('\0', ' '),
  'by the password alone': (line) =>
    Buffer.from(
      Buffer.from(line.split(' ').at(-1) ?? '', 'base64')
        .toString()
        .split('\0')
        .at(-1) ?? '',
    ).toString('base64'),
  'as a URL has it': (line) =>
    encodeURIComponent(
      Buffer.from(line.split(' ').at(-1) ?? '', 'base64')
        .toString()
        .split('\0')
        .at(-1) ?? '',
    ),
};

/** A server that quotes the last login in all that it says after it; @param refuses which command */
async function quotingServer(
  t: TestContext,
  mechanism: string,
  refuses: string,
  quote: (line: string) => string,
) {
  const said: string[] = [];
  const server = createServer((socket) => {
    let login = '';
    let steps = 0;
    const say = (answer: string) => {
      said.push(answer);
      socket.write(`${answer}\r\n`);
    };
    socket.on('error', () => {});
    say('220 here');
    createInterface(socket).on('line', (line) => {
      const verb = line.split(' ')[0] as string;
      if (verb === 'AUTH' || steps > 0) {
        login = line;
        if (mechanism === 'LOGIN' && steps++ < 2)
          return say(steps === 1 ? '334 VXNlcm5hbWU6' : '334 UGFzc3dvcmQ6');
        steps = 0;
        return say(refuses === 'AUTH' ? `535 bad ${quote(login)}` : '235 ok');
      }
      if (verb === 'EHLO') say(`250-here\r\n250 AUTH ${mechanism}`);
      else if (verb === 'RCPT' && refuses === 'RCPT' && line.includes(bob))
        say(`550 not after ${quote(login)}`);
      else if (verb === 'DATA') say('354 go on');
      else if (!/^(MAIL|RCPT|QUIT|\.)/.test(verb)) return;
      else say('250 ok');
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => server.close());
  return { port: (server.address() as AddressInfo).port, said };
}

for (const [how, quote] of Object.entries(QUOTES))
  for (const mechanism of ['PLAIN', 'LOGIN'])
    for (const refuses of ['AUTH', 'RCPT'])
      test(`a server that quotes AUTH ${mechanism} ${how}, to ${refuses}, gives no password away`, async (t) => {
        const password = 'Hush&ed w/ord';
        const { port, said } = await quotingServer(t, mechanism, refuses, quote);
        const { queue, run, stderr } = mailQueue(t);
        setEnvironment(t, { SMTP_URL: `smtp://app:${encodeURIComponent(password)}@127.0.0.1:${port}` });
        const id = await queue.enqueue('send_email', letter, { maxAttempts: 1 });
        await run();
        const job = await queue.getJob(id);
        const told = JSON.stringify([job?.error, job?.result, stderr]);
        assert.match(told, refuses === 'AUTH' ? /535 bad/ : /550 not after/, said.join());
        const base64 = Buffer.from(password).toString('base64');
        const login = Buffer.from(`\0app\0${password}`).toString('base64');
        for (const secret of [
          password,
          encodeURIComponent(password),
          base64.slice(0, 10),
          login.slice(0, 16),
        ])
          assert.ok(!told.toLowerCase().includes(secret.toLowerCase()), told);
      });

test('a proxy whose password is not percent-encoded is named by what the network says', async (t) => {
  const { queue, run } = mailQueue(t);
  const proxy = encodeURIComponent('http://app:100%hush@127.0.0.1:2');
  setEnvironment(t, { SMTP_URL: `smtp://127.0.0.1:2?proxy=${proxy}` });
  const id = await queue.enqueue('send_email', letter, { maxAttempts: 1 });
  await run();
  const { error } = await jobThat('failed', queue, id);
  assert.doesNotMatch(String(error), /hush/);
  assert.match(String(error), /ECONNREFUSED/);
});

// ---- what is wrong when the worker starts ----

const SECRET = 's3cret';

for (const [url, part] of [
  ['mail.example.com', /no URL/],
  ['mail.example.com:587', /no URL/],
  [`user:${SECRET}@mail.example.com`, /no URL/],
  ['smtp:mail.example.com', /no URL/],
  [`http://user:${SECRET}@mail.example.com`, /a scheme that is neither smtp nor smtps/],
  [`${SECRET}://mail.example.com`, /a scheme that is/],
  ['smtp://', /no host/],
  ['smtps://:465', /no host/],
  [`smtps://user:${SECRET}@`, /no host/],
  [`smtps://user:${SECRET}@mail example.com`, /host that is/],
  [`smtps://user:${SECRET}@[::1`, /host that is/],
  [`smtps://user:${SECRET}@mail.example.com:0`, /port/],
  [`smtps://user:${SECRET}@mail.example.com:70000`, /port/],
  [`smtps://user:${SECRET}@mail.example.com:smtp`, /port/],
  [`smtps://user:${SECRET}`, /port/],
  [`smtps://user:${SECRET}/x@mail.example.com`, /%2F %3F %23/],
  [`smtps://user:${SECRET}?x@mail.example.com`, /%2F %3F %23/],
  [`smtps://user:12#${SECRET}@mail.example.com`, /%2F %3F %23/],
  [`smtps://user:${SECRET}%x@mail.example.com`, /write %25/],
  [`smtps://user:${SECRET}%ff@mail.example.com`, /write %25/],
  [`smtps://${SECRET}@mail.example.com`, /without a password/],
  [`smtps://:${SECRET}@mail.example.com`, /without a user name/],
  ['smtps://mail.example.com/inbox', /path/],
  ['smtps://mail.example.com#x', /# part/],
  ['smtps://mail.example.com?securee=true', /an option that is not known; it may have secure,/],
  ['smtps://mail.example.com?disableFileAccess=false', /an option that is not known/],
  [`smtps://mail.example.com?${SECRET}=1`, /an option that is not known/],
  ['smtps://mail.example.com?ignoreTLS=yes', /ignoreTLS.*true or false/],
  ['smtps://mail.example.com?socketTimeout=5s', /socketTimeout.*milliseconds/],
] as const)
  test(`SMTP_URL=${url} ends the worker with 2, and the part is named`, async (t) => {
    const { checkEnvironment } = await import('../../workers/handlers/environment.js');
    setEnvironment(t, { SMTP_URL: url });
    assert.throws(checkEnvironment, (error: Error & { code: string }) => {
      assert.equal(error.code, 'INVALID_ARGUMENT');
      assert.match(error.message, /^SMTP_URL /);
      assert.match(error.message, part);
      assert.doesNotMatch(error.message, new RegExp(SECRET));
      return true;
    });
  });

for (const url of [
  'smtp://localhost',
  'smtp://mail_server:25/',
  'SMTP://127.0.0.1:2525',
  'smtp://[::1]:25',
  'smtps://user:p%40ss%2Fw%C3%B6rd@smtp.example.com:465',
  'smtps://app@example.org:p@ss:word@smtp.example.com',
  'smtps://user:password@größe.example/?pool=true&tls.rejectUnauthorized=false&name=me.example.org',
  'smtp://localhost?ignoreTLS=true&connectionTimeout=5000',
  ' smtp://localhost\n',
  '',
])
  test(`SMTP_URL=${JSON.stringify(url)} is taken`, async (t) => {
    const { checkEnvironment } = await import('../../workers/handlers/environment.js');
    setEnvironment(t, { SMTP_URL: url });
    checkEnvironment();
  });

test('a variable that can not be used ends the worker script with 2 before it looks for jobs', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const url = `smtps://user:${SECRET}@mail.example.com:x`;
  for (const [env, said] of [
    [{ SMTP_URL: url }, /^queue_worker: SMTP_URL has a port .*\n$/],
    [{ SEND_EMAIL_TIMEOUT: '60' }, /^queue_worker: SEND_EMAIL_TIMEOUT is "60"; .*: 60s\n$/],
    [{ WEBHOOK_TIMEOUT: '5000' }, /^queue_worker: WEBHOOK_TIMEOUT is "5000"; .*: 5000ms\n$/],
    [{ WEBHOOK_TIMEOUT: 'soon' }, /^queue_worker: WEBHOOK_TIMEOUT is "soon"; .*: 30s\n$/],
    [{ MAIL_FROM: 'App' }, /^queue_worker: MAIL_FROM is "App"; .*\n$/],
  ] as const) {
    const { code, stdout, stderr } = await startWorker({ QUEUE_FILE: file, ...env }).ended;
    assert.equal(code, 2, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, said);
    assert.doesNotMatch(stderr, new RegExp(SECRET));
  }
  assert.equal(existsSync(`${file}.tick`), false);
});

for (const limit of ['0s', '-1s', '1e3s', '25h', '1.s', '10 days', 'Infinity', '60 000ms'])
  test(`a time limit of ${limit} is refused`, async (t) => {
    const { checkEnvironment } = await import('../../workers/handlers/environment.js');
    setEnvironment(t, { SEND_EMAIL_TIMEOUT: limit });
    assert.throws(checkEnvironment, { code: 'INVALID_ARGUMENT', message: /^SEND_EMAIL_TIMEOUT is/ });
  });
