import fs from 'node:fs';
import { createRequire } from 'node:module';
import type ProperLockfile from 'proper-lockfile';
import { dependency } from '../dependency.js';
import type { FileSystem } from './fs.js';

let loaded: typeof ProperLockfile | undefined;

/**
 * proper-lockfile, without what merely loading it does to a process: it hooks every signal through signal-exit
 * (a web app's own SIGTERM handling would come late) and lets graceful-fs replace fs.close. Both are for a lock
 * that nothing but its directory protects; here tokens do.
 */
function properLockfile(): typeof ProperLockfile {
  if (loaded === undefined) {
    const { close, closeSync } = fs;
    const emitter = (): NodeJS.EventEmitter | undefined =>
      (process as { __signal_exit_emitter__?: NodeJS.EventEmitter }).__signal_exit_emitter__;
    const before = new Set(emitter()?.listeners('exit'));
    loaded = dependency<typeof ProperLockfile>('proper-lockfile');
    Object.assign(fs, { close, closeSync });
    const hooks = emitter();
    for (const hook of hooks?.listeners('exit') ?? []) {
      if (!before.has(hook)) hooks?.removeListener('exit', hook as () => void);
    }
    if (hooks?.listenerCount('exit') === 0 && hooks.listenerCount('afterexit') === 0) {
      const inside = createRequire(createRequire(import.meta.url).resolve('proper-lockfile'));
      (inside('signal-exit') as { unload(): void }).unload();
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
