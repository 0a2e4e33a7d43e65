import { join } from 'node:path';
import { check, expectSame } from './checked.js';
import { alternate, run } from './children.js';
import { type Figure, figure } from './figure.js';
import type { Setting } from './setting.js';
import { median } from './statistics.js';

const child = new URL('./children/bulk.js', import.meta.url);
const JOBS = 100_000;

/** One enqueueMany into an empty queue, in a fresh process: the code is cold, and the file has to be made. */
export async function bulk({ folder, quick }: Setting): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const durability of ['sync', 'os'] as const) {
    let count = 0;
    const once = async (bare: boolean): Promise<number> => {
      const file = join(folder, `${durability}-${count++}.tsv`);
      const { ms, ids } = await run<{ ms: number; ids: number }>(child, {
        file,
        durability,
        jobs: JOBS,
        bare,
      });
      expectSame('ids', ids, JOBS);
      if (!bare) await check(file, { pending: JOBS });
      return (JOBS / ms) * 1000;
    };
    const { ours, bare } = await alternate(quick ? 3 : 7, {
      ours: () => once(false),
      bare: () => once(true),
    });
    figures.push(
      figure(
        `enqueueMany of ${JOBS.toLocaleString('en-US')}, '${durability}'`,
        { value: median(ours), unit: 'jobs/s' },
        {
          yardstick: { what: `JSON, one write${durability === 'sync' ? ', sync' : ''}`, value: median(bare) },
          aim: { least: 200_000 },
        },
      ),
    );
  }
  return figures;
}
