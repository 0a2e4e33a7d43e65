import assert from 'node:assert/strict';
import type { FileSystem } from '../../lib/file/disk/fs.js';

/** How many calls to the disk, and waits for a lock, are under way in the queues of {@link openTest}. */
let busy = 0;

export async function counted<T>(work: Promise<T>): Promise<T> {
  busy++;
  try {
    return await work;
  } finally {
    busy--;
  }
}

/** Resolves when the queues of this process have come to rest: all that is left is to wait for time to pass. */
export async function settle(): Promise<void> {
  for (let quiet = 0; quiet < 8; quiet++) {
    // A worker that starts imports its machinery, by way of the thread that translates TypeScript: whoever asks it
    // last waits for all that were asked before.
    if (quiet === 4) await import('../../lib/file/worker/worker.js');
    await new Promise(setImmediate);
    if (busy > 0) quiet = 0;
  }
}

/** Counts what is under way. */
export function watched(fileSystem: FileSystem): FileSystem {
  const { read, write, fdatasync, fsync } = fileSystem;
  return {
    ...fileSystem,
    read: (...args) => counted(read(...args)),
    write: (...args) => counted(write(...args)),
    fdatasync: (...args) => counted(fdatasync(...args)),
    fsync: (...args) => counted(fsync(...args)),
  };
}

/** Resolves as soon as the condition holds: for what no event tells. Fails after a time that nothing here takes. */
export async function until(what: string, condition: () => unknown): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `waited too long until ${what}`);
    await new Promise(setImmediate);
  }
}

/** Whether the condition comes to hold within a time that is ample; for what a test wants to see fail clearly. */
export async function eventually(condition: () => unknown, ms = 3000): Promise<boolean> {
  const deadline = Date.now() + ms;
  while (!(await condition())) {
    if (Date.now() > deadline) return false;
    await new Promise(setImmediate);
  }
  return true;
}

/** A promise and the functions that settle it. */
export interface Deferred<T = void> {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: unknown) => void;
}

export function deferred<T = void>(): Deferred<T> {
  const parts = {} as Deferred<T>;
  parts.promise = new Promise<T>((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}
