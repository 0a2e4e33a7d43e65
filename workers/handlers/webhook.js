import http from 'node:http';
import { PermanentError, RetryAfterError } from 'tsvq';
import { warn } from './log.js';
import { masked } from './secrets.js';
import { within } from './time_limit.js';

/** No `Retry-After` puts a job off for longer: a receiver's slip must not bury it. */
const LONGEST_WAIT = 24 * 3_600_000;

/** More of an answer is not read: a receiver that never ends must not hold up the jobs behind it. */
const MOST_BYTES = 10 * 1024 * 1024;

/** So much of an answer is searched for secrets, before the first words of it become part of an error. */
const KEPT = 16 * 1024;
const QUOTED = 200;

/** As fetch has it. */
const MOST_REDIRECTS = 20;

/** All that another host is told of the payload's headers: any of the others may be a key. */
const HARMLESS_HEADERS = ['accept', 'accept-language', 'content-language', 'content-type', 'user-agent'];

/** What a header or a field of the body is called whose value is a secret. */
const SECRET_NAME =
  /authori[sz]|auth(?!or)|cookie|credential|jwt|key(s|id)?$|api[-_]?key|pass|pwd|secret|session|signature|token/i;

/** Another header is secret if its value is that long. */
const LONG = 8;

useProxies();

/**
 * One HTTP request.
 *
 * 2xx completes the job. 4xx fails it for good, except 408, 425 and 429; these, every other status and a network
 * error are tried again, at the time that the receiver asks for with `Retry-After`, if it does: such a wait costs no
 * attempt, for a day. The answer is read to its end, up to 10 MiB and within the time limit, because many receivers stop
 * working when the connection is closed.
 *
 * What 3xx means is for `redirect` to say:
 *
 * - `'accept'`, the default for all but GET and HEAD: it is an answer, and completes the job. Many receivers redirect
 *   when they have done their work, and a second POST would have it done twice.
 * - `'follow'`, the default for GET and HEAD: the answer that counts is the last one. As everywhere, 303 is followed by a
 *   GET without the body, 301 and 302 after a POST as well, 307 and 308 by the same request. Another host gets no
 *   headers of the payload that could hold a key.
 * - `'error'`: it fails the job for good.
 *
 * The receiver may have done its work although its answer was lost. So that it can recognise the second request
 * for the same thing, all attempts of a job carry the same `Idempotency-Key`, the job's id; `Tsvq-Attempt` tells
 * them apart.
 *
 * Of the URL nothing but the host stands in errors, results and the log. What an answer quotes of the payload's headers,
 * and of fields of its body that are called `password`, `token`, `key` or the like, is left out of them. A job may take 30 s, or what WEBHOOK_TIMEOUT
 * says; its own `timeout` wins.
 *
 * @param {{
 *   url: string,
 *   method?: string,
 *   headers?: Record<string, string>,
 *   body?: unknown,
 *   redirect?: 'accept' | 'follow' | 'error',
 * }} payload `method` is POST by default; a `body` that isn't a string is sent as JSON
 * @param {Pick<import('tsvq').HandlerContext, 'job' | 'signal'>} context
 * @returns {Promise<{ status: number, redirect?: string }>} `redirect` is the host of a redirect that was not followed
 */
export async function webhook(payload, context) {
  const request = toRequest(payload, context.job);
  return within('WEBHOOK_TIMEOUT', nameOf(request), context, (signal) => send(request, context.job, signal));
}

/**
 * @typedef {{
 *   url: URL,
 *   method: string,
 *   headers: Headers,
 *   body: string | undefined,
 *   redirect: 'accept' | 'follow' | 'error',
 * }} Outgoing
 */

/** How errors call a request. Paths and queries of webhooks are often secret. @param {Outgoing} request */
const nameOf = ({ method, url }) => `${method} ${url.host}`;

/**
 * @param {Parameters<typeof webhook>[0]} payload
 * @param {{ id: string, attempts: number }} job
 * @returns {Outgoing}
 */
function toRequest(payload, job) {
  const { url: text, method: verb = 'POST', headers: given, body, redirect } = payload ?? {};
  const url = toUrl(text);
  const method = String(verb).toUpperCase();
  const isEmpty = body === undefined || body === null;
  const content = isEmpty ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
  try {
    // Says what is wrong with a method, or with a body that it can't have.
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
    throw new PermanentError(`redirect is ${JSON.stringify(redirect)}; it may be accept, follow or error`);
  return { url, method, headers, body: content, redirect: mode };
}

/** @param {unknown} text is not quoted in errors: a path or a password may be anywhere in it */
function toUrl(text) {
  if (typeof text !== 'string' || !/^https?:\/\//i.test(text))
    throw new PermanentError('url must be text that begins with http:// or https://');
  if (!URL.canParse(text)) throw new PermanentError('url has a host or a port that is none');
  const url = new URL(text);
  if (url.username || url.password)
    throw new PermanentError(
      'url has a user name or a password, which fetch does not take; ' +
        'write {"headers": {"authorization": "Basic …"}} with the two in base64, joined by a colon',
    );
  return url;
}

/** @param {unknown} given */
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
      // Its message quotes the value, which may be a key.
      throw new PermanentError(`headers has ${JSON.stringify(name)}, whose name or value HTTP does not take`);
    }
  }
  return headers;
}

/**
 * @param {Outgoing} first
 * @param {{ id: string }} job
 * @param {AbortSignal} signal
 */
async function send(first, job, signal) {
  let request = first;
  const urls = [first.url];
  const sent = [...secretsOfHeaders(first.headers, job), ...secretsOfBody(first.body)];
  for (;;) {
    const { url, method, headers, body, redirect } = request;
    /** @type {Response} */
    let response;
    try {
      response = await fetch(url, { method, headers, body: body ?? null, redirect: 'manual', signal });
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const message = `${nameOf(request)}: ${networkError(error)}`;
      if (request === first && isRefused(error)) throw new PermanentError(message, { cause: error });
      throw new Error(message, { cause: error });
    }
    const answer = await readToEnd(response);
    const location = response.headers.get('location');
    const target = location !== null && URL.canParse(location, url.href) ? new URL(location, url) : undefined;
    if (target) urls.push(target);
    const isRedirect = [301, 302, 303, 307, 308].includes(response.status) && location !== null;
    if (!isRedirect || redirect !== 'follow') {
      const secrets = [...sent, ...urls.flatMap(secretsOfUrl)];
      return judge(request, response, target, answer, secrets, job);
    }
    if (target?.protocol !== 'http:' && target?.protocol !== 'https:')
      throw new Error(
        `${nameOf(request)} answered ${response.status}, and redirects to what is no HTTP address`,
      );
    if (urls.length > MOST_REDIRECTS + 1)
      throw new Error(`${nameOf(first)}: more than ${MOST_REDIRECTS} redirects`);
    request = following(request, response.status, target);
  }
}

/**
 * The request that a redirect asks for.
 *
 * @param {Outgoing} request
 * @param {number} status
 * @param {URL} url
 * @returns {Outgoing}
 */
function following(request, status, url) {
  const headers = new Headers(request.headers);
  // A receiver may redirect to any host, and is not to learn from it what fetch sends there.
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

/**
 * The result of the job, by the answer that counts.
 *
 * @param {Outgoing} request
 * @param {Response} response
 * @param {URL | undefined} target where it redirects to
 * @param {string} answer
 * @param {string[]} secrets none of which may stand in an error
 * @param {{ id: string }} job
 */
function judge(request, response, target, answer, secrets, job) {
  const { status, statusText } = response;
  if (response.ok) return { status };
  const is3xx = status >= 300 && status < 400;
  const about = target ? `(it redirects to ${target.host})` : excerpt(answer, secrets);
  const message = [`${nameOf(request)} answered ${status}`, masked(statusText, secrets), about]
    .filter(Boolean)
    .join(' ');
  if (is3xx && request.redirect === 'accept') {
    // Others say that the work is done; these, that it is to be asked for elsewhere.
    if (status === 301 || status === 307 || status === 308)
      warn(`webhook: job ${job.id}: ${message}; it was not followed, see "redirect" of the payload`);
    return { status, ...(target && { redirect: target.host }) };
  }
  const isFinal = is3xx
    ? request.redirect === 'error'
    : status >= 400 && status < 500 && status !== 408 && status !== 425 && status !== 429;
  if (isFinal) throw new PermanentError(message);
  const wait = retryAfter(response.headers.get('retry-after'));
  throw wait === undefined ? new Error(message) : new RetryAfterError(message, wait);
}

/**
 * fetch says "fetch failed"; the reason is in the cause, whose message is empty where several addresses were tried.
 *
 * @param {any} error
 */
const networkError = (error) => error.cause?.message || error.cause?.code || error.message;

/**
 * Whether fetch itself refuses the request: a port that it does not connect to, or a header that it writes itself.
 *
 * @param {any} error
 */
const isRefused = ({ cause }) =>
  cause?.message === 'bad port' ||
  ['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED', 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH'].includes(
    cause?.code,
  );

/**
 * Reads an answer as far as it may go; the beginning of it. The status has been given by then: that the rest broke off,
 * or took too long, changes nothing.
 *
 * @param {Response} response
 */
async function readToEnd(response) {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  try {
    for await (const chunk of /** @type {AsyncIterable<Uint8Array>} */ (response.body ?? [])) {
      if (text.length < KEPT) text += decoder.decode(chunk, { stream: true });
      bytes += chunk.length;
      if (bytes > MOST_BYTES) break;
    }
  } catch {
    // See above.
  }
  return text;
}

/** The first words of an answer, on one line. @param {string} answer @param {string[]} secrets */
function excerpt(answer, secrets) {
  const line = masked(answer.slice(0, KEPT).replace(/\s+/g, ' ').trim(), secrets).slice(0, QUOTED);
  return line && `(${line})`;
}

/**
 * What may be secret of a URL: many answers to an unknown path name it.
 *
 * @param {URL} url
 */
function secretsOfUrl({ pathname, search, searchParams, username, password }) {
  const whole = [`${pathname}${search}`, pathname, search].flatMap((part) => [part, decoded(part)]);
  // Each key, name and value by itself as well: a receiver may quote any of them, in a form of its own.
  const words = whole.flatMap((part) => [...part.split(/[/?&=]/), ...part.split(/[^\p{L}\p{N}_.~-]+/u)]);
  return [...whole, ...words, ...searchParams.values(), username, password].filter(
    (part) => part.length >= 3,
  );
}

/**
 * @param {Headers} headers
 * @param {{ id: string }} job
 */
function secretsOfHeaders(headers, job) {
  return [...headers].flatMap(([name, value]) => {
    if (HARMLESS_HEADERS.includes(name) || value === job.id) return [];
    const isNamed = SECRET_NAME.test(name);
    // The parts of a cookie, and what stands behind Bearer.
    const words = value.split(/[\s,;="]+/).filter((word) => !/^(basic|bearer|digest|token)$/i.test(word));
    const login = /^basic /i.test(value) ? Buffer.from(value.slice(6), 'base64').toString() : '';
    const parts = [...words, login, login.slice(login.indexOf(':') + 1)].filter(
      (part) => part.length >= (isNamed ? 3 : LONG),
    );
    return isNamed || value.length >= LONG ? [value, ...parts] : parts;
  });
}

/** What stands in fields with a telling name. @param {string | undefined} body */
function secretsOfBody(body) {
  if (body === undefined) return [];
  try {
    return secretsIn(JSON.parse(body), false);
  } catch {
    // It is no JSON: a form, or text.
    const fields = [...new URLSearchParams(body)].filter(([name]) => SECRET_NAME.test(name));
    return [body, ...fields.map(([, value]) => value)];
  }
}

/**
 * @param {unknown} value
 * @param {boolean} isSecret
 * @returns {string[]}
 */
function secretsIn(value, isSecret) {
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).flatMap(([name, one]) => secretsIn(one, isSecret || SECRET_NAME.test(name)));
  const isText = typeof value === 'string' || typeof value === 'number';
  return isSecret && isText && String(value).length >= 3 ? [String(value)] : [];
}

/** @param {string} part */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/**
 * Milliseconds that a `Retry-After` header asks for: it holds seconds or a date. No wait at all, or a date that has
 * passed (whose clock is right?), would use up all attempts at once.
 *
 * @param {string | null} header
 */
function retryAfter(header) {
  // A date begins with the name of its day (RFC 9110, 5.6.7); Date.parse takes "1.5" for one as well.
  if (!header || !/^(\d+$|Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(header)) return undefined;
  const seconds = Number(header);
  const wait = Number.isNaN(seconds) ? Date.parse(header) - Date.now() : seconds * 1000;
  return wait > 0 ? Math.min(wait, LONGEST_WAIT) : undefined;
}

/**
 * Has fetch go by HTTP_PROXY, HTTPS_PROXY and NO_PROXY, where this Node can be told to while it runs. Node 22.21 does
 * so if it is started with NODE_USE_ENV_PROXY=1; Node 20 can't.
 */
function useProxies() {
  const { env } = process;
  if (!(env.HTTP_PROXY || env.HTTPS_PROXY || env.http_proxy || env.https_proxy)) return;
  try {
    /** @type {{ setGlobalProxyFromEnv?: () => unknown }} */ (http).setGlobalProxyFromEnv?.();
  } catch {
    // Its message quotes the address, which may hold a password.
    throw new Error('HTTP_PROXY or HTTPS_PROXY holds what is no address of a proxy');
  }
}
