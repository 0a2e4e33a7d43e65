/* Turns the answer to a webhook into the result or the error of the job. */
import { PermanentError, RetryAfterError } from 'tsvq';
import { warn } from './log.js';
import { masked } from './secrets.js';
import { nameOf } from './webhook_request.js';

/** The longest wait that a `Retry-After` gets, in ms, because a receiver's mistake must not bury a job. */
const LONGEST_WAIT = 24 * 3_600_000;

/** The most bytes that are read, because an answer that never ends must not hold up the jobs after this one. */
const MOST_BYTES = 10 * 1024 * 1024;

/** How many characters of an answer are searched for secrets, before the first of them become part of an error. */
const KEPT = 16 * 1024;
const QUOTED = 200;

/**
 * Reads an answer to its end, or to the limit. Returns the beginning of it. The status is known by then, so nothing
 * changes if the rest breaks off or takes too long.
 *
 * @param {Response} response
 */
export async function readToEnd(response) {
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
    // The bytes that came are enough.
  }
  return text;
}

/** Returns the first words of an answer, on one line. @param {string} answer @param {string[]} secrets */
function excerpt(answer, secrets) {
  const line = masked(answer.slice(0, KEPT).replace(/\s+/g, ' ').trim(), secrets).slice(0, QUOTED);
  return line && `(${line})`;
}

/**
 * Returns the result of the job, or throws its error, by the answer that counts.
 *
 * @param {import('./webhook_request.js').Outgoing} request
 * @param {Response} response
 * @param {URL | undefined} target where it redirects to
 * @param {string} answer the beginning of its body
 * @param {string[]} secrets that an error must not quote
 * @param {{ id: string }} job
 */
export function judge(request, response, target, answer, secrets, job) {
  const { status, statusText } = response;
  if (response.ok) return { status };
  const is3xx = status >= 300 && status < 400;
  const about = target ? `(it redirects to ${target.host})` : excerpt(answer, secrets);
  const message = [`${nameOf(request)} answered ${status}`, masked(statusText, secrets), about]
    .filter(Boolean)
    .join(' ');
  if (is3xx && request.redirect === 'accept') {
    // Other redirects say that the work is done. These say that it has to be requested elsewhere.
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
 * Returns the wait that a `Retry-After` header asks for, in ms; the header has seconds or a date. Returns undefined
 * for a wait of 0, and for a date in the past (one of the two clocks is wrong), because such a wait would use up all
 * attempts at once.
 *
 * @param {string | null} header
 */
function retryAfter(header) {
  // A date begins with the name of its day (RFC 9110, 5.6.7). Date.parse would accept "1.5" as well.
  if (!header || !/^(\d+$|Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(header)) return undefined;
  const seconds = Number(header);
  const wait = Number.isNaN(seconds) ? Date.parse(header) - Date.now() : seconds * 1000;
  return wait > 0 ? Math.min(wait, LONGEST_WAIT) : undefined;
}
