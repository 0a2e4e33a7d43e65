import type { HistoryEntry } from '../view/history.js';
import { type ShownStep, type StepEntry, stepEntries } from '../view/steps.js';
import { harmless, isoSeconds } from '../view/text.js';
import { CUT_NOTE, type TimelineEntry, timelineOf } from '../view/timeline.js';
import type { Colours } from './screen/colours.js';
import type { LooksNow } from './screen/looks.js';
import { fit, pad } from './screen/width.js';

/** Below this width of the terminal, times have no year and no offset. */
const NARROW = 80;
/** The width of a gap: `+1h 26m`. */
const GAP = 8;

/** Returns the timeline of a job: each entry with its time, and how long after the one before it came. */
export const timelineLines = (history: readonly HistoryEntry[], looks: LooksNow): string[] =>
  timedLines('timeline', timelineOf(history, looks.now), looks);

/** Returns the recorded steps of a job, each with its time, and how long after the one before it was recorded. */
export const stepLines = (steps: readonly ShownStep[], looks: LooksNow): string[] =>
  timedLines('steps', stepEntries(steps, looks.now), looks);

function timedLines(
  title: string,
  entries: readonly (StepEntry | TimelineEntry)[],
  { time, colours, screen }: LooksNow,
): string[] {
  if (entries.length === 0) return [];
  const isNarrow = screen !== undefined && screen < NARROW;
  const timeText = (at: Date): string =>
    isNarrow && isoSeconds(at).length === 20 ? time(at).slice(5, 19).replace('T', ' ') : time(at);
  const width = Math.max(...entries.map(({ at }) => (at === undefined ? 0 : timeText(at).length)));
  const indent = ' '.repeat(width + GAP + 6);
  const dropped =
    indent + colours.dim(screen === undefined ? CUT_NOTE : fit(CUT_NOTE, screen - indent.length));
  return [
    title,
    ...entries.flatMap((entry) => {
      const { at, gap } = entry;
      const before = pad(gap === undefined ? '' : `+${gap}`, GAP, true);
      const start = `  ${pad(at === undefined ? '' : timeText(at), width)}  ${before}  `;
      const said = harmless(entry.text);
      const text = screen === undefined ? said : fit(said, screen - start.length);
      if (!('event' in entry)) return [start + text];
      const shown = start + (colourOf(entry, colours)?.(text) ?? text);
      return entry.isCut ? [dropped, shown] : [shown];
    }),
  ];
}

const colourOf = (
  { event }: TimelineEntry,
  { good, bad, warn }: Colours,
): ((text: string) => string) | undefined =>
  event === 'completed' ? good : event === 'failed' ? bad : event === 'retrying' ? warn : undefined;
