import { spawnSync } from 'node:child_process';
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type Figure, figure } from './figure.js';
import type { Setting } from './setting.js';
import { median } from './statistics.js';
import { bareEnvironment } from './workplace.js';

/** How fast the machine is, so that the other figures can be held against those of another. */
export async function machineSpeed({ folder, quick }: Setting): Promise<Figure[]> {
  const times = (count: number, call: () => void): number => {
    const all: number[] = [];
    for (let i = 0; i < count; i++) {
      const start = performance.now();
      call();
      all.push(performance.now() - start);
    }
    return median(all);
  };
  const fd = openSync(join(folder, 'synced'), 'a');
  const start = times(quick ? 10 : 20, () =>
    spawnSync(process.execPath, ['-e', '0'], { env: bareEnvironment }),
  );
  const loop = times(10, () => spin(1e8));
  const sync = times(quick ? 100 : 300, () => {
    writeSync(fd, Buffer.alloc(200, 'x'));
    fdatasyncSync(fd);
  });
  closeSync(fd);
  return [
    figure('machine: node -e 0', { value: start, unit: 'ms' }),
    figure('machine: a loop of 100,000,000 xorshifts', { value: loop, unit: 'ms' }),
    figure('machine: append of 200 bytes, fdatasyncSync', { value: sync * 1000, unit: 'µs' }),
  ];
}

function spin(rounds: number): number {
  let x = 1;
  for (let i = 0; i < rounds; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
  }
  return x;
}
