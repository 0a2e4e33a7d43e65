import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import { PermanentError } from 'tsvq';

/** What a payload may hold. `raw`, `envelope` and the like stay out: a queue's payloads often hold users' input. */
const FIELDS = ['from', 'to', 'cc', 'bcc', 'replyTo', 'subject', 'text', 'html', 'headers', 'attachments'];

/** The codes of nodemailer's errors about a message, as against a server, a login or a network. */
const ABOUT_THE_MESSAGE = ['EENVELOPE', 'EMESSAGE', 'EMAXRECIPIENTS', 'EFILEACCESS', 'EURLACCESS'];

/**
 * One e-mail, over the server that SMTP_URL names (`smtps://user:password@smtp.example.com`). Without SMTP_URL the
 * finished message is written to the outbox instead, as <job id>.eml.
 *
 * What the server refuses for good (5xx) fails the job for good; a refused login, a network error and 4xx are tried
 * again. All attempts carry the same Message-ID, so that a message which was sent twice, because the server's
 * answer was lost, can be recognised.
 *
 * @param {{
 *   to: string | string[],
 *   subject?: string,
 *   text?: string,
 *   html?: string,
 *   from?: string,
 *   cc?: string | string[],
 *   bcc?: string | string[],
 *   replyTo?: string,
 *   headers?: Record<string, string>,
 *   attachments?: { filename?: string, content: string, encoding?: string, contentType?: string }[],
 * }} payload `from` is MAIL_FROM by default
 * @param {Pick<import('tsvq').HandlerContext, 'job' | 'signal'>} context
 * @param {string} outbox
 * @returns {Promise<{ messageId: string, accepted: string[], rejected?: string[] } | { file: string }>}
 */
export async function sendEmail(payload, { job, signal }, outbox) {
  const message = { ...checked(payload), messageId: messageId(payload, job.id), signal };
  try {
    return process.env.SMTP_URL
      ? await overSmtp(process.env.SMTP_URL, message)
      : await toOutbox(outbox, message, job);
  } catch (error) {
    const { code, permanent, responseCode, message: text } = /** @type {any} */ (error);
    if (signal.aborted) throw signal.reason;
    // 530 asks for a login, at whatever command: that is the worker's set-up again, not the message.
    if (ABOUT_THE_MESSAGE.includes(code) && permanent !== false && responseCode !== 530)
      throw new PermanentError(text, { cause: error });
    throw error;
  }
}

/** @param {Parameters<typeof sendEmail>[0]} payload */
function checked(payload) {
  const unknown = Object.keys(payload ?? {}).filter((field) => !FIELDS.includes(field));
  if (unknown.length > 0)
    throw new PermanentError(`the payload has ${unknown.join(', ')}; known are ${FIELDS.join(', ')}`);
  for (const [name, value] of Object.entries(payload?.headers ?? {})) {
    // nodemailer would send the value of {"prepared": true, "value": …} as it stands, line ends and all.
    if ([value].flat().some((one) => typeof one === 'object'))
      throw new PermanentError(`headers.${name} is no string`);
  }
  if (!payload?.to?.length) throw new PermanentError('the payload has no recipient in `to`');
  return {
    ...payload,
    from: sender(payload),
    // Else `{"html": {"path": "/etc/passwd"}}` would send it.
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

/** @param {{ from?: string }} payload */
const sender = (payload) => payload.from || process.env.MAIL_FROM || `noreply@${hostname()}`;

/** @param {{ from?: string }} payload @param {string} id */
function messageId(payload, id) {
  const domain = /@([\w.-]+)>?\s*$/.exec(sender(payload))?.[1] ?? hostname();
  return `<${id}@${domain}>`;
}

/** @param {string} url @param {import('nodemailer').SendMailOptions} message */
async function overSmtp(url, message) {
  const { messageId, accepted, rejected } = await createTransport(url).sendMail(message);
  // Sending it again for the sake of the rejected ones would send it twice to the others.
  return { messageId, accepted, ...(rejected.length > 0 && { rejected }) };
}

/**
 * @param {string} outbox
 * @param {import('nodemailer').SendMailOptions} message
 * @param {{ id: string, attempts: number }} job
 */
async function toOutbox(outbox, message, job) {
  const composer = createTransport({ streamTransport: true, buffer: true, newline: 'windows' });
  const { envelope, message: bytes } = await composer.sendMail(message);
  if (envelope.to.length === 0) throw new PermanentError(`no address in to: ${JSON.stringify(message.to)}`);
  // An id is 16 hex digits, unless somebody wrote another into the file by hand: `../x`, say.
  const file = join(outbox, `${encodeURIComponent(job.id)}.eml`);
  // A name that nobody can have put a link at.
  const temporary = join(outbox, `.${randomUUID()}.tmp`);
  await mkdir(outbox, { recursive: true });
  try {
    await writeFile(temporary, /** @type {Buffer} */ (bytes), { flag: 'wx', mode: 0o660 });
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  return { file };
}
