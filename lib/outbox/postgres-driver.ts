import { invalid } from '../job/checks.js';
import { systemClock } from '../job/clock.js';
import { dependency } from '../job/dependency.js';
import { errorMessage, TsvqError } from '../job/errors.js';

/** What runs SQL in PostgreSQL: a client of `pg`, or one of its pool. */
export interface PostgresClient {
  /** Runs one statement. */
  query(text: string, values?: never[]): PromiseLike<unknown>;
}

/** A pool of `pg`. */
export interface PostgresPool extends PostgresClient {
  /** Resolves with a client that is to be released. */
  connect(): Promise<PostgresPoolClient>;
}

/** A client of a {@link PostgresPool}. */
export interface PostgresPoolClient extends PostgresClient {
  /** Gives the client back to its pool, or ends its connection. */
  release(destroy?: boolean): void;
}

export type Row = Readonly<Record<string, unknown>>;

/** A connection of a pool, as this code uses it. */
export interface Connection {
  query(text: string, values?: readonly unknown[]): Promise<{ rows: Row[] }>;
  on(event: 'notification' | 'error', listener: () => void): unknown;
  release(destroy?: boolean): void;
}

/** A pool, as this code uses it. */
export interface Pool {
  connect(): Promise<Connection>;
  end(): Promise<void>;
  on(event: 'error', listener: () => void): unknown;
  readonly options?: { readonly max?: number; readonly database?: string };
}

/** How long a database may take for what the relay asks for, in ms. */
const MOST_MS = 30_000;

/** Checks a pool. A client is refused, because it may be in the middle of a transaction. @throws TsvqError */
export function checkPool(value: unknown): Pool {
  const { connect, query, release } = Object(value) as Partial<Connection & Pool>;
  const isClient = typeof release === 'function' || !('totalCount' in Object(value));
  if (typeof connect === 'function' && typeof query === 'function' && !isClient) return value as Pool;
  throw invalid('pool', value, 'a pool of pg (a client may be in a transaction), or a postgres:// URL');
}

/** Makes a pool of connections that don't keep the process alive. @throws TsvqError `NOT_INSTALLED` */
export function openPool(connectionString: string): Pool {
  const { Pool } = loadPg();
  const pool = new Pool({
    connectionString,
    max: 3,
    allowExitOnIdle: true,
    connectionTimeoutMillis: 10_000,
    application_name: 'tsvq outbox',
  });
  // The next call tells of a connection that has ended.
  pool.on('error', () => {});
  return pool;
}

function loadPg(): { Pool: new (options: object) => Pool } {
  let reason: unknown;
  try {
    return dependency('pg', () => {
      try {
        return require('pg');
      } catch (error) {
        // An ES module in Node has no require; then the second try below tells the reason.
        if (!(error instanceof ReferenceError)) reason = error;
        throw error;
      }
    });
  } catch (error) {
    reason ??= (error as Error).cause;
    throw new TsvqError('NOT_INSTALLED', `pg can't be loaded: ${errorMessage(reason)}. Run npm install pg`, {
      cause: reason,
    });
  }
}

/** Uses a connection of a pool. One that failed is not used again. */
export async function withConnection<T>(pool: Pool, use: (db: Connection) => Promise<T>): Promise<T> {
  const db = await inTime(() => pool.connect());
  try {
    const used = await inTime(() => use(db));
    db.release();
    return used;
  } catch (error) {
    db.release(true);
    throw error;
  }
}

/** Waits for a database, but not for ever. */
async function inTime<T>(call: () => Promise<T>): Promise<T> {
  let cancel = (): void => {};
  const limit = new Promise<never>((_, reject) => {
    const late = (): void => reject(new Error(`the database did not answer for ${MOST_MS / 1000} s`));
    cancel = systemClock.later(MOST_MS, late, true);
  });
  try {
    return await Promise.race([call(), limit]);
  } catch (error) {
    throw told(error);
  } finally {
    cancel();
  }
}

/** Gives an error a text. A refused connection to several addresses has none of its own. */
function told(error: unknown): unknown {
  const { errors, code } = Object(error) as { errors?: unknown; code?: unknown };
  if (errorMessage(error) !== '') return error;
  const all = Array.isArray(errors) ? errors.map(errorMessage) : [String(code)];
  return new Error(all.join(', '), { cause: error });
}
