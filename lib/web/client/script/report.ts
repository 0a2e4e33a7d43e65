/* What a report does: it says how old it is, turns red if it is too old, and loads itself again. */
import { relative } from '../../../view/numbers.js';

const { body } = document;
const time = document.querySelector<HTMLTimeElement>('#written time');
const warning = document.querySelector<HTMLElement>('.stale');

function show(): void {
  if (time === null || warning === null) return;
  const at = Date.parse(time.dateTime);
  time.textContent = relative('ago', at, Date.now());
  const isStale = Date.now() - at > Number(body.dataset.staleAfter);
  body.classList.toggle('old', isStale);
  // Set only once, because each change is told by screen readers.
  if (warning.hidden === isStale) warning.hidden = !isStale;
}

/** Loads the page again, unless a person reads a fold of it, or has marked some of it. */
function reload(): void {
  const isRead = document.querySelector('details[open]') !== null || getSelection()?.isCollapsed === false;
  if (!isRead && !document.hidden) location.reload();
}

show();
setInterval(show, 1000);
setInterval(reload, 60_000);
