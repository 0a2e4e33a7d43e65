import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expectSame } from './checked.js';
import { alternate } from './children.js';
import { bareEnvironment, root } from './workplace.js';

/** A program that does nothing. */
export const empty: string = fileURLToPath(new URL('./children/empty.mjs', import.meta.url));
const hook = fileURLToPath(new URL('./children/report-usage.cjs', import.meta.url));
const worker = join(root, 'workers/queue_worker.js');

/** What a program took from its start to its end: ms as its caller saw it, or what it says itself of time and memory. */
export interface Measured {
  readonly ms: number;
  readonly usage: { readonly cpuMs: number; readonly peakMb: number };
  readonly stdout: string;
}

/** Runs a program as cron would. @param asks has it say what it used, which takes a little itself */
export function runBare(args: readonly string[], env: NodeJS.ProcessEnv, asks: boolean): Measured {
  const start = performance.now();
  const { status, stdout, stderr, output } = spawnSync(
    process.execPath,
    [...(asks ? ['--require', hook] : []), ...args],
    { env: { ...bareEnvironment, ...env }, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] },
  );
  const ms = performance.now() - start;
  if (status !== 0 || stderr.length > 0)
    throw new Error(`${args.join(' ')} ended with ${status}: ${stdout}${stderr}`);
  return { ms, usage: JSON.parse(String(output[3]) || '{}'), stdout: String(stdout) };
}

/**
 * A worker's run over a queue in which nothing is due, and a Node that does nothing, in turn. The time is as cron would
 * see it, nothing of ours inside; memory and processor time come from runs of their own.
 */
export async function ticks(file: string, runs: number): Promise<Record<'ours' | 'bare', Ticks>> {
  const size = statSync(file).size;
  const lastTick = (): number => Number(readFileSync(`${file}.tick`, 'utf8').split('\n')[0]);
  const before = lastTick();
  const tick = (script: string, asks: boolean): Measured => {
    const measured = runBare([script], { QUEUE_FILE: file }, asks);
    if (measured.stdout !== '') throw new Error(`${script} said: ${measured.stdout}`);
    return measured;
  };
  const both = (asks: boolean) => ({
    ours: () => tick(worker, asks),
    bare: () => tick(empty, asks),
  });
  const wall = await alternate(runs, both(false));
  const usage = await alternate(runs, both(true));

  if (!(lastTick() > before)) throw new Error('the worker left no tick: it did not look');
  expectSame('size of the queue file', statSync(file).size, size);
  const ofBoth = (who: 'ours' | 'bare'): Ticks => ({
    ms: wall[who].map(({ ms }) => ms),
    cpuMs: usage[who].map((each) => each.usage.cpuMs),
    peakMb: usage[who].map((each) => each.usage.peakMb),
  });
  return { ours: ofBoth('ours'), bare: ofBoth('bare') };
}

interface Ticks {
  ms: number[];
  cpuMs: number[];
  peakMb: number[];
}
