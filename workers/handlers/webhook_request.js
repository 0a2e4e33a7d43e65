/* Makes the request of a webhook's payload, and the next one after a redirect. Refuses a payload that can't be sent. */
import { PermanentError } from 'tsvq';
import { HARMLESS_HEADERS } from './webhook_secrets.js';

/**
 * @typedef {{
 *   url: URL,
 *   method: string,
 *   headers: Headers,
 *   body: string | undefined,
 *   redirect: 'accept' | 'follow' | 'error',
 * }} Outgoing
 */

/** Names a request in errors. Paths and queries of webhooks are often secret. @param {Outgoing} request */
export const nameOf = ({ method, url }) => `${method} ${url.host}`;

/**
 * Makes the request of a payload.
 *
 * @param {Parameters<typeof import('./webhook.js').webhook>[0]} payload
 * @param {{ id: string, attempts: number }} job
 * @returns {Outgoing}
 * @throws PermanentError if it can't be sent
 */
export function toRequest(payload, job) {
  const { url: text, method: verb = 'POST', headers: given, body, redirect } = payload ?? {};
  const url = toUrl(text);
  const method = String(verb).toUpperCase();
  const isEmpty = body === undefined || body === null;
  const content = isEmpty ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
  try {
    // Request refuses a bad method, and a body if the method must not have one.
    new Request(url.origin, { method, ...(content !== undefined && { body: content }) });
  } catch (error) {
    throw new PermanentError(
      `no request can be made of the payload: ${/** @type {Error} */ (error).message}`,
    );
  }
  const headers = toHeaders(given);
  if (!isEmpty && !headers.has('content-type'))
    headers.set('content-type', typeof body === 'string' ? 'text/plain;charset=UTF-8' : 'application/json');
  if (!headers.has('idempotency-key')) headers.set('idempotency-key', job.id);
  headers.set('tsvq-attempt', String(job.attempts));
  const isRead = method === 'GET' || method === 'HEAD';
  const mode = redirect ?? (isRead ? 'follow' : 'accept');
  if (mode !== 'accept' && mode !== 'follow' && mode !== 'error')
    throw new PermanentError(`redirect is ${JSON.stringify(redirect)}; it must be accept, follow or error`);
  return { url, method, headers, body: content, redirect: mode };
}

/** Reads the URL. Errors don't quote it, because a secret may be anywhere in it. @param {unknown} text */
function toUrl(text) {
  if (typeof text !== 'string' || !/^https?:\/\//i.test(text))
    throw new PermanentError('url must be text that begins with http:// or https://');
  if (!URL.canParse(text)) throw new PermanentError('url has an invalid host or port');
  const url = new URL(text);
  if (url.username || url.password)
    throw new PermanentError(
      'url has a user name or a password, which fetch does not take; ' +
        'write {"headers": {"authorization": "Basic …"}} with the two in base64, joined by a colon',
    );
  return url;
}

/** Reads the headers. @param {unknown} given */
function toHeaders(given) {
  const headers = new Headers();
  if (typeof (given ?? {}) !== 'object' || Array.isArray(given))
    throw new PermanentError('headers must be an object of names and their texts');
  for (const [name, value] of Object.entries(given ?? {})) {
    if (typeof value !== 'string' && typeof value !== 'number')
      throw new PermanentError(`headers has ${JSON.stringify(name)}, whose value must be text or a number`);
    try {
      headers.append(name, String(value));
    } catch {
      // The message of that error quotes the value, which may be a key.
      throw new PermanentError(
        `headers has ${JSON.stringify(name)}, whose name or value HTTP does not allow`,
      );
    }
  }
  return headers;
}

/**
 * Makes the request that a redirect asks for.
 *
 * @param {Outgoing} request
 * @param {number} status
 * @param {URL} url
 * @returns {Outgoing}
 */
export function following(request, status, url) {
  const headers = new Headers(request.headers);
  // A receiver may redirect to any host, with a login of its choice, and must not learn the answer to that login.
  url.username = '';
  url.password = '';
  if (url.origin !== request.url.origin) {
    for (const name of [...headers.keys()]) {
      const isOurs = name === 'tsvq-attempt' || name === 'idempotency-key';
      if (!isOurs && !HARMLESS_HEADERS.includes(name)) headers.delete(name);
    }
  }
  const { method } = request;
  const becomesGet =
    (status === 303 && method !== 'GET' && method !== 'HEAD') ||
    ((status === 301 || status === 302) && method === 'POST');
  if (!becomesGet) return { ...request, url, headers };
  for (const name of [...headers.keys()]) if (name.startsWith('content-')) headers.delete(name);
  return { ...request, url, headers, method: 'GET', body: undefined };
}
