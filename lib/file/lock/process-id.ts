import type { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import type { hostname } from 'node:os';
import { dependency } from '../../job/dependency.js';
import { randomHex } from '../../job/random.js';

/*
 * Names owners, and tells if they are still alive. An owner's name is
 *
 *     host.boot.namespace.pid.start.random
 *
 * A pid alone is not enough, because it is used again after a reboot and in every container. The boot id and
 * the process's start time settle that. The pid namespace tells containers apart that share a host and its
 * boot id. The name is both a file name (of a lock's token) and a field of a row (locked_by).
 */

/** The pid in the name of an owner that left a repair to the next one. */
export const NO_PID = 0;

/** The state of an owner: `unknown` if it can't be judged from here (another host or container). */
export type Liveness = 'alive' | 'dead' | 'unknown';

/** How long, in ms, an `unknown` owner is given: it may be at work, or long dead. */
export const UNJUDGED_MS = 60_000;

/** The names and states of processes. Simulations bring their own. */
export interface Processes {
  /** Returns a new name for an owner in this process. */
  self(): string;
  liveness(owner: string): Liveness;
}

interface Here {
  host: string;
  boot: string;
  namespace: string;
  pid: number;
  start: string;
}

let here: Here | undefined;

/** Returns the parts of this process's name, which are read once. */
function place(): Here {
  if (here === undefined) {
    const os = dependency<{ hostname: typeof hostname }>('node:os', () => require('node:os'));
    const host = os
      .hostname()
      .replace(/[^\w-]/g, '_')
      .slice(0, 40);
    const boot = (read('/proc/sys/kernel/random/boot_id') ?? bootTime()).replaceAll('-', '').slice(0, 16);
    const namespace = (link('/proc/self/ns/pid') ?? '0').replace(/\D/g, '');
    // The id of this thread: a worker_thread may end alone. In the main thread it is the pid.
    const pid = Number(link('/proc/thread-self')?.split('/').at(-1) ?? process.pid);
    const start = lookUp(pid) || '0';
    here = { host, boot, namespace, pid, start };
  }
  return here;
}

export const systemProcesses: Processes = {
  self: () => {
    const { host, boot, namespace, pid, start } = place();
    return [host, boot, namespace, pid, start, randomHex(6)].join('.');
  },
  liveness,
};

function liveness(owner: string): Liveness {
  const [host, boot, namespace, pid, start, random] = owner.split('.');
  if (random === undefined) return 'unknown';
  // No process has it, wherever the name was made.
  if (pid === String(NO_PID)) return 'dead';
  const mine = place();
  if (host !== mine.host) return 'unknown';
  // A process of another boot of this host is dead, whichever container it ran in.
  if (boot !== mine.boot) return mine.boot === '' || boot === '' ? 'unknown' : 'dead';
  if (namespace !== mine.namespace) return 'unknown';
  if (Number(pid) === mine.pid && start === mine.start) return 'alive';
  const now = lookUp(Number(pid));
  return now === undefined ? 'unknown' : now === start ? 'alive' : 'dead';
}

/**
 * Returns when a process started, in the system's own terms; '' if there is none, or only a zombie; undefined
 * if nothing can be read of it (a /proc mounted with hidepid).
 */
function lookUp(pid: number): string | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 0) return '';
  const stat = read(`/proc/${pid}/stat`);
  if (stat !== undefined) {
    // The program's name, in parentheses, may hold spaces and parentheses, so count after the last.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? '' : fields[19];
  }
  if (!exists(pid)) return '';
  if (process.platform === 'linux') return undefined;
  try {
    const [state, ...started] = run('ps', ['-o', 'stat=,lstart=', '-p', String(pid)])
      .trim()
      .split(/\s+/);
    return state?.startsWith('Z') ? '' : started.join('_').replace(/\W/g, '_') || undefined;
  } catch {
    return undefined;
  }
}

/** True if the system knows the pid. */
function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Returns the time of the boot, because macOS has no boot id. */
function bootTime(): string {
  try {
    return run('sysctl', ['-n', 'kern.boottime']).match(/\d+/)?.[0] ?? '';
  } catch {
    return '';
  }
}

/** Runs a command, on a system without /proc. Loading node:child_process costs a millisecond or two. */
function run(command: string, args: string[]): string {
  const load = dependency<{ execFileSync: typeof execFileSync }>('node:child_process', () =>
    require('node:child_process'),
  );
  // cron and a shell have different languages and time zones, and must get the same answer.
  const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };
  return load.execFileSync(command, args, { encoding: 'utf8', stdio: 'pipe', env });
}

function read(path: string): string | undefined {
  try {
    return fs.readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function link(path: string): string | undefined {
  try {
    return fs.readlinkSync(path);
  } catch {
    return undefined;
  }
}
