import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ann, bob, carl, jobThat, letter, mailQueue } from './mail-queue.js';
import { header, mailServer } from './mail-server.js';

/*
 * Which payloads make a message, and which message they make.
 */

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
  test(`${what} fails for good, and is not sent`, async (t) => {
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

test('a payload that is not an object fails for good', async (t) => {
  const { queue, run } = mailQueue(t);
  const ids = await queue.enqueueMany(
    [undefined, null, 'text', 17, true, [letter], {}].map((payload) => ({ type: 'send_email', payload })),
  );
  await run();
  for (const id of ids) assert.equal((await jobThat('failed', queue, id)).attempts, 1);
});

test('`body`, {name, address} and bcc alone make a file in the outbox without a server', async (t) => {
  const { queue, run, outbox } = mailQueue(t);
  const id = await queue.enqueue('send_email', { bcc: { name: 'Ann', address: ann }, body: 'Hello\n' });
  await run();
  await jobThat('completed', queue, id);
  const message = readFileSync(join(outbox, `${id}.eml`), 'utf8');
  assert.match(message, /^Bcc: Ann <ann@example\.com>\r$/m);
  assert.match(message, /\r\n\r\nHello\r\n/);
});
