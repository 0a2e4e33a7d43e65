import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import addressparser from 'nodemailer/lib/addressparser';
import MailComposer from 'nodemailer/lib/mail-composer';
import { PermanentError } from 'tsvq';
import { smtpUrl } from './environment.js';
import { warn } from './log.js';
import { masked } from './secrets.js';
import { within } from './time_limit.js';

/** What a payload may hold. `raw`, `envelope` and the like stay out: a queue's payloads often hold users' input. */
const FIELDS = [
  'from',
  'to',
  'cc',
  'bcc',
  'replyTo',
  'subject',
  'text',
  'body',
  'html',
  'headers',
  'attachments',
];

const ATTACHMENT_FIELDS = ['filename', 'content', 'encoding', 'contentType', 'contentDisposition', 'cid'];

/** The codes of nodemailer's errors about a message, as against a server, a login or a network. */
const ABOUT_THE_MESSAGE = ['EENVELOPE', 'EMESSAGE', 'EMAXRECIPIENTS', 'EFILEACCESS', 'EURLACCESS'];

/** Servers that refuse strangers at first mostly take the second attempt after a few minutes. */
const LATER = '5m';

/** After the end of a mail, or its abort, a server has so long to close the connection: the worker waits for it. */
const CLOSE_WITHIN = 1000;

/** @typedef {string | { name?: string, address: string }} Address */

/**
 * One e-mail, over the server that SMTP_URL names (`smtps://user:password@smtp.example.com`). Without SMTP_URL the
 * finished message is written to the outbox instead, as <job id>.eml.
 *
 * What the server refuses for good (5xx) fails the job for good; a refused login, a network error and 4xx are tried
 * again. All attempts carry the same Message-ID, so that a message which was sent twice, because the server's
 * answer was lost, can be recognised.
 *
 * If the server takes the mail for some recipients, the job completes, and is not sent to those again. Recipients that
 * were refused for good are `rejected` in the result, and named on stderr. Those that were refused for now get the same
 * mail by a follow-up of their own. If the server takes it for none, the job is tried again while any of them was only
 * refused for now.
 *
 * A mail may take 60 s, or what SEND_EMAIL_TIMEOUT says; the job's own `timeout` wins.
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
 * }} payload `from` is MAIL_FROM by default; `body` is another name for `text`; `deferred` is what a follow-up has, and
 *   leaves out all other recipients
 * @param {Pick<import('tsvq').HandlerContext, 'job' | 'signal' | 'enqueue'>} context
 * @param {string} outbox
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
  try {
    const sent = await within('SEND_EMAIL_TIMEOUT', 'the mail', context, (signal) =>
      overSmtp(url, { ...message, ...(deferred && { envelope }), signal }),
    );
    return afterSome(sent, { ...payload, from: message.from }, messageId, context);
  } catch (error) {
    throw verdict(withoutPasswords(error, secretsOf(url)));
  }
}

// ---- what happened at the server ----

/** @param {string} url @param {import('nodemailer').SendMailOptions} message */
async function overSmtp(url, message) {
  const { accepted, rejectedErrors = [] } = await createTransport({
    url,
    socketCloseTimeout: CLOSE_WITHIN,
  }).sendMail(message);
  const secrets = secretsOf(url);
  const refusals = /** @type {Refusal[]} */ (rejectedErrors.map((one) => withoutPasswords(one, secrets)));
  // By LMTP, where recipients are refused one by one after the message.
  if (accepted.length === 0) throw Object.assign(new Error('no recipient was accepted'), { rejectedErrors });
  return { accepted: accepted.map(String), refusals };
}

/**
 * What the URL of a mail server, and that of its proxy, hold of passwords. Some servers quote the command that they
 * refuse, with the password in it.
 *
 * @param {string} text
 * @returns {string[]}
 */
function secretsOf(text) {
  const { username, password, searchParams } = new URL(text);
  const proxy = searchParams.get('proxy');
  const ofProxy = proxy !== null && URL.canParse(proxy) ? secretsOf(proxy) : [];
  if (!password) return ofProxy;
  const [user, plain] = [plainOf(username), plainOf(password)];
  const logins = [`\0${user}\0${plain}`, `${user}\0${user}\0${plain}`, `${user}:${plain}`];
  const answers = [...logins, user].map((answer) => Buffer.from(answer).toString('base64'));
  return [plain, password, ...answers, ...ofProxy];
}

/** What can't be decoded stays: it is a proxy's, and no reason to fail a mail that was sent. @param {string} part */
function plainOf(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/**
 * The error of nodemailer, and those in it, without passwords.
 *
 * @param {any} error
 * @param {string[]} secrets
 */
function withoutPasswords(error, secrets) {
  if (typeof error !== 'object' || error === null) return error;
  for (const field of ['message', 'response', 'stack'])
    if (typeof error[field] === 'string') error[field] = masked(error[field], secrets);
  for (const inner of [error.cause, ...(error.rejectedErrors ?? [])]) withoutPasswords(inner, secrets);
  return error;
}

/** @typedef {{ recipient: string, permanent?: boolean, responseCode?: number, response?: string, message: string }} Refusal */

/**
 * Whether the same mail will be refused again. 530 asks for a login, at whatever command: that is the worker's set-up.
 *
 * @param {{ permanent?: boolean, responseCode?: number }} refusal
 */
const isForGood = ({ permanent, responseCode }) => permanent === true && responseCode !== 530;

/** @param {Refusal} refusal */
const told = ({ recipient, response, message }) => `${recipient} (${response ?? message})`;

/**
 * What an error means for the job.
 *
 * @param {any} error
 */
function verdict(error) {
  const { code, permanent, responseCode, message, rejectedErrors, cause } = error;
  if (code === 'EABORT') return cause;
  if (rejectedErrors?.length > 0) {
    const text = `the server accepted no recipient: ${rejectedErrors.map(told).join(', ')}`;
    return rejectedErrors.every(isForGood)
      ? new PermanentError(text, { cause: error })
      : new Error(text, { cause: error });
  }
  if (ABOUT_THE_MESSAGE.includes(code) && permanent !== false && responseCode !== 530)
    return new PermanentError(message, { cause: error });
  return error;
}

/**
 * The result of a mail that some recipients got. It must not fail any more: they would get the mail again.
 *
 * @param {{ accepted: string[], refusals: Refusal[] }} sent
 * @param {object} payload
 * @param {string} messageId
 * @param {Parameters<typeof sendEmail>[1]} context
 */
function afterSome({ accepted, refusals }, payload, messageId, context) {
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
      warn(`send_email: job ${job.id}: no follow-up, ${/** @type {Error} */ (error).message}`);
      forGood.push(...forNow);
    }
  }
  if (forGood.length > 0) warn(`send_email: job ${job.id}: refused: ${forGood.map(told).join(', ')}`);
  return {
    messageId,
    accepted,
    ...(forGood.length > 0 && { rejected: forGood.map(({ recipient }) => recipient) }),
    ...(followUp !== undefined && { deferred: recipients, followUp }),
  };
}

// ---- from the payload to the message ----

/** @param {Parameters<typeof sendEmail>[0]} payload */
function toMessage(payload) {
  const unknown = Object.keys(payload ?? {}).filter(
    (field) => !FIELDS.includes(field) && field !== 'deferred',
  );
  if (unknown.length > 0)
    throw new PermanentError(`the payload has ${unknown.join(', ')}; known are ${FIELDS.join(', ')}`);
  const { from, to, cc, bcc, replyTo, subject, text, body, html, headers, attachments } = payload ?? {};
  if (text != null && body != null)
    throw new PermanentError('the payload has text and body, which are two names for the same');
  if (typeof (headers ?? {}) !== 'object' || Array.isArray(headers))
    throw new PermanentError('headers is no object');
  for (const [name, value] of Object.entries(headers ?? {})) {
    // nodemailer would send the value of {"prepared": true, "value": …} as it stands, line ends and all.
    if ([value].flat().some((one) => typeof one === 'object'))
      throw new PermanentError(`headers.${name} is no string`);
  }
  return {
    from: addresses('from', from || process.env.MAIL_FROM || `noreply@${hostname()}`),
    to: addresses('to', to),
    cc: addresses('cc', cc),
    bcc: addresses('bcc', bcc),
    replyTo: addresses('replyTo', replyTo),
    subject: words('subject', subject),
    text: words(body == null ? 'text' : 'body', body ?? text),
    html: words('html', html),
    headers: headers ?? {},
    attachments: [attachments ?? []].flat().map((one, i) => attachment(one, `attachments[${i}]`)),
    // Nothing of a payload is to name a file or an address that the worker reads.
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

/**
 * The addresses of a field. One that nodemailer would leave out, because there is no address in it, is refused before
 * the others get the mail.
 *
 * @param {string} field
 * @param {unknown} value
 */
function addresses(field, value) {
  return [value ?? []].flat(Number.POSITIVE_INFINITY).map((/** @type {any} */ one) => {
    if (typeof one === 'string') {
      if (field !== 'replyTo' && addressparser(one, { flatten: true }).some(({ address }) => !address))
        throw new PermanentError(`${field} holds ${JSON.stringify(one)}, in which an address is missing`);
      return one;
    }
    const { name, address } = one ?? {};
    if (typeof address !== 'string' || address.trim() === '' || typeof (name ?? '') !== 'string')
      throw new PermanentError(`${field} holds ${JSON.stringify(one)}; it must be text or {name, address}`);
    return { name: name ?? '', address };
  });
}

/** @param {string} field @param {unknown} value */
function words(field, value) {
  if (value == null) return undefined;
  if (typeof value === 'object') throw new PermanentError(`${field} is no string`);
  return String(value);
}

/**
 * An attachment with its content decoded.
 *
 * @param {any} given
 * @param {string} where
 */
function attachment(given, where) {
  if (typeof given !== 'object' || given === null) throw new PermanentError(`${where} is no object`);
  const set = Object.entries(given).filter(([, value]) => value != null);
  for (const [field, value] of set) {
    if (!ATTACHMENT_FIELDS.includes(field))
      throw new PermanentError(`${where} has ${field}; known are ${ATTACHMENT_FIELDS.join(', ')}`);
    if (typeof value !== 'string') throw new PermanentError(`${where}.${field} is no string`);
  }
  const { content, encoding = 'utf8', ...others } = Object.fromEntries(set);
  if (content === undefined) throw new PermanentError(`${where} has no content`);
  return { ...others, content: decoded(content, encoding, where) };
}

/** @param {string} content @param {string} encoding @param {string} where */
function decoded(content, encoding, where) {
  if (!Buffer.isEncoding(encoding))
    throw new PermanentError(
      `${where}.encoding is ${JSON.stringify(encoding)}; it may be base64, hex or utf8`,
    );
  const name = encoding.toLowerCase();
  if (name === 'utf8' || name === 'utf-8') return content;
  if (!name.startsWith('base64') && name !== 'hex') return Buffer.from(content, encoding);
  const characters = content.replace(/\s+/g, '');
  // Buffer.from leaves out what it can't decode, and what follows it.
  const isWhole =
    name === 'hex'
      ? /^([\da-f]{2})*$/i.test(characters)
      : /^[\w+/-]*={0,2}$/.test(characters) && characters.replace(/=+$/, '').length % 4 !== 1;
  if (!isWhole) throw new PermanentError(`${where}.content is not ${name}`);
  return Buffer.from(characters, encoding);
}

/**
 * Sender and recipients as nodemailer makes them out. A follow-up has but some of the recipients: `deferred` can leave
 * recipients out, never add one.
 *
 * @param {import('nodemailer').SendMailOptions} message
 * @param {unknown} deferred
 */
function envelopeOf(message, deferred) {
  let envelope;
  try {
    envelope = new MailComposer(message).compile().getEnvelope();
  } catch (error) {
    throw new PermanentError(`the payload makes no message: ${/** @type {Error} */ (error).message}`, {
      cause: error,
    });
  }
  const wanted = deferred === undefined ? undefined : deferredRecipients(deferred);
  const to = envelope.to.filter((address) => wanted?.includes(address) ?? true);
  if (!envelope.from) throw new PermanentError('there is no address in from');
  if (to.length === 0)
    throw new PermanentError(
      `the payload has no recipient in ${wanted ? 'deferred.recipients' : 'to, cc or bcc'}`,
    );
  // Not as text, which would be parsed once more.
  const exactly = (/** @type {string} */ address) => ({ name: '', address });
  return { from: exactly(envelope.from), to: to.map(exactly) };
}

/** @param {any} deferred */
function deferredRecipients(deferred) {
  const { messageId, recipients } = deferred ?? {};
  if (typeof messageId !== 'string' || !/^<[^\s<>]+>$/.test(messageId) || !Array.isArray(recipients))
    throw new PermanentError('deferred is not what a follow-up has: {messageId, recipients}');
  return recipients;
}

/** @param {string} id @param {string} from */
function newMessageId(id, from) {
  const domain = /@([\w.-]+)$/.exec(from)?.[1] ?? hostname();
  // An id is 16 hex digits, unless a person wrote another into the file.
  return `<${encodeURIComponent(id)}@${domain}>`;
}

// ---- without a server ----

/**
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
