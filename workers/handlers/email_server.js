/* Sends a mail over the server, and turns its answers into the result or the error of the job. */
import { createTransport } from 'nodemailer';
import { PermanentError } from 'tsvq';
import { masked } from './secrets.js';

/** The codes of nodemailer's errors about a message. Its other errors are about a server, a login or a network. */
const ABOUT_THE_MESSAGE = ['EENVELOPE', 'EMESSAGE', 'EMAXRECIPIENTS', 'EFILEACCESS', 'EURLACCESS'];

/** How long the worker waits for a server to close the connection, after the end or the abort of a mail; in ms. */
const CLOSE_WITHIN = 1000;

/**
 * The server's answer for one recipient.
 *
 * @typedef {{
 *   recipient: string,
 *   permanent?: boolean,
 *   responseCode?: number,
 *   response?: string,
 *   message: string,
 * }} Refusal
 */

/**
 * Sends a message, and returns who got it and who was refused. If no recipient got it, throws the error of the job.
 * Neither the result nor the error has a password in it.
 *
 * @param {string} url of the server
 * @param {import('nodemailer').SendMailOptions} message
 */
export async function sendOverSmtp(url, message) {
  const secrets = secretsOf(url);
  try {
    const transport = createTransport({ url, socketCloseTimeout: CLOSE_WITHIN });
    const { accepted, rejectedErrors = [] } = await transport.sendMail(message);
    // LMTP refuses recipients one by one, after the message.
    if (accepted.length === 0)
      throw Object.assign(new Error('no recipient was accepted'), { rejectedErrors });
    const refusals = /** @type {Refusal[]} */ (rejectedErrors.map((one) => withoutPasswords(one, secrets)));
    return { accepted: accepted.map(String), refusals };
  } catch (error) {
    throw jobError(withoutPasswords(error, secrets));
  }
}

/**
 * Lists the passwords in the URL of a mail server and its proxy, in each form that the server sees. Some servers
 * quote the command that they refuse, with the password in it.
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

/**
 * Decodes a part of a URL, if possible. A proxy's may be invalid, and a mail that was sent must not fail for it.
 *
 * @param {string} part
 */
function plainOf(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/**
 * Masks passwords in an error of nodemailer, and in those within it. Returns the same error.
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

/**
 * True if the same mail will be refused again. 530 asks for a login, at any command, so the worker's set-up is wrong.
 *
 * @param {{ permanent?: boolean, responseCode?: number }} refusal
 */
export const isForGood = ({ permanent, responseCode }) => permanent === true && responseCode !== 530;

/** Names a refused recipient with the server's answer. @param {Refusal} refusal */
export const quoted = ({ recipient, response, message }) => `${recipient} (${response ?? message})`;

/**
 * Returns the error of the job: permanent if a later attempt would be refused as well.
 *
 * @param {any} error of nodemailer
 */
function jobError(error) {
  const { code, permanent, responseCode, message, rejectedErrors, cause } = error;
  if (code === 'EABORT') return cause;
  if (rejectedErrors?.length > 0) {
    const text = `the server accepted no recipient: ${rejectedErrors.map(quoted).join(', ')}`;
    return rejectedErrors.every(isForGood)
      ? new PermanentError(text, { cause: error })
      : new Error(text, { cause: error });
  }
  if (ABOUT_THE_MESSAGE.includes(code) && permanent !== false && responseCode !== 530)
    return new PermanentError(message, { cause: error });
  return error;
}
