import { short } from '../../view/numbers.js';
import { type Problem, verdictOf } from '../../view/problems.js';
import { harmless, isoSeconds, size } from '../../view/text.js';
import type { Look } from '../../view/view.js';
import type { Colours } from '../screen/colours.js';
import { fit, pad, widthOf, wrap } from '../screen/width.js';

/** Says in a few words how the queue is doing, after a sign. */
export const signedVerdict = (problems: readonly Problem[]): string =>
  `${problems.length === 0 ? '✓' : '✗'} ${verdictOf(problems)}`;

/** Formats the time of a look: `18:07:24 UTC`. */
export const timeOfDay = (time: Date): string => `${time.toISOString().slice(11, 19)} UTC`;

/** Returns the verdict, the file, and each problem with what to do. */
export function verdictLines(
  { snapshot, health, problems }: Look,
  columns: number,
  colours: Colours,
): string[] {
  const { good, bad, warn, dim, strong } = colours;
  const verdict = signedVerdict(problems);
  const time = timeOfDay(snapshot.at);
  const gap = ' '.repeat(Math.max(1, columns - widthOf(verdict) - time.length));
  const lines = [
    `${strong((problems.length === 0 ? good : bad)(verdict))}${gap}${dim(time)}`,
    dim(fit(`  ${harmless(health.file)}  ${size(health.bytes)}, ${short(snapshot.total)} jobs`, columns)),
  ];
  for (const { text, hint } of problems) {
    const [first = '', ...rest] = wrap(harmless(text), columns - 4);
    lines.push(`  ${warn('!')} ${first}`, ...rest.map((line) => `    ${line}`));
    // Never cut, because it has a command to copy.
    const [doThis = '', ...more] = hint === undefined ? [] : wrap(harmless(hint), columns - 6);
    if (doThis !== '') lines.push(...[`    → ${doThis}`, ...more.map((line) => `      ${line}`)].map(dim));
  }
  return [...lines, ...pauseLines(health.pauses, columns)];
}

/** Returns a line for each pause. It is no problem, but may be why jobs wait. */
function pauseLines(pauses: Look['health']['pauses'], columns: number): string[] {
  return pauses.flatMap(({ type, since, until, by }) => {
    const what = type === '*' ? 'all jobs' : harmless(type);
    const end = until === undefined ? '' : `, until ${isoSeconds(until)}`;
    const who = by === undefined ? '' : ` by ${harmless(by)}`;
    const resume = type === '*' ? 'queue resume' : `queue resume ${harmless(type)}`;
    const [first = '', ...rest] = wrap(
      `${what} paused${who} since ${isoSeconds(since)}${end}: ${resume}`,
      columns - 4,
    );
    return [`  · ${first}`, ...rest.map((line) => `    ${line}`)];
  });
}

/** A section's title, with how many there are. */
export const titleLine = (title: string, count: number | undefined, { strong, dim }: Colours): string =>
  `${strong(title)}${count === undefined ? '' : ` ${dim(short(count))}`}`;

/** Fills a text up at the right, before a text that stands at the end of the line. */
export const spread = (left: string, right: string, columns: number): string =>
  `${pad(fit(left, columns - widthOf(right) - 2), columns - widthOf(right))}${right}`;
