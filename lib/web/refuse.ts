import { type Html, html } from './html.js';
import { barePage } from './pages/bare.js';

/** True for an address that programs ask, so that they get JSON, and people a page. */
export const isForPrograms = (path: string, base: string): boolean =>
  /^\/(api(\/|$)|(metrics|healthz)\/?$)/.test(path.slice(base.length));

/** Names a refusal for programs. */
export const codeOf = (status: number): string => CODES[status] ?? 'INVALID_ARGUMENT';

const CODES: Readonly<Record<number, string>> = {
  401: 'NO_ACCESS',
  403: 'NO_ACCESS',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  413: 'BODY_TOO_LARGE',
  500: 'INTERNAL',
};

/** Why a request can't be met. */
export interface Refusal {
  readonly status: number;
  /** The heading of the page. */
  readonly title: string;
  readonly message: string;
  /** What follows the message on a page. */
  readonly more?: Html;
}

/** Refuses a request of a visitor that may see nothing of the queue: in JSON to programs, to people as a page. */
export function refuse({ url }: Request, base: string, { status, title, message, more }: Refusal): Response {
  if (isForPrograms(new URL(url).pathname, base))
    return Response.json({ error: message, code: codeOf(status) }, { status });
  const page = barePage(title, html`<p>${message}</p>\n${more}`);
  return new Response(String(page), { status, headers: { 'content-type': 'text/html; charset=UTF-8' } });
}
