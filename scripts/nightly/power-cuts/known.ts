import { type Entry, parseJournal } from '../../torture/journal.js';

/** The moment of a cut, as the journals see it. */
export interface Moment {
  /** How long each journal was just before it. */
  readonly lengths: readonly number[];
  /** When the cut was over, on the journals' clock. */
  readonly t: number;
}

/** The journals' clock: ms, the same for all processes. */
export const journalTime = (): number => Number(process.hrtime.bigint() / 1000n) / 1000;

/**
 * What a journal says of a disk that lost power while its process was working.
 *
 * What was told before the cut has to be on the disk. What was asked for by then, and told later or never, may be there
 * or not. So questions and ends of handlers from during the cut stay, because they may explain what is there. Answers
 * from then on go. So do beginnings of attempts, because a claim that is lost is made again with the same number.
 *
 * What a process has only seen goes as well: a look at the file shows rows that no sync has covered yet.
 *
 * @param length of the journal just before the cut @param t when the cut was over
 */
export function knownAtCut(journal: Buffer, length: number, t: number): Entry[] {
  const whole = journal.subarray(0, length).lastIndexOf('\n') + 1;
  const known = parseJournal(journal.toString('utf8', 0, whole)).filter(({ e }) => e !== 'seen');
  const during = parseJournal(journal.toString('utf8', whole)).filter((entry) => entry.t <= t);
  const possible = during.filter(({ e }) => e === 'ask' || e === 'end');
  // No call has an effect any more.
  return [...known, ...possible, { t, e: 'up' }];
}

/** How much the entries say was done: a call that was told, or an outcome that was recorded. */
export const acknowledgements = (entries: readonly Entry[]): number =>
  entries.filter(({ e }) => e === 'told' || e === 'recorded').length;
