// The database of outbox.ts, for its processes.
import { createRequire } from 'node:module';
import { postgresOutbox, sqliteOutbox } from 'tsvq/outbox';

/**
 * What a process does with the database: orders, each with a row of the outbox in the same transaction.
 *
 * @typedef {object} Orders
 * @property {import('tsvq/outbox').Outbox} outbox
 * @property {() => Promise<void>} create
 * @property {(order: string, options: object, isUndone: boolean) => Promise<void>} transaction
 * @property {() => Promise<string[]>} committed the orders that exist
 * @property {(pid: number) => Promise<number>} taken how many rows a process has taken
 * @property {() => Promise<number>} rows how many rows are left, also rejected ones
 * @property {() => Promise<void>} close
 */

const TABLE = 'CREATE TABLE orders (id text PRIMARY KEY)';
const LEFT =
  'SELECT (SELECT count(*) FROM tsvq_outbox) + (SELECT count(*) FROM tsvq_outbox_rejected) AS count';
const TAKEN = 'SELECT count(*) AS count FROM tsvq_outbox WHERE relay LIKE ';

/** @param {string} address @returns {Promise<Orders>} */
export const connect = async (address) =>
  address.startsWith('postgres:') ? postgres(address) : sqlite(address);

/** @param {string} path @returns {Orders} */
function sqlite(path) {
  const db = openSqlite(path);
  db.exec('PRAGMA busy_timeout = 30000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
  const outbox = sqliteOutbox(db);
  const count = (/** @type {string} */ sql) => Number(db.prepare(sql).get().count);
  return {
    outbox,
    create: async () => {
      outbox.create();
      db.exec(TABLE);
    },
    transaction: async (order, options, isUndone) => {
      db.exec('BEGIN IMMEDIATE');
      db.prepare('INSERT INTO orders (id) VALUES (?)').run(order);
      outbox.add('order', order, options);
      db.exec(isUndone ? 'ROLLBACK' : 'COMMIT');
    },
    committed: async () =>
      db
        .prepare('SELECT id FROM orders')
        .all()
        .map((/** @type {{ id: string }} */ { id }) => id),
    taken: async (pid) => count(`${TAKEN} '%.${pid}.%'`),
    rows: async () => count(LEFT),
    close: async () => {
      await outbox.close();
      db.close();
    },
  };
}

/** @param {string} address @returns {Orders} */
function postgres(address) {
  const { Pool } = createRequire(import.meta.url)('pg');
  const pool = new Pool({ connectionString: address, max: 4 });
  pool.on('error', () => {});
  const outbox = postgresOutbox(pool);
  const count = async (/** @type {string} */ sql) => Number((await pool.query(sql)).rows[0].count);
  return {
    outbox,
    create: async () => {
      await pool.query('DROP TABLE IF EXISTS orders, tsvq_outbox, tsvq_outbox_rejected');
      await outbox.create();
      await pool.query(TABLE);
    },
    transaction: async (order, options, isUndone) => {
      const client = await pool.connect();
      await client.query('BEGIN');
      await client.query('INSERT INTO orders (id) VALUES ($1)', [order]);
      await outbox.add(client, 'order', order, options);
      await client.query(isUndone ? 'ROLLBACK' : 'COMMIT');
      client.release();
    },
    committed: async () =>
      (await pool.query('SELECT id FROM orders')).rows.map((/** @type {{ id: string }} */ { id }) => id),
    taken: (pid) => count(`${TAKEN} '%.${pid}.%'`),
    rows: () => count(LEFT),
    close: async () => {
      await outbox.close();
      await pool.end();
    },
  };
}

/** @param {string} path @returns {any} */
function openSqlite(path) {
  try {
    const Database = createRequire(import.meta.url)('better-sqlite3');
    return new Database(path);
  } catch {
    const own = /** @type {any} */ (process.getBuiltinModule?.('node:sqlite'));
    return new own.DatabaseSync(path);
  }
}
