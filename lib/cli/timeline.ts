import type { HistoryEntry } from '../view/history.js';
import { lasting } from '../view/numbers.js';
import { firstLine, harmless, isoSeconds } from '../view/text.js';
import type { Colours } from './screen/colours.js';
import type { LooksNow } from './screen/looks.js';
import { fit, pad } from './screen/width.js';

/** Below this width of the terminal, times have no year and no offset. */
const NARROW = 80;
/** The width of a gap: `+1h 26m`. */
const GAP = 8;
/** The length of an error where there is no terminal. */
const LONGEST = 200;

/** Returns the timeline of a job: each entry with its time, and how long after the one before it came. */
export function timelineLines(
  history: readonly HistoryEntry[],
  { now, time, colours, screen }: LooksNow,
): string[] {
  if (history.length === 0) return [];
  const isNarrow = screen !== undefined && screen < NARROW;
  const timeText = (at: Date): string =>
    isNarrow && isoSeconds(at).length === 20 ? time(at).slice(5, 19).replace('T', ' ') : time(at);
  const width = Math.max(...history.map(({ at }) => (at === undefined ? 0 : timeText(at).length)));
  const note = 'earlier attempts are no longer in the file';
  const indent = ' '.repeat(width + GAP + 6);
  const dropped = indent + colours.dim(screen === undefined ? note : fit(note, screen - indent.length));
  let last: number | undefined;
  const firstAttempt = history.findIndex(({ attempt }) => attempt !== undefined);
  const isCut = (history[firstAttempt]?.attempt ?? 1) > 1;
  return [
    'timeline',
    ...history.flatMap((entry, i) => {
      const { at } = entry;
      const ms = at?.getTime() ?? Number.NaN;
      const gap = last === undefined || Number.isNaN(ms) || ms < last ? '' : `+${lasting(ms - last)}`;
      if (!Number.isNaN(ms)) last = ms;
      const start = `  ${pad(at === undefined ? '' : timeText(at), width)}  ${pad(gap, GAP, true)}  `;
      const said = harmless(sayEntry(entry, now));
      const text = screen === undefined ? said : fit(said, screen - start.length);
      const shown = start + (colourOf(entry, colours)?.(text) ?? text);
      return isCut && i === firstAttempt ? [dropped, shown] : [shown];
    }),
  ];
}

/** Says what happened, in a few words. */
function sayEntry({ event, at, attempt, error }: HistoryEntry, now: number): string {
  const number = attempt === undefined ? '' : `attempt ${attempt} `;
  const why = error === undefined ? '' : `: ${firstLine(error, LONGEST)}`;
  switch (event) {
    case 'due':
      return at !== undefined && at.getTime() > now ? `due in ${lasting(at.getTime() - now)}` : 'due';
    case 'ready':
      return 'ready: what it waited for has ended';
    case 'released':
      return `${number}given back by its worker`;
    case 'retrying':
      return `${number}failed, to be tried again${why}`;
    case 'retried':
    case 'promoted':
    case 'dismissed':
      return `${event} by hand`;
    case 'changed':
      return 'changed: another payload, start or options';
    default:
      return `${number}${event}${why}`;
  }
}

const colourOf = (
  { event }: HistoryEntry,
  { good, bad, warn }: Colours,
): ((text: string) => string) | undefined =>
  event === 'completed' ? good : event === 'failed' ? bad : event === 'retrying' ? warn : undefined;
