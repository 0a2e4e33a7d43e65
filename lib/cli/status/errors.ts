import { lasting } from '../../view/numbers.js';
import type { FailureSnapshot } from '../../view/snapshot.js';
import { harmless } from '../../view/text.js';
import type { Column } from '../screen/table.js';

/** Returns the columns of a table of error groups. @param at when the groups were found */
export const errorColumns = (at: Date): Column<FailureSnapshot>[] => [
  { head: 'ID', cell: ({ id }) => id },
  { head: 'HOUR', isRight: true, rank: 3, cell: ({ lastHour }) => String(lastHour) },
  { head: 'ALL', isRight: true, cell: ({ jobs }) => String(jobs) },
  {
    head: 'NEWEST',
    isRight: true,
    rank: 1,
    cell: ({ newest }) =>
      Number.isNaN(newest.getTime()) ? '' : `${lasting(Math.max(0, at.getTime() - newest.getTime()))} ago`,
  },
  { head: 'TYPES', rank: 2, least: 12, cell: ({ types }) => harmless(types.join(', ')) },
  { head: 'ERROR', least: 20, cell: ({ text }) => harmless(text) },
];
