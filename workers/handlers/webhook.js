import { PermanentError, RetryAfterError } from 'tsvq';

/** A receiver that doesn't answer holds up the jobs behind it; a job's own `timeout` wins over this. */
const ANSWER_WITHIN = 30_000;

/** No `Retry-After` puts a job off for longer: a receiver's slip must not bury it. */
const LONGEST_WAIT = 24 * 3_600_000;

/**
 * One HTTP request.
 *
 * 2xx completes the job. 4xx fails it for good, except 408, 425 and 429; these, every other status and a network
 * error are tried again, at the time that the receiver asks for with `Retry-After`, if it does: such a wait costs no
 * attempt, for a day.
 *
 * The receiver may have done its work although its answer was lost. So that it can recognise the second request
 * for the same thing, all attempts of a job carry the same `Idempotency-Key`, the job's id; `Tsvq-Attempt` tells
 * them apart.
 *
 * @param {{
 *   url: string,
 *   method?: string,
 *   headers?: Record<string, string>,
 *   body?: unknown,
 * }} payload `method` is POST by default; a `body` that isn't a string is sent as JSON
 * @param {Pick<import('tsvq').HandlerContext, 'job' | 'signal'>} context
 * @returns {Promise<{ status: number }>}
 */
export async function webhook(payload, { job, signal }) {
  const limit = new AbortController();
  const abort = () => limit.abort(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  const timer =
    job.timeout === undefined
      ? setTimeout(() => limit.abort(new Error(`no answer within ${ANSWER_WITHIN / 1000} s`)), ANSWER_WITHIN)
      : undefined;
  try {
    const request = toRequest(payload, job, limit.signal);
    return await send(request);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}

/**
 * @param {Parameters<typeof webhook>[0]} payload
 * @param {{ id: string, attempts: number }} job
 * @param {AbortSignal} signal
 */
function toRequest(payload, job, signal) {
  const { url, method = 'POST', headers, body } = payload ?? {};
  if (typeof url !== 'string' || !/^https?:\/\//i.test(url))
    throw new PermanentError(`url is ${JSON.stringify(url)}; it must begin with http:// or https://`);
  const empty = body === undefined || body === null;
  const verb = String(method).toUpperCase();
  try {
    const request = new Request(url, {
      method: verb,
      signal,
      // fetch would follow most redirects with a GET, and a POST that became one has delivered nothing.
      redirect: verb === 'GET' || verb === 'HEAD' ? 'follow' : 'manual',
      ...(headers && { headers }),
      ...(!empty && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    if (!empty && typeof body !== 'string' && !hasHeader(headers, 'content-type'))
      request.headers.set('content-type', 'application/json');
    if (!request.headers.has('idempotency-key')) request.headers.set('idempotency-key', job.id);
    request.headers.set('tsvq-attempt', String(job.attempts));
    return request;
  } catch (error) {
    // The messages quote the whole URL, password and all.
    const reason = /** @type {Error} */ (error).message.replaceAll(url, 'the url');
    throw new PermanentError(`no request can be made of the payload: ${reason}`);
  }
}

/** @param {Request} request */
async function send(request) {
  // Paths and queries of webhooks are often secret, and errors end up in logs: the host says enough.
  const target = `${request.method} ${new URL(request.url).host}`;
  /** @type {Response} */
  let response;
  try {
    response = await fetch(request);
  } catch (error) {
    if (request.signal.aborted) throw request.signal.reason;
    throw new Error(`${target}: ${networkError(error)}`, { cause: error });
  }
  if (response.ok) {
    await response.body?.cancel();
    return { status: response.status };
  }

  const { status } = response;
  const location = response.headers.get('location');
  const about = location ? `(it redirects to ${location})` : await excerpt(response);
  const message = [`${target} answered ${status}`, response.statusText, about].filter(Boolean).join(' ');
  if (status >= 400 && status < 500 && status !== 408 && status !== 425 && status !== 429)
    throw new PermanentError(message);
  const wait = retryAfter(response.headers.get('retry-after'));
  throw wait === undefined ? new Error(message) : new RetryAfterError(message, wait);
}

/** @param {Record<string, string> | undefined} headers @param {string} name */
const hasHeader = (headers, name) => new Headers(headers).has(name);

/**
 * fetch says "fetch failed"; the reason is in the cause, whose message is empty where several addresses were tried.
 *
 * @param {any} error
 */
const networkError = (error) => error.cause?.message || error.cause?.code || error.message;

/**
 * The first words of a body, on one line; the rest is not waited for.
 *
 * @param {Response} response
 */
async function excerpt(response) {
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const chunk of /** @type {AsyncIterable<Uint8Array>} */ (response.body ?? [])) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length >= 200) break;
    }
  } catch {
    // The status is what counts; that the body broke off changes nothing.
  }
  const line = text.replace(/\s+/g, ' ').trim().slice(0, 200);
  return line && `(${line})`;
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
