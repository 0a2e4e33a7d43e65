import { html as escaped, raw } from 'hono/html';
import { harmlessLines } from '../view/text.js';

/** A piece of a page. */
export type Html = ReturnType<typeof raw>;

/** What may stand in a page: text, a piece, several of them, or nothing. */
export type Part = string | number | false | undefined | Html | readonly Part[];

/**
 * Makes a piece of a page. Each text in it is escaped, and made harmless first: characters that a reader doesn't see, or
 * that turn the direction of writing, show as `\u202e`.
 *
 * @example html`<td>${job.type}</td>`
 */
export const html = (strings: TemplateStringsArray, ...parts: readonly Part[]): Html =>
  escaped(strings, ...parts.map(shown)) as Html;

/** Makes the text of an attribute, which must be given back as it is: the value of a hidden field, say. */
export const exact = (text: string): Html => escaped`${text}` as Html;

/** A piece of a page with nothing in it. */
export const NOTHING: Html = raw('');

function shown(part: Part): unknown {
  if (part === undefined || part === false) return NOTHING;
  if (Array.isArray(part)) return part.map(shown);
  if (typeof part === 'string') return harmlessLines(part);
  return part;
}
