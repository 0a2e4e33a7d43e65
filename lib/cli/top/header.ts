import { lasting, rate, short } from '../../view/numbers.js';
import { harmless } from '../../view/text.js';
import type { Look } from '../../view/view.js';
import type { Colours } from '../screen/colours.js';
import { sparkline } from '../screen/sparkline.js';
import { fit, pad, widthOf } from '../screen/width.js';
import { signedVerdict, spread, timeOfDay } from '../status/problems.js';
import { TABS } from './places.js';

/** The most columns for the jobs of the last hour. */
const WIDEST_BARS = 60;

/** Returns the name of the screen, the file, the verdict and the time. */
export function titleLine(look: Look, note: string, columns: number, colours: Colours): string {
  const { health, problems, snapshot } = look;
  const verdict = signedVerdict(problems);
  const right = [...(note === '' ? [] : [note]), verdict, timeOfDay(snapshot.at)].join('  ');
  const line = spread(` queue top  ${harmless(health.file)}`, right, columns);
  const colour = problems.length === 0 ? colours.good : colours.bad;
  return line.replace(verdict, colour(verdict));
}

/** Returns the figures of all jobs. The less important ones are left out where room is short. */
export function countLine({ snapshot, health }: Look, columns: number): string {
  const { counts, at } = snapshot;
  const { lastTick } = health;
  const ago =
    lastTick === undefined ? 'never' : `${lasting(Math.max(0, at.getTime() - lastTick.getTime()))} ago`;
  const isPaused = health.pauses.some(({ type }) => type === '*');
  let parts: [rank: number, text: string][] = [
    ...(isPaused ? ([[0, 'all paused']] as [number, string][]) : []),
    [0, `due ${short(counts.due)}`],
    ...(counts.due > 0 ? ([[2, `oldest ${lasting(counts.oldestDue)}`]] as [number, string][]) : []),
    [4, `later ${short(counts.later + counts.waiting)}`],
    [3, `retry ${short(counts.retrying)}`],
    [0, `run ${short(counts.processing)}`],
    [0, `failed ${short(counts.failed - counts.dismissed)}`],
    [5, `done ${short(counts.completed)}`],
    [1, `worker ${ago}`],
  ];
  const line = (): string => parts.map(([, text]) => text).join('  ');
  for (let rank = 5; rank > 0 && widthOf(line()) > columns; rank--)
    parts = parts.filter(([own]) => own !== rank);
  return fit(line(), columns);
}

/** Returns what happened in the last hour. */
export function hourLine({ snapshot: { hour } }: Look, columns: number): string {
  const p95 = hour.ran.p95 === undefined ? '' : `  p95 ${lasting(hour.ran.p95)}`;
  const figures = `${rate(hour)}  failed ${short(hour.failed)}${p95}`;
  const room = columns - widthOf(figures) - 'last hour  '.length;
  return fit(
    `last hour ${sparkline(hour.minutes, Math.max(5, Math.min(WIDEST_BARS, room)))} ${figures}`,
    columns,
  );
}

/** Returns the worst problem, and how many more there are; empty if all is well. */
export function problemLine({ problems }: Look, columns: number, { bad }: Colours): string {
  const [worst] = problems;
  if (worst === undefined) return '';
  const more = problems.length === 1 ? '' : `and ${problems.length - 1} more: queue status`;
  return bad(spread(`✗ ${harmless(worst.text)}`, more, columns).trimEnd());
}

/** Returns the names of the views, with how many rows each has if there is room. */
export function tabLine({ snapshot }: Look, current: number, columns: number, colours: Colours): string {
  const names = TABS.map(({ name, count }, i) => [` ${i + 1} ${name}`, ` ${count(snapshot)} `] as const);
  const width = names.reduce((sum, [name, count]) => sum + widthOf(name + count), 0);
  const tabs = names.map(([name, count]) => (width <= columns ? name + count : `${name} `));
  const line = fit(tabs.join(''), columns);
  const tab = tabs[current] as string;
  return pad(line.replace(tab, colours.strong(`\x1b[7m${tab}\x1b[27m`)), columns);
}
