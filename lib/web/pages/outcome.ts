import type { Asked } from '../asked.js';
import { type Html, html } from '../html.js';
import { page } from './layout.js';

/** What a page says of a change that was not made as it was asked for. */
export interface Failure {
  /** One sentence without a full stop. */
  readonly title: string;
  readonly reason: string;
  /** The path to return to. */
  readonly back: string;
}

/** Makes the page that says what became of a change, and why it is less than was asked for. */
export const outcomePage = (asked: Asked, { title, reason, back }: Failure): Html =>
  page(
    asked,
    { title, tab: 'jobs', isLive: false },
    html`<section class="card refusal"><h1>${title}</h1><p>${reason.charAt(0).toUpperCase()}${reason.slice(1)}${/[.!?]$/.test(reason) ? '' : '.'}</p>
<p class="bar"><a class="button" href="${back}">Go back</a></p></section>`,
  );
