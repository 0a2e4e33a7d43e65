import fs from 'node:fs';
import { createRequire } from 'node:module';
import type ProperLockfile from 'proper-lockfile';
import { dependency, loadingError } from '../dependency.js';
import type { FileSystem } from './fs.js';

let loaded: typeof ProperLockfile | undefined;

/**
 * What it loads for a lock that nothing but its directory protects; here tokens do. signal-exit would hook every signal:
 * a web app's own handling of SIGTERM would come late, and SIGXFSZ, which Node ignores, would kill from then on where a
 * file size limit is reached. graceful-fs would replace fs.close, and take half of the time that the loading takes.
 */
const INSTEAD = { 'signal-exit': () => () => {}, 'graceful-fs': fs };

/** proper-lockfile, without what merely loading it does to a process. */
function properLockfile(): typeof ProperLockfile {
  if (loaded === undefined) {
    const { cache, resolve } = createRequire(createRequire(import.meta.url).resolve('proper-lockfile'));
    const theirs = Object.entries(INSTEAD).map(([name, exports]) => {
      const path = resolve(name);
      const module = cache[path];
      cache[path] = { exports, loaded: true } as unknown as NodeJS.Module;
      return { path, module };
    });
    try {
      loaded = dependency<typeof ProperLockfile>('proper-lockfile');
    } finally {
      // Whoever else asks for them gets the real ones.
      for (const { path, module } of theirs) {
        if (module === undefined) delete cache[path];
        else cache[path] = module;
      }
    }
  }
  return loaded;
}

/** Makes the lock's directory. @returns false if it is there already */
export function makeDirectory(fs: FileSystem, path: string, mode: number): boolean {
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
        mkdirSync: (name: string) => fs.mkdir(name, { mode }),
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
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ELOCKED') throw loadingError(error);
    return false;
  }
}
