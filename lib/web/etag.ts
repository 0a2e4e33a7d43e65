import { createHash } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';

/** A piece of a page that says how long ago a time is: only the clock changes its text. In texts, `<` is escaped. */
const TIME_TEXT = /(<time\b[^>]*>)[^<]*/g;
/** The answers that a page asks for again and again. */
const POLLED = /^(text\/html|application\/json)\b/;

/** Returns the tag of a text, as the header has it. It is weak, because answers that differ only by the clock share it. */
export const etagOf = (text: string): string =>
  `W/"${createHash('sha256').update(text).digest('base64url').slice(0, 27)}"`;

/**
 * Answers 304 to a client that has this answer already. Answers are `no-store`, so browsers keep none; the pages' script
 * remembers the tag of what it shows. A handler may have set another tag before.
 */
export const etag: MiddlewareHandler = async (request, next) => {
  await next();
  const { req, res } = request;
  if (req.method !== 'GET' && req.method !== 'HEAD') return;
  const type = res.headers.get('content-type') ?? '';
  if (res.status !== 200 || !POLLED.test(type)) return;
  const body = await res.text();
  // JSON may have any text, also one that looks like a piece of a page.
  const timeless = type.startsWith('text/html') ? body.replace(TIME_TEXT, '$1') : body;
  const tag = res.headers.get('etag') ?? etagOf(timeless);
  const isKnown = isIn(req.header('if-none-match'), tag);
  const headers = new Headers(res.headers);
  headers.set('etag', tag);
  if (isKnown) for (const name of ['content-type', 'content-length']) headers.delete(name);
  request.res = undefined;
  request.res = new Response(isKnown ? null : body, { status: isKnown ? 304 : 200, headers });
};

function isIn(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  const strong = (each: string): string => each.trim().replace(/^W\//, '');
  return header.trim() === '*' || header.split(',').some((each) => strong(each) === strong(tag));
}
