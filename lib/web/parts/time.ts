import { type Relation, relative } from '../../view/numbers.js';
import { isoSeconds } from '../../view/text.js';
import { type Html, html } from '../html.js';

/** A time, or its ms since 1970. */
type Moment = Date | number;

/** Makes the text that says how long ago a time was: `3m 24s ago`. */
export const ago = (time: Moment, now: Moment): Html => piece('ago', time, now);

/** Makes the text that says when a time comes: `in 3m 24s`, or `now` once it is past. */
export const until = (time: Moment, now: Moment): Html => piece('until', time, now);

/** Makes the text that says how long something has lasted that began at a time: `3m 24s`. */
export const lasting = (since: Moment, now: Moment): Html => piece('lasting', since, now);

/**
 * Makes a time that the page's script brings up to date: it calls {@link relative} with `data-rel`, `datetime` and its
 * own clock, and gets the same text as here. The exact time is in the title.
 */
function piece(relation: Relation, time: Moment, now: Moment): Html {
  const exactly = new Date(time);
  if (Number.isNaN(exactly.getTime())) return html`<span class="dim">–</span>`;
  const text = relative(relation, exactly.getTime(), Number(now));
  return html`<time datetime="${exactly.toISOString()}" data-rel="${relation}" title="${isoSeconds(exactly)}">${text}</time>`;
}
