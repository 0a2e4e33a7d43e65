import { size, toSafeJson } from '../../view/text.js';
import { type Html, html, NOTHING, type Part } from '../html.js';

/** How much of a value a page shows, in characters. */
const MOST = 65_536;

/** How many pieces of a value have colours. */
const MOST_PARTS = 5000;

/** The pattern of what has a colour: a string, that may be cut, and what makes it a name; a number; a word. */
const TOKEN = /("[^"\\]*(?:\\.[^"\\]*)*"?)(\s*:)?|-?\d[\d.eE+-]*|true|false|null/gs;

/** Makes the text of a value, as JSON with colours. It is cut if it is long; `rest` then says where all of it is. */
export function jsonBlock(name: string, value: unknown, rest: Part): Html {
  const text = toSafeJson(value, 2);
  const isCut = text.length > MOST;
  return html`<pre class="block json" tabindex="0" role="region" aria-label="${name}">${coloured(isCut ? text.slice(0, MOST) : text)}${isCut ? '…' : NOTHING}</pre>${
    isCut && html`<p class="dim cut-note">The beginning of ${size(Buffer.byteLength(text))}. ${rest}</p>`
  }`;
}

function coloured(text: string): Part[] {
  const parts: Part[] = [];
  let at = 0;
  // Each piece costs time, and a value may have many.
  for (const { 0: token, 1: string, 2: colon, index } of text.matchAll(TOKEN)) {
    if (parts.length > MOST_PARTS) break;
    if (index > at) parts.push(text.slice(at, index));
    if (string === undefined)
      parts.push(html`<span class="${/^[-\d]/.test(token) ? 'n' : 'w'}">${token}</span>`);
    else parts.push(html`<span class="${colon === undefined ? 's' : 'k'}">${string}</span>`, colon ?? '');
    at = index + token.length;
  }
  return [...parts, text.slice(at)];
}
