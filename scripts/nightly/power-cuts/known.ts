import { type Entry, parseJournal } from '../../torture/journal.js';

/** The moment of a cut, by the journals. */
export interface Moment {
  /** The length of each journal just before the cut. */
  readonly lengths: readonly number[];
  /** When the cut was over, on the journals' clock. */
  readonly t: number;
}

/** Returns the time of the journals' clock, in ms; it is the same for all processes. */
export const journalTime = (): number => Number(process.hrtime.bigint() / 1000n) / 1000;

/**
 * Returns the entries of a journal that count for a disk that lost power while the process was working.
 *
 * Calls answered before the cut have to be on the disk. Calls requested by then, and answered later or never, may be on
 * it. So questions and ends of handlers from during the cut stay, because they may explain rows on the disk. Answers
 * from then on are dropped. So are beginnings of attempts, because a lost claim is made again with the same number.
 *
 * Entries that a process has only seen are dropped as well, because a read shows rows that no sync has covered yet.
 *
 * @param length of the journal just before the cut @param t when the cut was over
 */
export function knownAtCut(journal: Buffer, length: number, t: number): Entry[] {
  const whole = journal.subarray(0, length).lastIndexOf('\n') + 1;
  const known = parseJournal(journal.toString('utf8', 0, whole)).filter(({ e }) => e !== 'seen');
  const during = parseJournal(journal.toString('utf8', whole)).filter((entry) => entry.t <= t);
  const possible = during.filter(({ e }) => e === 'ask' || e === 'end');
  // From now on the calls of the old processes have no effect.
  return [...known, ...possible, { t, e: 'up' }];
}

/** Counts the calls that were answered and the outcomes that were recorded. */
export const acknowledgements = (entries: readonly Entry[]): number =>
  entries.filter(({ e }) => e === 'told' || e === 'recorded').length;
