export type { Outbox } from './job/outbox.js';
export type { OutboxOptions } from './outbox/new-row.js';
export { type PostgresOutbox, postgresOutbox } from './outbox/postgres.js';
export type { PostgresClient, PostgresPool, PostgresPoolClient } from './outbox/postgres-driver.js';
export { type SqliteOutbox, sqliteOutbox } from './outbox/sqlite.js';
export type { SqliteDatabase, SqliteStatement } from './outbox/sqlite-driver.js';
