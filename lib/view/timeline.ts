import type { HistoryEntry } from './history.js';
import { lasting } from './numbers.js';
import { firstLine } from './text.js';

/** The length of an error. */
const LONGEST = 200;

/** An entry of a job's timeline. */
export interface TimelineEntry extends Pick<HistoryEntry, 'event' | 'at'> {
  /** What happened, in a few words. */
  readonly text: string;
  /** How long after the entry before it came; undefined if that can't be told. */
  readonly gap: string | undefined;
  /** True if attempts before it are no longer in the file. */
  readonly isCut: boolean;
}

/** Says what attempts before an entry that `isCut` are. */
export const CUT_NOTE = 'earlier attempts are no longer in the file';

/** Returns the timeline of a job: each entry with how long after the one before it came. @param now in ms since 1970 */
export function timelineOf(history: readonly HistoryEntry[], now: number): TimelineEntry[] {
  const firstAttempt = history.findIndex(({ attempt }) => attempt !== undefined);
  let last: number | undefined;
  return history.map((entry, i) => {
    const { event, at, attempt = 1 } = entry;
    const ms = at?.getTime() ?? Number.NaN;
    const gap = last === undefined || Number.isNaN(ms) || ms < last ? undefined : lasting(ms - last);
    if (!Number.isNaN(ms)) last = ms;
    return { event, at, text: sayEntry(entry, now), gap, isCut: i === firstAttempt && attempt > 1 };
  });
}

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
    case 'slept':
      return `${number}slept, to go on later`;
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
