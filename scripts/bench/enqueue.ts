import { join } from 'node:path';
import { check, seed } from './checked.js';
import { run } from './children.js';
import { type Figure, figure } from './figure.js';
import type { Setting } from './setting.js';
import { median } from './statistics.js';

const child = new URL('./children/enqueue.js', import.meta.url);

/** One awaited enqueue after another, in a process that has done it before. */
export async function enqueue({ folder, quick }: Setting): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const durability of ['sync', 'os'] as const) {
    for (const jobs of [1_000, 10_000, 100_000]) {
      const file = join(folder, `${durability}-${jobs}`, 'queue.tsv');
      await seed(file, jobs);
      const { times, enqueued } = await run<{ times: Record<string, number[]>; enqueued: number }>(child, {
        file,
        durability,
        blocks: quick ? 4 : 16,
      });
      await check(file, { pending: jobs + enqueued });
      const typical = Object.fromEntries(Object.entries(times).map(([name, all]) => [name, median(all)]));
      const ours = { value: typical.ours as number, unit: 'µs' } as const;
      const what = `enqueue, '${durability}', ${jobs.toLocaleString('en-US')} jobs`;
      if (durability === 'os') {
        const yardstick = {
          what: 'mkdir, token, readdir, append, unlink, rmdir',
          value: typical.bare as number,
        };
        figures.push(figure(what, ours, { yardstick, aim: { ratio: 2 } }));
        continue;
      }
      // Like for like: the queue never lets the event loop wait for the disk, so its sync is awaited too.
      const awaited = { what: 'append, awaited fdatasync', value: typical.awaited as number };
      const blocking = { what: 'append, fdatasyncSync', value: typical.blocking as number };
      figures.push(figure(what, ours, { yardstick: awaited, aim: { ratio: 1.8 } }));
      figures.push(figure(what, ours, { yardstick: blocking }));
    }
  }
  return figures;
}
