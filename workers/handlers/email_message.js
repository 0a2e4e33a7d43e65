/* Makes the message of a payload of send_email, its sender and its recipients. Refuses a payload that can't be sent. */
import { hostname } from 'node:os';
import addressparser from 'nodemailer/lib/addressparser';
import MailComposer from 'nodemailer/lib/mail-composer';
import { PermanentError } from 'tsvq';

/** The fields of a payload. `raw`, `envelope` and the like are left out, because payloads often hold users' input. */
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

/**
 * Makes the message of a payload, in the form that nodemailer takes.
 *
 * @param {Parameters<typeof import('./send_email.js').sendEmail>[0]} payload
 * @throws PermanentError if it can't be sent
 */
export function toMessage(payload) {
  const unknown = Object.keys(payload ?? {}).filter(
    (field) => !FIELDS.includes(field) && field !== 'deferred',
  );
  if (unknown.length > 0)
    throw new PermanentError(
      `the payload has unknown fields: ${unknown.join(', ')}; the fields are ${FIELDS.join(', ')}`,
    );
  const { from, to, cc, bcc, replyTo, subject, text, body, html, headers, attachments } = payload ?? {};
  if (text != null && body != null)
    throw new PermanentError('the payload has both text and body, two names for the same; leave one out');
  if (typeof (headers ?? {}) !== 'object' || Array.isArray(headers))
    throw new PermanentError('headers must be an object');
  for (const [name, value] of Object.entries(headers ?? {})) {
    // nodemailer would send the value of {"prepared": true, "value": …} unchanged, with its line ends.
    if ([value].flat().some((one) => typeof one === 'object'))
      throw new PermanentError(`headers.${name} must be a string`);
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
    // A payload must not name a file or an address that the worker then reads.
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

/**
 * Returns the addresses of a field. nodemailer would leave out a name without an address, and send the mail to the
 * others. So such a field is refused.
 *
 * @param {string} field
 * @param {unknown} value
 */
function addresses(field, value) {
  return [value ?? []].flat(Number.POSITIVE_INFINITY).map((/** @type {any} */ one) => {
    if (typeof one === 'string') {
      if (field !== 'replyTo' && addressparser(one, { flatten: true }).some(({ address }) => !address))
        throw new PermanentError(`${field} has ${JSON.stringify(one)}, in which an address is missing`);
      return one;
    }
    const { name, address } = one ?? {};
    if (typeof address !== 'string' || address.trim() === '' || typeof (name ?? '') !== 'string')
      throw new PermanentError(`${field} has ${JSON.stringify(one)}; it must be text or {name, address}`);
    return { name: name ?? '', address };
  });
}

/** Returns a field's text. @param {string} field @param {unknown} value */
function words(field, value) {
  if (value == null) return undefined;
  if (typeof value === 'object') throw new PermanentError(`${field} must be a string`);
  return String(value);
}

/**
 * Returns an attachment with its content decoded.
 *
 * @param {any} given
 * @param {string} where
 */
function attachment(given, where) {
  if (typeof given !== 'object' || given === null) throw new PermanentError(`${where} must be an object`);
  const set = Object.entries(given).filter(([, value]) => value != null);
  for (const [field, value] of set) {
    if (!ATTACHMENT_FIELDS.includes(field))
      throw new PermanentError(
        `${where} has an unknown field: ${field}; the fields are ${ATTACHMENT_FIELDS.join(', ')}`,
      );
    if (typeof value !== 'string') throw new PermanentError(`${where}.${field} must be a string`);
  }
  const { content, encoding = 'utf8', ...others } = Object.fromEntries(set);
  if (content === undefined) throw new PermanentError(`${where} has no content`);
  return { ...others, content: decoded(content, encoding, where) };
}

/** @param {string} content @param {string} encoding @param {string} where */
function decoded(content, encoding, where) {
  if (!Buffer.isEncoding(encoding))
    throw new PermanentError(
      `${where}.encoding is ${JSON.stringify(encoding)}; it must be base64, hex or utf8`,
    );
  const name = encoding.toLowerCase();
  if (name === 'utf8' || name === 'utf-8') return content;
  if (!name.startsWith('base64') && name !== 'hex') return Buffer.from(content, encoding);
  const characters = content.replace(/\s+/g, '');
  // Buffer.from silently ends at the first character that it can't decode.
  const isWhole =
    name === 'hex'
      ? /^([\da-f]{2})*$/i.test(characters)
      : /^[\w+/-]*={0,2}$/.test(characters) && characters.replace(/=+$/, '').length % 4 !== 1;
  if (!isWhole) throw new PermanentError(`${where}.content is not valid ${name}`);
  return Buffer.from(characters, encoding);
}

/**
 * Returns the sender and the recipients, as nodemailer reads them from the message. A follow-up has only some of the
 * recipients: `deferred` can leave recipients out, and never adds one.
 *
 * @param {import('nodemailer').SendMailOptions} message
 * @param {unknown} deferred of a follow-up
 * @throws PermanentError if there is no sender or no recipient
 */
export function envelopeOf(message, deferred) {
  let envelope;
  try {
    envelope = new MailComposer(message).compile().getEnvelope();
  } catch (error) {
    throw new PermanentError(
      `no message can be made of the payload: ${/** @type {Error} */ (error).message}`,
      {
        cause: error,
      },
    );
  }
  const wanted = deferred === undefined ? undefined : deferredRecipients(deferred);
  const to = envelope.to.filter((address) => wanted?.includes(address) ?? true);
  if (!envelope.from) throw new PermanentError('from has no address');
  if (to.length === 0)
    throw new PermanentError(
      `the payload has no recipient in ${wanted ? 'deferred.recipients' : 'to, cc or bcc'}`,
    );
  // An object, because text would be parsed again.
  const exactly = (/** @type {string} */ address) => ({ name: '', address });
  return { from: exactly(envelope.from), to: to.map(exactly) };
}

/** Returns the recipients of a follow-up. @param {any} deferred */
function deferredRecipients(deferred) {
  const { messageId, recipients } = deferred ?? {};
  if (typeof messageId !== 'string' || !/^<[^\s<>]+>$/.test(messageId) || !Array.isArray(recipients))
    throw new PermanentError('deferred must be what a follow-up has: {messageId, recipients}');
  return recipients;
}
