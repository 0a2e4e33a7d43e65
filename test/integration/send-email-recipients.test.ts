import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import type { Queue } from 'tsvq';
import { makeDue } from './empty-queue.js';
import { ann, bob, carl, jobThat, letter, mailQueue } from './mail-queue.js';
import { header, mailServer } from './mail-server.js';

/*
 * A mail of several recipients: those that a server refuses for now get a follow-up.
 */

/** The follow-up of a job, which waits for its time. */
async function followUpOf(queue: Queue, id: string) {
  const { result } = await jobThat('completed', queue, id);
  assert.equal(typeof result.followUp, 'string', 'there is no follow-up');
  return jobThat('pending', queue, result.followUp as string);
}

for (const hidePIPELINING of [false, true]) {
  test(`a recipient that is refused for now gets a follow-up, and no other gets a second mail${hidePIPELINING ? ', without pipelining' : ''}`, async (t) => {
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

test('a mail with one recipient accepted, one refused for now and one for good reports each and retries one', async (t) => {
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

test('a job whose recipients are all refused for now is tried again with all of them', async (t) => {
  const server = await mailServer(t, { [ann]: 451, [bob]: 451 });
  const { queue, run } = mailQueue(t, server);
  const id = await queue.enqueue('send_email', letter, { maxAttempts: 2 });
  await run();
  const { error, attempts } = await jobThat('failed', queue, id);
  assert.equal(attempts, 2);
  assert.match(String(error), /ann@example\.com \(451 .*bob@example\.com \(451/);
  assert.equal((await queue.stats()).total, 1);
});

test('a job whose recipients are refused, some for now and the rest for good, is tried again', async (t) => {
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

test('a job whose recipients are all refused for good fails at once, and names them', async (t) => {
  const server = await mailServer(t, { [ann]: 550, [bob]: 551 });
  const { queue, run } = mailQueue(t, server);
  const id = await queue.enqueue('send_email', letter);
  await run();
  const { error, attempts } = await jobThat('failed', queue, id);
  assert.equal(attempts, 1);
  assert.match(String(error), /ann@example\.com \(550 .*bob@example\.com \(551/);
});

test('530 to a recipient asks for a login, and does not refuse it for good', async (t) => {
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

test('an LMTP server, which refuses recipients after the message, is treated like an SMTP server', async (t) => {
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

test('a follow-up shows no recipient of bcc, and mails none of the others', async (t) => {
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

test('`deferred` can only leave recipients out, and adds none', async (t) => {
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

test('a follow-up that does not fit into a payload causes no second mail', async (t) => {
  const server = await mailServer(t, { [bob]: 451 });
  const { queue, run, stderr } = mailQueue(t, server);
  const room = 1_048_576 - JSON.stringify({ ...letter, text: '' }).length;
  const id = await queue.enqueue('send_email', { ...letter, text: 'x'.repeat(room) });
  await run();
  const { result } = await jobThat('completed', queue, id);
  assert.deepEqual([result.accepted, result.rejected, result.followUp], [[ann], [bob], undefined]);
  assert.match(stderr.join(''), /could not add the follow-up.*payload.*\n.*bob@example\.com \(451/s);
});

test('an answer of a server is escaped on stderr', async (t) => {
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
