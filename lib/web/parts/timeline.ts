import type { HistoryEntry } from '../../view/history.js';
import { type ShownStep, stepEntries } from '../../view/steps.js';
import { isoSeconds } from '../../view/text.js';
import { CUT_NOTE, type TimelineEntry, timelineOf } from '../../view/timeline.js';
import { type Html, html } from '../html.js';
import { ago } from './time.js';

/** So many entries have room beside each other. */
const MOST_BESIDE = 5;

/** The colour of an entry. */
const LOOKS: Partial<Record<TimelineEntry['event'], string>> = {
  completed: 'good',
  failed: 'bad',
  retrying: 'warn',
};

/** Makes the timeline of a job. @param now in ms since 1970 */
export function timelinePart(history: readonly HistoryEntry[], now: number): Html {
  const entries = timelineOf(history, now);
  return html`<ol class="timeline${entries.length <= MOST_BESIDE ? ' beside' : ''}">${entries.map((entry) => item({ ...entry, text: capital(entry.text) }, now))}</ol>`;
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** Makes the list of the recorded steps of a job. @param now in ms since 1970 */
export const stepList = (steps: readonly ShownStep[], now: number): Html =>
  html`<ol class="timeline">${stepEntries(steps, now).map((entry) => item({ ...entry, event: 'completed', isCut: false }, now))}</ol>`;

function item({ event, at, text, gap, isCut }: TimelineEntry, now: number): Html {
  const isAhead = at !== undefined && at.getTime() > now;
  return html`<li class="${isAhead ? 'ahead' : (LOOKS[event] ?? 'done')}">${
    gap !== undefined && html`<span class="gap"><span class="visually-hidden">after </span>${gap}</span>`
  }<span class="what">${text}</span>${
    at !== undefined &&
    html`<span class="at">${isoSeconds(at)}${!isAhead && html` <span class="dim">(${ago(at, now)})</span>`}</span>`
  }${isCut && html`<span class="dim note">${CUT_NOTE}</span>`}</li>
`;
}
