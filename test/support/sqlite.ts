import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { root, temporaryFolder } from './folders.js';

/** A handle of either driver, as tests use it. */
export interface Database {
  prepare(sql: string): {
    run(...values: unknown[]): unknown;
    get(...values: unknown[]): Record<string, unknown> | undefined;
    all(...values: unknown[]): Record<string, unknown>[];
  };
  exec(sql: string): unknown;
  close(): void;
}

type Driver = new (path: string) => Database;

/** The driver that tests use: better-sqlite3 if it is installed, otherwise Node's own; undefined if there is neither. */
const driver: Driver | undefined = betterSqlite() ?? nodeSqlite();

/** Why tests with SQLite can't run here; false if they can. */
export const withoutSqlite: string | false =
  driver === undefined &&
  'neither better-sqlite3 is installed (npm install --no-save better-sqlite3@12) nor node:sqlite there';

/** What a process needs of the environment to find the drivers that this one finds. */
export const findDrivers: NodeJS.ProcessEnv = {
  ...(process.env.NODE_PATH && { NODE_PATH: process.env.NODE_PATH }),
};

function betterSqlite(): Driver | undefined {
  try {
    return createRequire(join(root, 'package.json'))('better-sqlite3') as Driver;
  } catch {
    return undefined;
  }
}

function nodeSqlite(): Driver | undefined {
  const own = process.getBuiltinModule?.('node:sqlite') as { DatabaseSync: Driver } | undefined;
  return own?.DatabaseSync;
}

/** Opens a database, which is closed after the test. */
export function openDatabase(t: TestContext, path: string = join(temporaryFolder(t), 'app.db')): Database {
  const db = new (driver as Driver)(path);
  db.exec('PRAGMA busy_timeout = 5000');
  t.after(() => db.close());
  return db;
}

/** Runs `work` in a transaction, which it leaves open if it throws. */
export function transaction(db: Database, work: () => void): void {
  db.exec('BEGIN');
  work();
  db.exec('COMMIT');
}

/** Counts the rows of a table. */
export const countRows = (db: Database, table = 'tsvq_outbox'): number =>
  Number(db.prepare(`SELECT count(*) AS rows FROM ${table}`).get()?.rows);
