import { type Relation, relative } from '../../../view/numbers.js';
import { isMarked } from './busy.js';

/*
 * Times on a page say how long ago they were, and go on saying so.
 */

const EVERY_MS = 1000;
/** Clocks that are less apart than this are the same. An answer tells its time in whole seconds. */
const EXACT_MS = 2000;

/** How far the server's clock is ahead. */
let ahead = 0;

/** Compares the clocks. @param date when the server has answered, as its header says */
export function compareClocks(date: string | null): void {
  const apart = Date.parse(date ?? '') - Date.now();
  ahead = Math.abs(apart) > EXACT_MS ? apart : 0;
}

/** Brings the times up to date every second. */
export function watchTimes(): void {
  setInterval(() => {
    // It would take a person's marks away.
    if (!document.hidden && !isMarked()) tellTimes();
  }, EVERY_MS);
}

function tellTimes(): void {
  const now = Date.now() + ahead;
  for (const time of document.querySelectorAll<HTMLTimeElement>('time[data-rel]')) {
    const text = relative(time.dataset.rel as Relation, Date.parse(time.dateTime), now);
    if (time.textContent !== text) time.textContent = text;
  }
}
