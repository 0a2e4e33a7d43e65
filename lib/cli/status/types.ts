import { lasting, short } from '../../view/numbers.js';
import type { TypeSnapshot } from '../../view/snapshot.js';
import { harmless } from '../../view/text.js';
import type { Colours } from '../screen/colours.js';
import { sparkline } from '../screen/sparkline.js';
import { type Column, tableLines } from '../screen/table.js';

const time = (ms: number | undefined): string => (ms === undefined ? '–' : (lasting(ms).split(' ')[0] ?? ''));

/** Returns the table of types, with the columns that fit. */
export function typeLines(types: readonly TypeSnapshot[], columns: number, { bad, warn }: Colours): string[] {
  const number = (
    head: string,
    value: (type: TypeSnapshot) => number,
    rank: number,
    colour?: (cell: string) => string,
  ): Column<TypeSnapshot> => ({
    head,
    rank,
    isRight: true,
    cell: (type) => short(value(type)),
    ...(colour !== undefined && { colour: (type: TypeSnapshot) => (value(type) > 0 ? colour : undefined) }),
  });
  const duration = (
    head: string,
    value: (type: TypeSnapshot) => number | undefined,
    rank: number,
  ): Column<TypeSnapshot> => ({ head, rank, isRight: true, cell: (type) => time(value(type)) });
  return tableLines(
    types,
    [
      { head: 'TYPE', cell: ({ name }) => harmless(name), least: 20 },
      number('DUE', ({ counts }) => counts.due, 0, warn),
      duration('OLDEST', ({ counts }) => (counts.due > 0 ? counts.oldestDue : undefined), 3),
      number('LATER', ({ counts }) => counts.later, 7),
      number('RETRY', ({ counts }) => counts.retrying, 4),
      number('RUN', ({ counts }) => counts.processing, 1),
      number('OK/H', ({ hour }) => hour.completed, 0),
      number('FAIL/H', ({ hour }) => hour.failed, 0, bad),
      duration('P50', ({ hour }) => hour.ran.p50, 5),
      duration('P95', ({ hour }) => hour.ran.p95, 2),
      duration('WAIT', ({ hour }) => hour.waited.p50, 8),
      number('FAILED', ({ counts }) => counts.failed - counts.dismissed, 6),
      { head: 'LAST HOUR', rank: 9, cell: ({ hour }) => sparkline(hour.minutes, 30) },
    ],
    columns,
  );
}
