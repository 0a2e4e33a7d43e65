import { errorLinesOf } from '../../view/job-text.js';
import { type Html, html } from '../html.js';

/** How much of an error a page shows, in characters. An edit by hand may leave a long one. */
const MOST = 65_536;

/** Makes the text of an error: what failed stands out, and the frames of the stack stand back. */
export const errorBlock = (error: string): Html =>
  html`<pre class="block error" tabindex="0" role="region" aria-label="Error">${errorLinesOf(
    error.slice(0, MOST),
  ).map(({ text, kind }) => html`<span class="${kind}">${text}</span>\n`)}</pre>`;
