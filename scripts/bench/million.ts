import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { check, expectSame, seed } from './checked.js';
import { alternate, run } from './children.js';
import { type Aim, type Figure, figure, type Unit } from './figure.js';
import type { Setting } from './setting.js';
import { median, quantile } from './statistics.js';
import { empty, runBare, ticks } from './ticks.js';
import { root } from './workplace.js';

const child = new URL('./children/million.js', import.meta.url);
const MILLION = 1_000_000;
const CANCELS = 500;

interface Asked {
  first: number;
  gets: number[];
  found: number;
  cancelTimes: number[];
  cancelled: number;
  stats: number;
}

/** A queue that has grown large: a million jobs that are finished, and a million that wait. */
export async function million({ folder, quick }: Setting): Promise<Figure[]> {
  if (quick) return [];
  const file = join(folder, 'queue.tsv');
  await seed(file, MILLION, true);
  await check(file, { completed: MILLION });
  const finished = [
    ...(await idle(file)),
    ...(await statsCommand(file, 'finished')),
    ...(await asked(file, 0)),
  ];
  rmSync(file);
  await seed(file, MILLION);
  const waiting = [...(await statsCommand(file, 'waiting')), ...(await asked(file, CANCELS))];
  await check(file, { pending: MILLION - CANCELS, cancelled: CANCELS });
  return [...finished, ...waiting];
}

async function idle(file: string): Promise<Figure[]> {
  const { ours, bare } = await ticks(file, 20);
  const compare = (what: string, unit: Unit, kind: 'ms' | 'peakMb', more: number): Figure => {
    const value = median(bare[kind]);
    return figure(
      `idle tick at 1,000,000 finished: ${what}`,
      { value: median(ours[kind]), unit },
      { yardstick: { what: 'node empty.mjs', value }, aim: { most: more } },
    );
  };
  return [
    compare('time', 'ms', 'ms', 150),
    compare('peak memory', 'MB', 'peakMb', Math.round(median(bare.peakMb)) + 64),
  ];
}

/** The command from its start to its end. */
async function statsCommand(file: string, state: 'finished' | 'waiting'): Promise<Figure[]> {
  const command = [join(root, 'dist/cli.js'), 'stats', '--file', file, '--json'];
  const once = (asks: boolean) => {
    const measured = runBare(command, {}, asks);
    expectSame('jobs in queue stats', JSON.parse(measured.stdout).total, MILLION);
    return measured;
  };
  const { ours, bare } = await alternate(7, {
    ours: () => once(false),
    bare: () => runBare([empty], {}, false),
  });
  const what = `queue stats, 1,000,000 ${state}`;
  const yardstick = { what: 'node empty.mjs', value: median(bare.map(({ ms }) => ms)) };
  return [
    figure(what, { value: median(ours.map(({ ms }) => ms)), unit: 'ms' }, { yardstick, aim: { most: 1000 } }),
    figure(`${what}: peak memory`, { value: once(true).usage.peakMb, unit: 'MB' }),
  ];
}

/** One process that looks at jobs and cancels some. */
async function asked(file: string, cancels: number): Promise<Figure[]> {
  const runs: Asked[] = [];
  // What was cancelled once stays so.
  for (let i = 0; i < (cancels > 0 ? 1 : 3); i++) {
    const told = await run<Asked>(child, { file, ids: 5_000, cancels });
    expectSame('jobs found', told.found, told.gets.length);
    expectSame('jobs cancelled', told.cancelled, cancels);
    runs.push(told);
  }
  const state = cancels > 0 ? 'waiting' : 'finished';
  const line = (what: string, unit: Unit, of: (told: Asked) => number, aim?: Aim): Figure =>
    figure(`${what}, 1,000,000 ${state}`, { value: median(runs.map(of)), unit }, aim && { aim });
  const looks = [
    line('getJob, the first of a process', 'ms', ({ first }) => first),
    line('getJob, then', 'µs', ({ gets }) => median(gets) * 1000, { most: 50 }),
    line('stats(), then', 'ms', ({ stats }) => stats),
  ];
  if (cancels === 0) return looks;
  return [
    ...looks,
    line('cancelJob, the first of a process', 'ms', ({ cancelTimes }) => cancelTimes[0] as number),
    line('cancelJob, then', 'ms', ({ cancelTimes }) => median(cancelTimes.slice(1)), { most: 2 }),
    line('cancelJob, then, p99', 'ms', ({ cancelTimes }) => quantile(cancelTimes.slice(1), 0.99)),
  ];
}
