import { join } from 'node:path';
import { expectSame, seed } from './checked.js';
import { run } from './children.js';
import { type Figure, figure } from './figure.js';
import type { Setting } from './setting.js';
import { median } from './statistics.js';

const child = new URL('./children/get.js', import.meta.url);

/** getJob for random ids, in a process that has the queue open and has done it before. */
export async function get({ folder, quick }: Setting): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const jobs of [1_000, 10_000, 100_000]) {
    const file = join(folder, `${jobs}.tsv`);
    await seed(file, jobs);
    const { times, rows, found, asked } = await run<{
      times: { ours: number[]; bare: number[] };
      rows: number;
      found: number;
      asked: number;
    }>(child, { file, blocks: quick ? 10 : 40 });
    expectSame('rows', rows, jobs);
    expectSame('jobs found', found, asked);
    figures.push(
      figure(
        `getJob, ${jobs.toLocaleString('en-US')} jobs`,
        { value: median(times.ours), unit: 'µs' },
        {
          yardstick: { what: 'stat, read, JSON.parse', value: median(times.bare) },
          ...(jobs === 100_000 && { aim: { most: 50 } }),
        },
      ),
    );
  }
  return figures;
}
