import type { DefaultJobs, TypeOf } from '../job/job.js';
import type { EnqueueArguments, EnqueueOptions } from '../job/job-options.js';
import { type Outbox, overTable } from '../job/outbox.js';
import { newRow, type OutboxOptions, resolveOutboxOptions } from './new-row.js';
import {
  type Connection,
  checkHandle,
  connect,
  connectLike,
  databasePath,
  fileOf,
  type SqliteDatabase,
} from './sqlite-driver.js';
import { SQLITE_TABLES, SqliteTable } from './sqlite-table.js';

/** An outbox in the SQLite database of an app's own handle. */
export interface SqliteOutbox<Jobs = DefaultJobs> extends Outbox {
  /**
   * Makes the tables `tsvq_outbox` and `tsvq_outbox_rejected` if they are not there.
   *
   * @throws what SQLite throws
   * @example
   * outbox.create();
   */
  create(): void;
  /**
   * Inserts a row, in the transaction that the handle is in. If that is committed, the row becomes a job; a `delay`
   * counts from this call.
   *
   * @throws TsvqError `INVALID_ARGUMENT`, `PAYLOAD_TOO_LARGE`; or what SQLite throws
   * @example
   * db.transaction(() => {
   *   const order = insertOrder(cart);
   *   outbox.add('receipt', { order }, { delay: '5m' });
   * })();
   */
  add<T extends TypeOf<Jobs>>(type: T, ...rest: EnqueueArguments<Jobs[T]>): void;
}

/**
 * Makes an outbox in a SQLite database, for `processJobs`. With a handle it is also for the app that adds jobs. The
 * relay opens a connection of its own.
 *
 * @param db a handle of `better-sqlite3` or `node:sqlite`; or the path of a database that exists, for a worker that adds
 *   nothing
 * @throws TsvqError `INVALID_ARGUMENT`
 * @example
 * const outbox = sqliteOutbox(new Database('app.db'));
 * await queue.processJobs(handlers, { outbox: [outbox] });
 */
export function sqliteOutbox<Jobs = DefaultJobs>(
  db: SqliteDatabase,
  options?: OutboxOptions<Jobs>,
): SqliteOutbox<Jobs>;
export function sqliteOutbox(path: string | URL, options?: OutboxOptions): Outbox;
export function sqliteOutbox(
  db: SqliteDatabase | string | URL,
  options: OutboxOptions = {},
): Outbox | SqliteOutbox {
  const rules = resolveOutboxOptions(options);
  if (typeof db === 'string' || db instanceof URL) {
    const path = databasePath(db);
    return outboxOver(`the outbox in ${path}`, () => connect(path), {});
  }
  const handle = checkHandle(db);
  const name = `the outbox in ${fileOf(handle) ?? 'memory'}`;
  return outboxOver(name, () => connectLike(handle), {
    create: () => void handle.exec(SQLITE_TABLES),
    add: (type: string, payload?: unknown, given?: EnqueueOptions) => {
      const row = newRow({ type, payload, options: given }, Date.now(), rules);
      handle
        .prepare('INSERT INTO tsvq_outbox (type, payload, options, created_at) VALUES (?, ?, ?, ?)')
        .run(...row);
    },
  });
}

function outboxOver<Calls extends object>(
  name: string,
  open: () => Connection,
  calls: Calls,
): Calls & Outbox {
  const table = new SqliteTable(name, open);
  return overTable(() => table, { ...calls, name, close: async () => table.close() });
}
