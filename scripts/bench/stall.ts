import { join } from 'node:path';
import { check } from './checked.js';
import { run } from './children.js';
import { type Figure, figure } from './figure.js';
import type { Setting } from './setting.js';
import { median } from './statistics.js';

const child = new URL('./children/stall.ts', import.meta.url);
const JOBS = 1000;

/** How long the event loop stands still at the longest, while 1,000 jobs go to a disk whose syncs take 50 ms more. */
export async function stall({ folder, quick }: Setting): Promise<Figure[]> {
  const file = join(folder, 'queue.tsv');
  const { stalls, enqueued, syncs } = await run<{
    stalls: Record<'nothing' | 'atOnce' | 'inFlight', number[]>;
    enqueued: number;
    syncs: number;
  }>(child, { file, jobs: JOBS, rounds: quick ? 5 : 15 }, ['--import', 'tsx']);
  if (syncs === 0) throw new Error('no sync was slowed down');
  await check(file, { pending: enqueued });
  const compare = (what: string, all: number[]): Figure[] => {
    const yardstick = { what: 'nothing to do', value: median(stalls.nothing) };
    return [
      figure(
        `longest stall, ${what}`,
        { value: median(all.slice(1)), unit: 'ms' },
        { yardstick, aim: { most: 5 } },
      ),
      figure(`longest stall, ${what}, code cold`, { value: all[0] as number, unit: 'ms' }, { yardstick }),
    ];
  };
  return [
    ...compare(`${JOBS} enqueued at once`, stalls.atOnce),
    ...compare(`${JOBS} enqueued, 50 in flight`, stalls.inFlight),
  ];
}
