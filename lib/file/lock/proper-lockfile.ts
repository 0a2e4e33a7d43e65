import fs from 'node:fs';
import { createRequire as requireFrom } from 'node:module';
import type ProperLockfile from 'proper-lockfile';
import { here } from '../../job/dependency.js';
import type { FileSystem } from '../disk/fs.js';

/*
 * proper-lockfile only makes the lock's directory here, because users expect that of this package; its takeover
 * of stale locks is switched off. While it is loaded, `require.cache` holds stand-ins for the modules that it
 * loads. So loading it for one `mkdir` changes nothing in the user's process.
 */

/** The loaded package, or false if {@link load} failed. */
let loaded: typeof ProperLockfile | false | undefined;

/**
 * The stand-ins for modules that proper-lockfile needs to protect a bare directory; here tokens protect it.
 * signal-exit would hook every signal. Then a web app's own SIGTERM handler would run late, and SIGXFSZ, which
 * Node ignores, would kill at a file size limit. graceful-fs would replace fs.close, and take half of the loading
 * time.
 */
const INSTEAD = { 'signal-exit': () => () => {}, 'graceful-fs': fs };

/**
 * Loads proper-lockfile without its side effects on the process. Returns false if that is impossible: in a
 * bundle without node_modules, and in Jest, which lets no module replace another.
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

/** Makes the lock's directory. @returns false if it already exists */
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
    // Its stale takeover lets two in. Without `update`, Infinity would become a timer of 1 ms.
    stale: Number.POSITIVE_INFINITY,
    update: 2 ** 31 - 1,
    onCompromised: () => {},
    fs: {
      mkdirSync: (name: string) => fs.mkdir(name, { mode }),
      rmdirSync: () => {},
      // Without a stale takeover, times mean nothing.
      statSync: () => ({ mtime: new Date(0) }),
      utimesSync: () => {},
      realpathSync: (name: string) => name,
    },
  });
  // The package forgets the directory at once; the directory stays. Otherwise a timer would check it after
  // `update`, and throw if another process removed the directory and this one made it again.
  release();
}
