import { lasting } from '../../view/numbers.js';
import type { Look } from '../../view/view.js';
import { fit } from '../screen/width.js';
import { factLines } from './facts.js';
import { failureLines, retryLines, runningLines, type Screen } from './jobs.js';
import { verdictLines } from './problems.js';
import { typeLines } from './types.js';

/** Returns the lines of `queue status`, none wider than the screen. */
export function screenLines(look: Look, screen: Screen): string[] {
  const { snapshot } = look;
  const { columns, colours } = screen;
  return [
    ...verdictLines(look, columns, colours),
    '',
    ...factLines(snapshot, workerOf(look), columns),
    '',
    ...(snapshot.types.length > 0 ? [...typeLines(snapshot.types, columns, colours), ''] : []),
    ...runningLines(snapshot, screen),
    ...retryLines(snapshot, screen),
    ...failureLines(snapshot, screen),
    colours.dim(fit('queue show ID · queue errors · queue retry ID · queue list --status failed', columns)),
  ];
}

/** Says when a worker looked last, and how many are at work. */
function workerOf({ snapshot, health }: Look): string {
  const { lastTick } = health;
  if (lastTick === undefined) return 'never';
  const ago = lasting(Math.max(0, snapshot.at.getTime() - lastTick.getTime()));
  return `${ago} ago, ${snapshot.counts.processing} running`;
}
