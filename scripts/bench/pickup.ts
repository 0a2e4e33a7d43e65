import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { check, expectSame } from './checked.js';
import { alternate, run } from './children.js';
import { type Figure, figure } from './figure.js';
import type { Setting } from './setting.js';
import { median, quantile } from './statistics.js';

const JOBS = 250;
const WARM_UP = 20;
const GAP_MS = 40;

/**
 * From the call of enqueue in one process to the start of the handler in another that lingers. Both read the same
 * clock: CLOCK_MONOTONIC, which counts from the start of the machine.
 */
export async function pickup({ folder, quick }: Setting): Promise<Figure[]> {
  let count = 0;
  const ours = async (): Promise<number[]> => {
    const file = join(folder, `queue-${count++}.tsv`);
    const delays = await pair(
      new URL('./children/pickup-worker.js', import.meta.url),
      new URL('./children/pickup-producer.js', import.meta.url),
      file,
    );
    await check(file, { completed: WARM_UP + JOBS + 1 });
    return delays;
  };
  const bare = async (): Promise<number[]> => {
    const file = join(folder, `watched-${count++}`);
    writeFileSync(file, '');
    return pair(
      new URL('./children/watch-worker.js', import.meta.url),
      new URL('./children/watch-producer.js', import.meta.url),
      file,
    );
  };
  const results = await alternate(quick ? 1 : 3, { ours, bare });
  return ([0.5, 0.99] as const).map((share) => {
    const typical = (runs: number[][]): number => median(runs.map((delays) => quantile(delays, share)));
    return figure(
      `pickup with linger, p${share * 100}`,
      { value: typical(results.ours), unit: 'ms' },
      {
        yardstick: { what: 'watch, read, append, fdatasync', value: typical(results.bare) },
        aim: { most: share === 0.5 ? 5 : 50 },
      },
    );
  });
}

/** Runs the two beside each other. @returns the delays, in ms */
async function pair(worker: URL, producer: URL, file: string): Promise<number[]> {
  const [{ started }, { asked }] = await Promise.all([
    run<{ started: [string | number, number][] }>(worker, { file }),
    run<{ asked: [number, number][] }>(producer, { file, jobs: JOBS, gapMs: GAP_MS }),
  ]);
  const starts = new Map(started);
  expectSame('jobs asked for', asked.length, JOBS);
  return asked.map(([n, at]) => {
    const start = starts.get(n);
    if (start === undefined) throw new Error(`job ${n} was never started`);
    return (start - at) / 1e6;
  });
}
