import fs from 'node:fs';
import { createRequire } from 'node:module';
import type ProperLockfile from 'proper-lockfile';
import { dependency } from '../dependency.js';
import type { FileSystem } from './fs.js';

let loaded: typeof ProperLockfile | undefined;

/**
 * proper-lockfile, without what merely loading it does to a process: it hooks every signal through signal-exit, and
 * lets graceful-fs replace fs.close. Both are for a lock that nothing but its directory protects; here tokens do.
 *
 * It is given another signal-exit, since taking the hooks away afterwards is not enough: a web app's own handling of
 * SIGTERM would have come late, and SIGXFSZ, which Node ignores, would kill from then on where a file size limit is
 * reached.
 */
function properLockfile(): typeof ProperLockfile {
  if (loaded === undefined) {
    const { close, closeSync } = fs;
    const { cache, resolve } = createRequire(createRequire(import.meta.url).resolve('proper-lockfile'));
    const path = resolve('signal-exit');
    const theirs = cache[path];
    cache[path] = { exports: () => () => {}, loaded: true } as unknown as NodeJS.Module;
    try {
      loaded = dependency<typeof ProperLockfile>('proper-lockfile');
    } finally {
      if (theirs === undefined) delete cache[path];
      else cache[path] = theirs;
      Object.assign(fs, { close, closeSync });
    }
  }
  return loaded;
}

/** Makes the lock's directory, unless it is there already. */
export function makeDirectory(fs: FileSystem, path: string): void {
  try {
    const release = properLockfile().lockSync(path, {
      lockfilePath: path,
      realpath: false,
      retries: 0,
      // Its own stale takeover lets two in. Without `update`, Infinity would become a timer of 1 ms.
      stale: Number.POSITIVE_INFINITY,
      update: 2 ** 31 - 1,
      onCompromised: () => {},
      fs: {
        mkdirSync: (name: string) => fs.mkdir(name),
        rmdirSync: () => {},
        // Times mean nothing without a stale takeover: neither asked for nor set.
        statSync: () => ({ mtime: new Date(0) }),
        utimesSync: () => {},
        realpathSync: (name: string) => name,
      },
    });
    // It forgets the directory at once, and it stays. Kept in mind, it would be looked at again when `update` has
    // passed, which throws out of a timer if another process has removed the directory and this one made it again.
    release();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ELOCKED') throw error;
  }
}
