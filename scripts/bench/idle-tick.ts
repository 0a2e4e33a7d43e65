import { join } from 'node:path';
import { check, seed } from './checked.js';
import { type Figure, figure } from './figure.js';
import type { Setting } from './setting.js';
import { median } from './statistics.js';
import { ticks } from './ticks.js';

const FINISHED = 10_000;

/** What cron costs each minute while there is nothing to do, as against a Node that does nothing. */
export async function idleTick({ folder, quick }: Setting): Promise<Figure[]> {
  const file = join(folder, 'queue.tsv');
  await seed(file, FINISHED, true);
  await check(file, { completed: FINISHED });
  const { ours, bare } = await ticks(file, quick ? 20 : 60);
  await check(file, { completed: FINISHED });

  const compare = (what: string, unit: 'ms' | 'MB', kind: 'ms' | 'cpuMs' | 'peakMb'): Figure =>
    figure(
      `idle tick: ${what}`,
      { value: median(ours[kind]), unit },
      { yardstick: { what: 'node empty.mjs', value: median(bare[kind]) }, aim: { ratio: 1.25 } },
    );
  return [
    compare('time', 'ms', 'ms'),
    compare('user + system time', 'ms', 'cpuMs'),
    compare('peak memory', 'MB', 'peakMb'),
  ];
}
