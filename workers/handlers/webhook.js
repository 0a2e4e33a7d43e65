import http from 'node:http';
import { PermanentError } from 'tsvq';
import { within } from './time_limit.js';
import { judge, readToEnd } from './webhook_answer.js';
import { following, nameOf, toRequest } from './webhook_request.js';
import { secretsOfBody, secretsOfHeaders, secretsOfUrl } from './webhook_secrets.js';

/** The most redirects that are followed, as in fetch. */
const MOST_REDIRECTS = 20;

useProxies();

/**
 * Sends one HTTP request.
 *
 * 2xx completes the job. 4xx fails it for good, except 408, 425 and 429. After these, every other status or a network
 * error, the job is tried again. If the receiver asks for a time with `Retry-After`, the next attempt comes then, and the
 * wait costs no attempt, for a day. The answer is read to its end, up to 10 MiB and within the time limit, because
 * many receivers stop working when the connection is closed.
 *
 * `redirect` says what 3xx means:
 *
 * - `'accept'`, the default for all but GET and HEAD: it is an answer, and completes the job. Many receivers redirect
 *   when they have done their work, and after a second POST it would be done twice.
 * - `'follow'`, the default for GET and HEAD: the answer that counts is the last one. 303 is followed by a GET
 *   without the body; so are 301 and 302 after a POST. 307 and 308 are followed by the same request. Another host
 *   gets no headers of the payload that could hold a key.
 * - `'error'`: it fails the job for good.
 *
 * The receiver may have done its work although its answer was lost. So all attempts of a job have the same
 * `Idempotency-Key`, the job's id, and the receiver recognises the second one. `Tsvq-Attempt` tells them apart.
 *
 * Errors, results and the log name only the host of the URL. An answer may quote the payload's headers, or fields
 * of its body with names like `password`, `token` or `key`. Errors leave these out.
 *
 * The time limit of a job is 30 s, or what WEBHOOK_TIMEOUT says; its own `timeout` wins.
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
 * Sends a request, and the requests that redirects ask for. Returns the result of the job.
 *
 * @param {import('./webhook_request.js').Outgoing} first
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
        `${nameOf(request)} answered ${response.status}, and redirects to an address that is not HTTP`,
      );
    if (urls.length > MOST_REDIRECTS + 1)
      throw new Error(`${nameOf(first)}: more than ${MOST_REDIRECTS} redirects`);
    request = following(request, response.status, target);
  }
}

/**
 * Returns the reason of fetch's error, which itself only says "fetch failed". The reason is its cause. The cause
 * has only a code if several addresses were tried.
 *
 * @param {any} error
 */
const networkError = (error) => error.cause?.message || error.cause?.code || error.message;

/**
 * True if fetch itself refuses the request: a port that it does not connect to, or a header that it writes itself.
 *
 * @param {any} error
 */
const isRefused = ({ cause }) =>
  cause?.message === 'bad port' ||
  ['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED', 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH'].includes(
    cause?.code,
  );

/**
 * Makes fetch use HTTP_PROXY, HTTPS_PROXY and NO_PROXY, if this Node can switch that on while it runs. Node 22.21
 * needs NODE_USE_ENV_PROXY=1 at its start instead; Node 20 can't.
 */
function useProxies() {
  const { env } = process;
  if (!(env.HTTP_PROXY || env.HTTPS_PROXY || env.http_proxy || env.https_proxy)) return;
  try {
    /** @type {{ setGlobalProxyFromEnv?: () => unknown }} */ (http).setGlobalProxyFromEnv?.();
  } catch {
    // The message of that error quotes the address, which may hold a password.
    throw new Error(
      'HTTP_PROXY or HTTPS_PROXY is not the address of a proxy, like http://proxy.example.com:3128',
    );
  }
}
