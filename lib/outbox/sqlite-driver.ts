import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { invalid, queuePath } from '../job/checks.js';
import { dependency } from '../job/dependency.js';
import { errorMessage, TsvqError } from '../job/errors.js';

/** What an outbox needs of a database handle: `better-sqlite3` and `node:sqlite` have it. */
export interface SqliteDatabase {
  /** Prepares one statement. */
  prepare(sql: string): SqliteStatement;
  /** Runs statements without values. */
  exec(sql: string): unknown;
}

/** A prepared statement of a {@link SqliteDatabase}. */
export interface SqliteStatement {
  /** Runs it, for what it changes. */
  run(...values: never[]): unknown;
  /** Returns its first row. */
  get(...values: never[]): unknown;
  /** Returns all its rows. */
  all(...values: never[]): unknown;
}

/** A connection, as this code uses it. */
export interface Connection {
  prepare(sql: string): {
    run(...values: unknown[]): unknown;
    get(...values: unknown[]): Row | undefined;
    all(...values: unknown[]): Row[];
  };
  exec(sql: string): unknown;
  close(): void;
}

type Row = Readonly<Record<string, unknown>>;

type Driver = new (path: string) => Connection;

/** Checks a database handle. @throws TsvqError `INVALID_ARGUMENT` */
export function checkHandle(value: unknown): Connection {
  const { prepare, exec } = Object(value) as Partial<Connection>;
  if (typeof prepare === 'function' && typeof exec === 'function') return value as Connection;
  throw invalid('db', value, 'a handle of better-sqlite3 or node:sqlite, or a path');
}

/**
 * Opens another connection to the database of a handle, because a transaction of the relay's own must not run within
 * one of the app's. A database in memory has only one.
 */
export function connectLike(handle: Connection): Connection {
  const path = fileOf(handle);
  if (path !== undefined) return prepared(new (handle.constructor as Driver)(path));
  return { prepare: (sql) => handle.prepare(sql), exec: (sql) => handle.exec(sql), close: () => {} };
}

/** Returns the path of a handle's database; undefined for one in memory. */
export function fileOf(handle: Connection): string | undefined {
  const main = handle
    .prepare('PRAGMA database_list')
    .all()
    .find(({ name }) => name === 'main');
  return (main?.file as string | null) || undefined;
}

/** Returns the path of a database file. @throws TsvqError `INVALID_ARGUMENT` */
export const databasePath = (value: string | URL): string => resolve(queuePath('db', value));

/**
 * Opens a database file that exists.
 *
 * @throws TsvqError `NOT_INSTALLED`; `NO_ACCESS` if there is no such file, which SQLite would make
 */
export function connect(path: string): Connection {
  if (!existsSync(path)) throw new TsvqError('NO_ACCESS', `there is no database at ${path}`);
  return prepared(new (loadDriver())(path));
}

/** Sets up a connection that waits without blocking the process, and whose commits survive power loss. */
function prepared(connection: Connection): Connection {
  connection.exec('PRAGMA busy_timeout = 0');
  connection.exec('PRAGMA synchronous = EXTRA');
  return connection;
}

/** better-sqlite3 comes first, because Node prints a warning when it loads its own. */
function loadDriver(): Driver {
  let reason: unknown;
  try {
    return dependency<Driver>('better-sqlite3', () => {
      try {
        return require('better-sqlite3');
      } catch (error) {
        // An ES module in Node has no require; then the second try below tells the reason.
        if (!(error instanceof ReferenceError)) reason = error;
        throw error;
      }
    });
  } catch (error) {
    reason ??= (error as Error).cause;
  }
  const own = process.getBuiltinModule?.('node:sqlite') as { DatabaseSync: Driver } | undefined;
  if (own !== undefined) return own.DatabaseSync;
  throw new TsvqError(
    'NOT_INSTALLED',
    `neither better-sqlite3 nor node:sqlite (from Node 22.13 on) can be loaded: ${errorMessage(reason)}. ` +
      'Run npm install better-sqlite3',
    { cause: reason },
  );
}

/** True if another connection has the database locked. */
export function isBusy(error: unknown): boolean {
  const { code, errcode } = Object(error) as { code?: unknown; errcode?: unknown };
  // better-sqlite3 has the name of the code, and node:sqlite the number.
  if (typeof errcode === 'number') return [5, 6].includes(errcode % 256);
  return typeof code === 'string' && /^SQLITE_(BUSY|LOCKED)/.test(code);
}
