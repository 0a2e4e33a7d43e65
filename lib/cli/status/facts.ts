import { lasting, rate, short } from '../../view/numbers.js';
import type { Snapshot } from '../../view/snapshot.js';
import { sparkline } from '../screen/sparkline.js';
import { pad, widthOf } from '../screen/width.js';

/** The width of a fact's name. */
const NAME = 10;
/** The width of one fact beside others. */
const FACT = 40;

/** Returns the figures of all jobs, as many beside each other as fit. @param worker what is known of the worker */
export function factLines({ counts, hour }: Snapshot, worker: string, columns: number): string[] {
  const { due, oldestDue, later, retrying, completed, failed, cancelled, waiting, dismissed } = counts;
  const took =
    hour.ran.p50 === undefined || hour.ran.p95 === undefined
      ? 'no job ended'
      : `half ≤ ${lasting(hour.ran.p50)}, 95% ≤ ${lasting(hour.ran.p95)}`;
  const facts: [name: string, text: string][] = [
    ['Worker', worker],
    ['Waiting', due === 0 ? 'nothing due' : `${short(due)} due, oldest ${lasting(oldestDue)}`],
    [
      'Later',
      `${short(later)} planned, ${short(retrying)} retrying${waiting > 0 ? `, ${short(waiting)} waiting` : ''}`,
    ],
    ['Last hour', `${short(hour.completed)} ok, ${short(hour.failed)} failed`],
    ['Took', took],
    [
      'Kept',
      `${short(completed)} done, ${short(failed)} failed${dismissed > 0 ? ` (${short(dismissed)} dismissed)` : ''}` +
        (cancelled > 0 ? `, ${short(cancelled)} cancelled` : ''),
    ],
  ];
  const beside = Math.max(1, Math.min(3, Math.floor(columns / FACT)));
  const lines: string[] = [];
  for (let i = 0; i < facts.length; i += beside) {
    const cells = facts.slice(i, i + beside).map(([name, text]) => pad(name, NAME) + text);
    // A fact that is longer than its place takes a line of its own.
    const room = (k: number): number =>
      k < cells.length - 1 ? FACT - 1 : columns - FACT * (cells.length - 1);
    if (cells.some((cell, k) => widthOf(cell) > room(k))) lines.push(...cells);
    else
      lines.push(
        cells
          .map((cell) => pad(cell, FACT))
          .join('')
          .trimEnd(),
      );
  }
  const pace = rate(hour);
  const bars = sparkline(hour.minutes, Math.max(10, columns - NAME - pace.length - 1));
  return [...lines, `${pad('A minute', NAME)}${bars} ${pace}`];
}
