export type { Outbox } from './job/outbox.js';
export type { OutboxOptions } from './outbox/row.js';
export { type SqliteOutbox, sqliteOutbox } from './outbox/sqlite.js';
export type { SqliteDatabase, SqliteStatement } from './outbox/sqlite-driver.js';
