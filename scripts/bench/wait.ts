import { join } from 'node:path';
import { check } from './checked.js';
import { alternate, run } from './children.js';
import { type Figure, figure } from './figure.js';
import type { Setting } from './setting.js';
import { median, quantile } from './statistics.js';

const JOBS = 250;
const WARM_UP = 20;
const GAP_MS = 40;

/**
 * From the end of a handler to the moment at which waitForJob resolves: the commit of the ending and its sync are in it.
 * The worker is in the process that waits, or in another one.
 */
export async function wait({ folder, quick }: Setting): Promise<Figure[]> {
  let count = 0;
  const delaysOf = async (works: boolean): Promise<number[]> => {
    const file = join(folder, `waited-${count++}.tsv`);
    const waiter = run<{ delays: number[] }>(new URL('./children/waiter.js', import.meta.url), {
      ...{ file, jobs: JOBS, gapMs: GAP_MS, works },
    });
    const worker = works ? undefined : run(new URL('./children/wait-worker.js', import.meta.url), { file });
    const [{ delays }] = await Promise.all([waiter, worker]);
    await check(file, { completed: WARM_UP + JOBS + 1 });
    return delays;
  };
  const results = await alternate(quick ? 1 : 3, {
    'the same process': () => delaysOf(true),
    'another process': () => delaysOf(false),
  });
  return Object.entries(results).flatMap(([where, runs]) =>
    ([0.5, 0.99] as const).map((share) => {
      const value = median(runs.map((delays) => quantile(delays, share)));
      return figure(
        `waitForJob, worker in ${where}, p${share * 100}`,
        { value, unit: 'ms' },
        { aim: { most: share === 0.5 ? 5 : 50 } },
      );
    }),
  );
}
