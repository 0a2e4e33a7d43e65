import { createRequire } from 'node:module';
import type ProperLockfile from 'proper-lockfile';
import type { FileSystem } from '../../../lib/file/disk/fs.js';
import type { Clock } from '../../../lib/job/clock.js';
import { TsvqError } from '../../../lib/job/errors.js';

/** Of each lock, the dead owners that it cleared away before it got in. */
export const broken = new WeakMap<object, readonly string[]>();

const held = new WeakMap<object, () => void>();
let lockfile: typeof ProperLockfile | undefined;

/** proper-lockfile as it comes, with its own takeover of stale locks, and waiting. */
export async function enterPlain(
  lock: object,
  fs: FileSystem,
  clock: Clock,
  path: string,
  timeout: number,
): Promise<void> {
  lockfile ??= createRequire(import.meta.url)('proper-lockfile') as typeof ProperLockfile;
  const adapted = {
    mkdirSync: (name: string) => fs.mkdir(name),
    rmdirSync: (name: string) => fs.rmdir(name),
    realpathSync: (name: string) => name,
    statSync: (name: string) => {
      const info = fs.stat(name);
      if (info === undefined) throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
      return { mtime: new Date(info.mtimeMs) };
    },
    utimesSync: (name: string, _: Date, mtime: Date) =>
      (fs as FileSystem & { utimes(path: string, ms: number): void }).utimes(name, Number(mtime)),
  };
  for (let waited = 0; ; ) {
    try {
      const options = { realpath: false, lockfilePath: path, stale: 2000, update: 1000, fs: adapted };
      held.set(lock, lockfile.lockSync(path, { ...options, onCompromised: () => {} }));
      return;
    } catch (error) {
      if ((error as { code?: string }).code !== 'ELOCKED') throw error;
    }
    if (waited > timeout) throw new TsvqError('LOCK_TIMEOUT', 'waited too long');
    const ms = Math.ceil(Math.random() * 20);
    waited += ms;
    await clock.sleep(ms);
  }
}

export function leavePlain(lock: object): void {
  try {
    held.get(lock)?.();
  } catch {
    // Released already, or somebody else has it.
  }
  held.delete(lock);
}
