import { FIRST_JOBS, type ListPlace, MOST_JOBS, type PagePlace } from './places.js';

/** So many rows before the end of a list, the next ones are read. */
const AHEAD = 100;

/** How far each key goes, for a screen of so many lines. */
function stepOf(key: string, height: number): number | undefined {
  const page = Math.max(1, height - 1);
  const steps: Record<string, number> = {
    ...{ up: -1, k: -1, down: 1, j: 1, pageup: -page, pagedown: page },
    ...{ 'ctrl+b': -page, 'ctrl+f': page, 'ctrl+u': -Math.ceil(page / 2), 'ctrl+d': Math.ceil(page / 2) },
    ...{ g: Number.NEGATIVE_INFINITY, home: Number.NEGATIVE_INFINITY },
    ...{ G: Number.POSITIVE_INFINITY, end: Number.POSITIVE_INFINITY },
  };
  return steps[key];
}

/** Chooses another row of a list. A list of jobs grows where its end comes near. */
export function move(place: ListPlace, key: string, height: number): void {
  const { selection } = place;
  const step = stepOf(key, height);
  if (step === undefined) return;
  selection.moveTo(selection.index + step, place.rows);
  if (step === Number.POSITIVE_INFINITY && place.limit < place.total) {
    place.limit = MOST_JOBS;
    // The row is chosen once it is there.
    selection.goTo(Math.min(place.total, MOST_JOBS) - 1);
  } else if (selection.index >= place.limit - AHEAD)
    place.limit = Math.min(MOST_JOBS, place.limit + FIRST_JOBS);
}

/** Moves the text of a page. */
export function movePage(place: PagePlace, key: string, height: number): void {
  const step = stepOf(key, height);
  if (step === undefined) return;
  // The frame knows where the text ends.
  place.first = Math.max(0, Math.min(place.first + step, Number.MAX_SAFE_INTEGER));
}
