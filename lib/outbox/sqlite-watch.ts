import { type FSWatcher, realpathSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { systemClock } from '../job/clock.js';
import { type Connection, fileOf } from './sqlite-driver.js';

/** How often SQLite is asked if another connection has committed, in ms. */
const POLL_MS = 100;
/** How often, and for how long, it is asked after a write: a commit counts only after the sync that follows it. */
const EAGER_MS = 1;
const EAGER_FOR_MS = 25;

/**
 * Calls `changed` soon after each commit of another connection. SQLite says by a number if there was one; a
 * notification of the file system says when to ask.
 *
 * @returns the function that ends this
 */
export function watchSqlite(connected: () => Connection, changed: () => void): () => void {
  const db = connected();
  const path = fileOf(db);
  // A database in memory has no other connection, so its rows are looked at each time.
  const version = path === undefined ? () => Symbol() : () => dataVersion(db);
  let last = version();
  let eagerUntil = 0;
  let cancel = (): void => {};
  const ask = (): void => {
    const now = version() ?? last;
    const isNew = now !== last;
    last = now;
    cancel = systemClock.later(systemClock.now() < eagerUntil ? EAGER_MS : POLL_MS, ask);
    if (isNew) changed();
  };
  const onWrite = (): void => {
    eagerUntil = systemClock.now() + EAGER_FOR_MS;
    cancel();
    ask();
  };
  const files = path === undefined ? undefined : watchFiles(path, onWrite);
  ask();
  return () => {
    cancel();
    files?.close();
  };
}

/** Returns a number that is another one after each commit of another connection; undefined while it is locked. */
function dataVersion(db: Connection): unknown {
  try {
    return db.prepare('PRAGMA data_version').get()?.data_version;
  } catch {
    return undefined;
  }
}

/** Calls `written` when the database or its log may have been written. */
function watchFiles(path: string, written: () => void): FSWatcher | undefined {
  try {
    const real = realpathSync(path);
    const name = basename(real);
    const names = [name, `${name}-wal`, `${name}-journal`];
    const watcher = watch(dirname(real), { persistent: false }, (_, other) => {
      if (other === null || names.includes(other)) written();
    });
    // The polls go on without it.
    return watcher.on('error', () => watcher.close());
  } catch {
    return undefined;
  }
}
