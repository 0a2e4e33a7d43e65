import { closeSync, copyFileSync, fsyncSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { check, expectSame, seed } from './checked.js';
import { alternate, run } from './children.js';
import { type Figure, figure } from './figure.js';
import type { Setting } from './setting.js';
import { median } from './statistics.js';

const ours = new URL('./children/drain.js', import.meta.url);
const bare = new URL('./children/drain-bare.js', import.meta.url);

interface Drained {
  ms: number[];
  completed: number[];
  peakMb: number;
  cpuMs: number;
}

/**
 * One processJobs over a queue of due jobs, from the call to its end, in a fresh process: reading the file, claims,
 * handlers, completions and the compaction are in it, and so is the compiling of cold code.
 */
export async function drain({ folder, quick }: Setting): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const durability of ['sync', 'os'] as const) {
    const costs = new Map<number, number>();
    for (const jobs of quick ? [1_000, 10_000, 100_000] : [1_000, 10_000, 100_000, 1_000_000]) {
      const runs = quick || jobs === 1_000_000 ? 3 : 7;
      const { own, yardstick } = await measure(folder, durability, jobs, runs);
      const rate = (all: Drained[]): number => (jobs / median(all.map(({ ms }) => ms[0] as number))) * 1000;
      costs.set(jobs, median(own.map(({ ms }) => ((ms[0] as number) * 1000) / jobs)));
      const what = `drain of ${jobs.toLocaleString('en-US')}, '${durability}'`;
      figures.push(
        figure(
          what,
          { value: rate(own), unit: 'jobs/s' },
          {
            yardstick: {
              what: `read, append twice,${durability === 'sync' ? ' sync,' : ''} rewrite`,
              value: rate(yardstick),
            },
            ...(durability === 'sync' && jobs === 100_000 && { aim: { least: 100_000 } }),
          },
        ),
      );
      if (jobs < 100_000) continue;
      figures.push(
        figure(
          `${what}: peak memory`,
          { value: median(own.map(({ peakMb }) => peakMb)), unit: 'MB' },
          { yardstick: { what: 'the same', value: median(yardstick.map(({ peakMb }) => peakMb)) } },
        ),
      );
    }
    figures.push(...(await growth(folder, durability, costs, quick)));
  }
  return figures;
}

async function measure(
  folder: string,
  durability: string,
  jobs: number,
  runs: number,
): Promise<{ own: Drained[]; yardstick: Drained[] }> {
  const full = join(folder, `${durability}-${jobs}.tsv`);
  const file = join(folder, `${durability}-${jobs}-run.tsv`);
  await seed(full, jobs);
  const once = async (child: URL): Promise<Drained> => {
    copySynced(full, file);
    const drained = await run<Drained>(child, { files: [file], durability });
    expectSame('completed', drained.completed[0], jobs);
    if (child === ours) await check(file, { completed: jobs });
    rmSync(file);
    return drained;
  };
  const { own, yardstick } = await alternate(runs, { own: () => once(ours), yardstick: () => once(bare) });
  rmSync(full);
  return { own, yardstick };
}

/** What lay in the queue before is on the disk already; to write it there is not the drain's work. */
function copySynced(from: string, to: string): void {
  copyFileSync(from, to);
  const fd = openSync(to, 'r+');
  fsyncSync(fd);
  closeSync(fd);
}

/** What a job costs in the largest queue, as against one of 10,000: with cold code, and with code that is warm. */
async function growth(
  folder: string,
  durability: string,
  costs: Map<number, number>,
  quick: boolean,
): Promise<Figure[]> {
  const [largest, cost] = [...costs].at(-1) as [number, number];
  const small = 10_000;
  const warm = await warmCost(folder, durability, small, quick ? 4 : 8);
  const what = `drain, '${durability}': a job of ${largest.toLocaleString('en-US')}`;
  const value = { value: cost, unit: 'µs' } as const;
  const cold = { what: 'one of 10,000, fresh process', value: costs.get(small) as number };
  const aim = durability === 'sync' ? { aim: { ratio: 1.5 } } : {};
  return [
    figure(what, value, { yardstick: cold, ...aim }),
    figure(what, value, { yardstick: { what: 'one of 10,000, warm process', value: warm }, ...aim }),
  ];
}

/** µs a job in a process that has drained such queues before. */
async function warmCost(folder: string, durability: string, jobs: number, queues: number): Promise<number> {
  const files = Array.from({ length: queues }, (_, i) => join(folder, `${durability}-warm-${i}.tsv`));
  for (const file of files) await seed(file, jobs);
  const { ms, completed } = await run<Drained>(ours, { files, durability });
  for (const [i, file] of files.entries()) {
    expectSame('completed', completed[i], jobs);
    await check(file, { completed: jobs });
  }
  return (median(ms.slice(2)) * 1000) / jobs;
}
