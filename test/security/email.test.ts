import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { sendEmail } from '../../workers/handlers/send_email.js';
import { temporaryFolder } from '../support/folders.js';
import { jobId } from '../support/queue-file.js';

/** Sends to an outbox, as the worker does; the message, by the name of its file. */
async function send(t: TestContext, payload: object, id = jobId(1)): Promise<[name: string, text: string]> {
  const folder = temporaryFolder(t);
  const outbox = join(folder, 'data', 'outbox');
  mkdirSync(outbox, { recursive: true });
  const context = { job: { id, attempts: 1 }, signal: new AbortController().signal };
  await sendEmail({ to: 'ann@example.com', ...payload } as never, context as never, outbox);
  assert.deepEqual(readdirSync(folder), ['data']);
  assert.deepEqual(readdirSync(join(folder, 'data')), ['outbox']);
  const [name = '', ...others] = readdirSync(outbox);
  assert.deepEqual(others, []);
  return [name, readFileSync(join(outbox, name), 'utf8')];
}

const TRICK = 'x\r\nBcc: everybody@example.com\r\n\r\nbody';

for (const [where, payload] of Object.entries({
  'the subject': { subject: TRICK },
  'the sender': { from: `ann@example.com${TRICK}` },
  'a recipient': { to: [`ann@example.com`, `"${TRICK}" <bob@example.com>`] },
  'an address to answer to': { replyTo: TRICK },
  'the value of a header': { headers: { 'X-Mine': TRICK } },
  'the name of a header': { headers: { [`X-Mine: ${TRICK}`]: 'x' } },
  'the name of an attachment': { attachments: [{ filename: TRICK, content: 'x' }] },
  'the type of an attachment': { attachments: [{ content: 'x', contentType: `text/plain; ${TRICK}` }] },
})) {
  test(`a line end in ${where} adds no header`, async (t) => {
    const sent = await send(t, { text: 'hello', ...payload }).catch((error) => error as Error);
    if (sent instanceof Error) return assert.equal(sent.name, 'PermanentError');
    assert.doesNotMatch(sent[1], /^Bcc:/im);
  });
}

test('a header that says it is prepared is refused, because it would be sent as it is', async (t) => {
  const payload = { headers: { 'X-Mine': { prepared: true, value: TRICK } } };
  await assert.rejects(send(t, payload), { name: 'PermanentError', message: /headers.X-Mine/ });
});

test('no part of a payload reads a file or an address', async (t) => {
  const secret = join(temporaryFolder(t), 'secret.txt');
  writeFileSync(secret, 'top secret');
  const url = `file://${secret}`;
  for (const payload of [
    { text: { path: secret } },
    { html: { path: secret } },
    { html: { href: url } },
    { attachments: [{ path: secret }] },
    { attachments: [{ href: url }] },
    { attachments: [{ content: { path: secret } }] },
    { attachments: [{ raw: { path: secret } }] },
    { attachments: [{ raw: `Content-Type: text/plain\r\n\r\nx`, path: secret }] },
    { attachments: { path: secret } },
    { raw: { path: secret } },
    { alternatives: [{ path: secret }] },
    { icalEvent: { path: secret } },
    { disableFileAccess: false, html: { path: secret } },
    { envelope: { from: 'x', to: ['everybody@example.com'] } },
  ]) {
    const sent = await send(t, payload).catch((error) => error as Error);
    if (!(sent instanceof Error))
      assert.doesNotMatch(sent[1], /top secret|dG9wIHNlY3JldA/, JSON.stringify(payload));
  }
});

test('an id that was written by hand makes no path, and no header', async (t) => {
  for (const id of ['../../x', '/tmp/x', '..', '.', 'a/b', 'a\\b', `x>${TRICK}`, 'größe']) {
    const [name, message] = await send(t, { text: 'hello' }, id);
    assert.equal(name, `${encodeURIComponent(id)}.eml`);
    assert.doesNotMatch(message, /^Bcc:/im, id);
  }
});
