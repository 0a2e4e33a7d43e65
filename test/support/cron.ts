import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { root } from './folders.js';

/* A real cron daemon, users of the machine who exist for a test only, and a project as on a server. */

const PIDFILE = '/var/run/crond.pid';

/** Why this can't be done here. */
export function obstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can give another user a crontab';
  for (const program of ['cron', 'crontab', 'useradd', 'userdel']) {
    if (!['/usr/sbin', '/usr/bin', '/sbin', '/bin'].some((folder) => existsSync(join(folder, program))))
      return `${program} is not installed`;
  }
  return undefined;
}

export const run = (
  command: string,
  args: string[],
  options: { cwd?: string; uid?: number; gid?: number; input?: string } = {},
): string =>
  execFileSync(command, args, {
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: `/usr/sbin:/sbin:${process.env.PATH}` },
    ...options,
  });

/** The packages that `npm ci --omit=dev` would install: those in package.json, and what they need. */
function dependencies(folder: string, found = new Set<string>()): Set<string> {
  const { dependencies: wanted = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  for (const name of Object.keys(wanted)) {
    if (found.has(name)) continue;
    found.add(name);
    dependencies(join(root, 'node_modules', name), found);
  }
  return found;
}

/** A project of its own, with the package installed, in a folder that every user can reach. */
export function installed(t: TestContext): string {
  const project = realpathSync(mkdtempSync(join(tmpdir(), 'tsvq-cron-')));
  chmodSync(project, 0o755);
  t.after(() => rmSync(project, { recursive: true, force: true }));
  for (const part of ['package.json', 'dist', 'workers'])
    cpSync(join(root, part), join(project, part), { recursive: true });
  for (const part of dependencies(root))
    cpSync(join(root, 'node_modules', part), join(project, 'node_modules', part), { recursive: true });
  return project;
}

export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** A user without a password or a home, who is gone after the test, crontab included. */
export function temporaryUser(t: TestContext, home: string, as = 'test', shell = '/bin/sh'): User {
  const name = `tsvq-${as}-${process.pid}`;
  const who = ['--no-create-home', '--home-dir', home, '--shell', shell, name];
  run('useradd', ['--system', '--user-group', ...who]);
  t.after(() => {
    removeCrontab(name);
    run('userdel', [name]);
  });
  const id = (which: string): number => Number(run('id', [which, name]));
  return { name, uid: id('-u'), gid: id('-g') };
}

/** Removes the crontab of a user, who may have none. */
export function removeCrontab(name: string): void {
  try {
    run('crontab', ['-u', name, '-r']);
  } catch {}
}

export function processesOf(uid: number): number[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid === uid)
    .map(Number);
}

/**
 * Starts a cron daemon, unless one runs already.
 *
 * @returns a function that ends the daemon; undefined if it is not this test's
 */
export async function startCron(t: TestContext): Promise<(() => Promise<void>) | undefined> {
  const pid = existsSync(PIDFILE) ? Number.parseInt(readFileSync(PIDFILE, 'utf8'), 10) : 0;
  if (pid > 0 && existsSync(`/proc/${pid}/comm`) && readFileSync(`/proc/${pid}/comm`, 'utf8') === 'cron\n')
    return undefined;
  const cron = spawn('cron', ['-f'], { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }, stdio: 'ignore' });
  const stop = async (): Promise<void> => {
    if (cron.exitCode !== null || cron.signalCode !== null) return;
    cron.kill('SIGTERM');
    await once(cron, 'exit');
  };
  t.after(stop);
  await once(cron, 'spawn');
  return stop;
}
