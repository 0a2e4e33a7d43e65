import fs from 'node:fs';
import { createRequire as requireFrom } from 'node:module';
import type ProperLockfile from 'proper-lockfile';
import { here } from '../../job/dependency.js';
import type { FileSystem } from '../disk/fs.js';

/** False if it can't be had in the way that it is wanted. */
let loaded: typeof ProperLockfile | false | undefined;

/**
 * What it loads for a lock that nothing but its directory protects; here tokens do. signal-exit would hook every signal:
 * a web app's own handling of SIGTERM would come late, and SIGXFSZ, which Node ignores, would kill from then on where a
 * file size limit is reached. graceful-fs would replace fs.close, and take half of the time that the loading takes.
 */
const INSTEAD = { 'signal-exit': () => () => {}, 'graceful-fs': fs };

/**
 * proper-lockfile, without what merely loading it does to a process. False where that can't be: in a bundle that has left
 * node_modules behind, and in Jest, which lets no module take another one's place.
 */
function load(): typeof ProperLockfile | false {
  let require: NodeJS.Require;
  let theirs: { path: string; exports: unknown; module: NodeJS.Module | undefined }[];
  try {
    require = requireFrom(requireFrom(here()).resolve('proper-lockfile'));
    theirs = Object.entries(INSTEAD).map(([name, exports]) => {
      const path = require.resolve(name);
      return { path, exports, module: require.cache[path] };
    });
  } catch {
    return false;
  }
  const { cache } = require;
  try {
    for (const { path, exports } of theirs) {
      cache[path] = { exports, loaded: true } as unknown as NodeJS.Module;
      if (cache[path]?.exports !== exports) return false;
    }
    return require('proper-lockfile') as typeof ProperLockfile;
  } finally {
    // A program that asks for them later gets the real ones.
    for (const { path, module } of theirs) {
      if (module === undefined) delete cache[path];
      else cache[path] = module;
    }
  }
}

/** Makes the lock's directory. @returns false if it is there already */
export function makeDirectory(fs: FileSystem, path: string, mode: number): boolean {
  loaded ??= load();
  try {
    if (loaded) makeAsLock(loaded, fs, path, mode);
    else fs.mkdir(path, { mode });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== (loaded ? 'ELOCKED' : 'EEXIST')) throw error;
    return false;
  }
}

function makeAsLock({ lockSync }: typeof ProperLockfile, fs: FileSystem, path: string, mode: number): void {
  const release = lockSync(path, {
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
}
