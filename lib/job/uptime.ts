import { readFileSync } from 'node:fs';
import type { uptime } from 'node:os';
import { dependency } from './dependency.js';

/** How time passed on this machine, which its clock alone doesn't tell. Times in ms. */
export interface Uptime {
  /** How long the machine has been awake since it started; in a container, since that started. Suspends don't count. */
  awake(): number;
  /** By how much the clock may have gone ahead meanwhile: the machine was suspended, or the clock was set. */
  skipped(): number;
}

/** The pattern of the time at which a process started, in /proc/PID/stat: the 20th field after its name, in 1/100 s. */
const STARTED = /^.*\)(?: \S+){19} (\d+)/s;

/** The uptime of this machine. Systems other than Linux don't tell suspends apart, nor containers. */
export const systemUptime: Uptime = {
  awake: () => awakeSinceBoot() - startOfContainer(),
  skipped: () => {
    const suspended = Math.max(0, sinceBoot() - awakeSinceBoot());
    // Neither of the two goes on during a suspend; only the clock does.
    const set = Date.now() - performance.timeOrigin - performance.now();
    return suspended + Math.max(0, set);
  },
};

const awakeSinceBoot = (): number => Number(process.hrtime.bigint() / 1_000_000n);

const sinceBoot = (): number =>
  dependency<{ uptime: typeof uptime }>('node:os', () => require('node:os')).uptime() * 1000;

/** Returns when the first process of this container started, in ms since the boot; 0 outside of containers. */
function startOfContainer(): number {
  try {
    return Number(STARTED.exec(readFileSync('/proc/1/stat', 'latin1'))?.[1] ?? 0) * 10;
  } catch {
    return 0;
  }
}
