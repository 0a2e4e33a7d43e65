import type { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import type { hostname } from 'node:os';
import { dependency } from '../../job/dependency.js';
import { randomHex } from '../../job/random.js';

/*
 * Who somebody is, and whether they are still alive. An owner is named by
 *
 *     host.boot.namespace.pid.start.random
 *
 * A pid alone would do for nothing: it is used again, after a reboot and in every container. The boot id and the
 * process's start time settle that; the pid namespace tells containers apart that share a host and its boot id.
 * The name is a file name (of a lock's token) and a field of a row (locked_by) alike.
 */

/** What is known of an owner: `unknown` where it can't be judged from here (another host or container). */
export type Liveness = 'alive' | 'dead' | 'unknown';

/** One that can't be judged from here is given so long, in ms: it may be at work, or long dead. */
export const UNJUDGED_MS = 60_000;

/** How to learn about processes; simulations have their own. */
export interface Processes {
  /** A new name for an owner in this process. */
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

/** This process's place in the world, read once. */
function place(): Here {
  if (here === undefined) {
    const os = dependency<{ hostname: typeof hostname }>('node:os', () => require('node:os'));
    const host = os
      .hostname()
      .replace(/[^\w-]/g, '_')
      .slice(0, 40);
    const boot = (read('/proc/sys/kernel/random/boot_id') ?? bootTime()).replaceAll('-', '').slice(0, 16);
    const namespace = (link('/proc/self/ns/pid') ?? '0').replace(/\D/g, '');
    // That of this thread, which is the process's own unless it is a worker_thread: one may be ended alone.
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
  const mine = place();
  if (host !== mine.host) return 'unknown';
  // Another boot of this host: nothing of it is left, whichever container it ran in.
  if (boot !== mine.boot) return mine.boot === '' || boot === '' ? 'unknown' : 'dead';
  if (namespace !== mine.namespace) return 'unknown';
  if (Number(pid) === mine.pid && start === mine.start) return 'alive';
  const now = lookUp(Number(pid));
  return now === undefined ? 'unknown' : now === start ? 'alive' : 'dead';
}

/**
 * When a process started, in the system's own terms; '' if there is none, or only a zombie; undefined if there is
 * one of which nothing can be read (a /proc mounted with hidepid).
 */
function lookUp(pid: number): string | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 0) return '';
  const stat = read(`/proc/${pid}/stat`);
  if (stat !== undefined) {
    // The name of the program, in parentheses, may hold spaces and parentheses of its own: count after the last.
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

/** Whether the system knows the pid at all. */
function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** macOS has no boot id; the time of the boot names it as well. */
function bootTime(): string {
  try {
    return run('sysctl', ['-n', 'kern.boottime']).match(/\d+/)?.[0] ?? '';
  } catch {
    return '';
  }
}

/** Loaded only where /proc doesn't tell: node:child_process costs every start a millisecond or two. */
function run(command: string, args: string[]): string {
  const load = dependency<{ execFileSync: typeof execFileSync }>('node:child_process', () =>
    require('node:child_process'),
  );
  // cron and a shell have languages and time zones of their own, and have to be told the same.
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
