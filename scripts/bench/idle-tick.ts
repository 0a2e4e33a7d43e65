import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { check, expectSame, seed } from './checked.js';
import { alternate } from './children.js';
import { type Figure, figure } from './figure.js';
import type { Setting } from './setting.js';
import { median } from './statistics.js';
import { bareEnvironment, root } from './workplace.js';

const empty = fileURLToPath(new URL('./children/empty.mjs', import.meta.url));
const hook = fileURLToPath(new URL('./children/report-usage.cjs', import.meta.url));
const worker = join(root, 'workers/queue_worker.js');
const FINISHED = 10_000;

/** What cron costs each minute while there is nothing to do, as against a Node that does nothing. */
export async function idleTick({ folder, quick }: Setting): Promise<Figure[]> {
  const file = join(folder, 'queue.tsv');
  await seed(file, FINISHED, true);
  await check(file, { completed: FINISHED });
  const size = statSync(file).size;
  const lastTick = (): number => Number(readFileSync(`${file}.tick`, 'utf8').split('\n')[0]);
  const before = lastTick();

  const tick = (script: string, flags: string[] = []): { ms: number; usage: Usage } => {
    const start = performance.now();
    const { status, stdout, stderr, output } = spawnSync(process.execPath, [...flags, script], {
      env: { ...bareEnvironment, QUEUE_FILE: file },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    const ms = performance.now() - start;
    if (status !== 0 || stdout.length + stderr.length > 0)
      throw new Error(`${script} ended with ${status}: ${stdout}${stderr}`);
    return { ms, usage: JSON.parse(String(output[3]) || '{}') };
  };
  const runs = quick ? 20 : 60;
  // The time as cron would see it, nothing of ours inside; memory and processor time in runs of their own.
  const wall = await alternate(runs, { ours: () => tick(worker).ms, bare: () => tick(empty).ms });
  const usage = await alternate(runs, {
    ours: () => tick(worker, ['--require', hook]).usage,
    bare: () => tick(empty, ['--require', hook]).usage,
  });

  if (!(lastTick() > before)) throw new Error('the worker left no tick: it did not look');
  expectSame('size of the queue file', statSync(file).size, size);
  await check(file, { completed: FINISHED });

  const compare = (what: string, unit: 'ms' | 'MB', ours: number[], bare: number[]): Figure =>
    figure(
      `idle tick: ${what}`,
      { value: median(ours), unit },
      { yardstick: { what: 'node empty.mjs', value: median(bare) }, aim: { ratio: 1.25 } },
    );
  const cpu = ({ cpuMs }: Usage): number => cpuMs;
  const peak = ({ peakMb }: Usage): number => peakMb;
  return [
    compare('time', 'ms', wall.ours, wall.bare),
    compare('user + system time', 'ms', usage.ours.map(cpu), usage.bare.map(cpu)),
    compare('peak memory', 'MB', usage.ours.map(peak), usage.bare.map(peak)),
  ];
}

interface Usage {
  cpuMs: number;
  peakMb: number;
}
