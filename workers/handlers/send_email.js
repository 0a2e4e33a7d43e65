import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import { envelopeOf, toMessage } from './email_message.js';
import { isForGood, quoted, sendOverSmtp } from './email_server.js';
import { smtpUrl } from './environment.js';
import { warn } from './log.js';
import { within } from './time_limit.js';

/** The wait for recipients that were refused for now. Servers that first refuse strangers take a later attempt. */
const LATER = '5m';

/** @typedef {string | { name?: string, address: string }} Address */

/**
 * Sends one e-mail over the server that SMTP_URL names (`smtps://user:password@smtp.example.com`). Without SMTP_URL
 * it writes the finished message to the outbox instead, as <job id>.eml.
 *
 * A refusal for good (5xx) fails the job for good. After a refused login, a network error or 4xx, the job is tried
 * again. All attempts have the same Message-ID. So a receiver recognises a message that was sent twice because the
 * server's answer was lost.
 *
 * If the server takes the mail for some recipients, the job completes, and they don't get it again. Recipients that
 * were refused for good are `rejected` in the result, and named on stderr. Recipients that were refused for now get
 * the same mail by a follow-up of their own. If the server takes the mail for no recipient, and refused any of them
 * only for now, the job is tried again.
 *
 * The time limit of a mail is 60 s, or what SEND_EMAIL_TIMEOUT says; the job's own `timeout` wins.
 *
 * @param {{
 *   to?: Address | Address[],
 *   cc?: Address | Address[],
 *   bcc?: Address | Address[],
 *   subject?: string,
 *   text?: string,
 *   body?: string,
 *   html?: string,
 *   from?: Address,
 *   replyTo?: Address | Address[],
 *   headers?: Record<string, string>,
 *   attachments?: {
 *     filename?: string,
 *     content: string,
 *     encoding?: string,
 *     contentType?: string,
 *     contentDisposition?: 'attachment' | 'inline',
 *     cid?: string,
 *   }[],
 *   deferred?: { messageId: string, recipients: string[] },
 * }} payload `from` is MAIL_FROM by default. `body` is another name for `text`. Only a follow-up has `deferred`: it
 *   sends to these recipients, and to no others
 * @param {Pick<import('tsvq').HandlerContext, 'job' | 'signal' | 'enqueue'>} context
 * @param {string} outbox the folder for messages that are not sent; made if it is missing
 * @returns {Promise<
 *   | { messageId: string, accepted: string[], rejected?: string[], deferred?: string[], followUp?: string }
 *   | { file: string }
 * >}
 */
export async function sendEmail(payload, context, outbox) {
  const { job } = context;
  const parts = toMessage(payload);
  const deferred = payload?.deferred;
  const envelope = envelopeOf(parts, deferred);
  const messageId = deferred?.messageId ?? newMessageId(job.id, envelope.from.address);
  const message = { ...parts, messageId };
  const url = smtpUrl();
  if (url === undefined) return toOutbox(outbox, message, job);
  const sent = await within('SEND_EMAIL_TIMEOUT', 'the mail', context, (signal) =>
    sendOverSmtp(url, { ...message, ...(deferred && { envelope }), signal }),
  );
  return resultOf(sent, { ...payload, from: message.from }, messageId, context);
}

/**
 * Returns the result of a mail that some recipients got. It must not throw, because then they would get the mail
 * again.
 *
 * @param {Awaited<ReturnType<typeof sendOverSmtp>>} sent
 * @param {object} payload
 * @param {string} messageId
 * @param {Parameters<typeof sendEmail>[1]} context
 */
function resultOf({ accepted, refusals }, payload, messageId, context) {
  const { job } = context;
  const forGood = refusals.filter(isForGood);
  const forNow = refusals.filter((refusal) => !isForGood(refusal));
  const recipients = forNow.map(({ recipient }) => recipient);
  let followUp;
  if (forNow.length > 0) {
    try {
      // To and Cc stay as they are, so that all copies of the mail look alike. Each follow-up has fewer recipients than
      // its parent, and no more attempts than one job has.
      const deferred = { messageId, recipients };
      const { priority, maxAttempts, timeout } = job;
      const options = { delay: LATER, priority, maxAttempts, timeout };
      followUp = context.enqueue(job.type, { ...payload, deferred }, options);
    } catch (error) {
      // The payload had hardly any room left.
      warn(`send_email: job ${job.id}: could not add the follow-up: ${/** @type {Error} */ (error).message}`);
      forGood.push(...forNow);
    }
  }
  if (forGood.length > 0) warn(`send_email: job ${job.id}: refused: ${forGood.map(quoted).join(', ')}`);
  return {
    messageId,
    accepted,
    ...(forGood.length > 0 && { rejected: forGood.map(({ recipient }) => recipient) }),
    ...(followUp !== undefined && { deferred: recipients, followUp }),
  };
}

/**
 * Makes the Message-ID, which is the same for each attempt of a job.
 *
 * @param {string} id
 * @param {string} from the address of the sender
 */
function newMessageId(id, from) {
  const domain = /@([\w.-]+)$/.exec(from)?.[1] ?? hostname();
  // An id is 16 hex digits, unless a person wrote another into the file.
  return `<${encodeURIComponent(id)}@${domain}>`;
}

/**
 * Writes the message to a file of the outbox. No reader sees half of it, because it gets its name when it is whole.
 *
 * @param {string} outbox
 * @param {import('nodemailer').SendMailOptions} message
 * @param {{ id: string }} job
 */
async function toOutbox(outbox, message, job) {
  const composer = createTransport({ streamTransport: true, buffer: true, newline: 'windows' });
  const { message: bytes } = await composer.sendMail(message);
  // An id may be `../x`, if a person wrote it into the file.
  const file = join(outbox, `${encodeURIComponent(job.id)}.eml`);
  // Its name can't be known beforehand, so no link can be waiting there.
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
