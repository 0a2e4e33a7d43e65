import { systemClock } from '../job/clock.js';
import { errorMessage } from '../job/errors.js';
import { MOST_TAKEN, type OutboxRow, type OutboxTable, type RejectedRow, type Taker } from '../job/outbox.js';
import { noTable, outboxRow, upToLength } from './rows.js';
import { type Connection, isBusy } from './sqlite-driver.js';
import { watchSqlite } from './sqlite-watch.js';

/** The statements that make the tables. docs/outbox.md has them for other languages. */
export const SQLITE_TABLES = `
CREATE TABLE IF NOT EXISTS tsvq_outbox (
  seq        INTEGER PRIMARY KEY AUTOINCREMENT,
  type       TEXT NOT NULL,
  payload    TEXT,
  options    TEXT,
  created_at REAL NOT NULL DEFAULT ((julianday('now') - 2440587.5) * 86400.0),
  job_id     TEXT,
  relay      TEXT,
  taken_at   REAL
);
CREATE INDEX IF NOT EXISTS tsvq_outbox_taken ON tsvq_outbox (relay) WHERE relay IS NOT NULL;
CREATE TABLE IF NOT EXISTS tsvq_outbox_rejected (
  seq         INTEGER,
  type        TEXT,
  payload     TEXT,
  options     TEXT,
  created_at  REAL,
  error       TEXT,
  rejected_at REAL
);
`;

/** How long another connection may have the database locked, in ms, and the pause between two tries. */
const BUSY_MS = 5_000;
const PAUSE_MS = 10;

/** The rows of an outbox in SQLite. Its calls take turns, because one connection has one transaction at a time. */
export class SqliteTable implements OutboxTable {
  readonly name: string;
  readonly #open: () => Connection;
  #connection: Connection | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  /** @param open opens the connection, at the first use and after a failure */
  constructor(name: string, open: () => Connection) {
    this.name = name;
    this.#open = open;
  }

  async take(relay: Taker): Promise<OutboxRow[]> {
    return this.#inTurn(async (db) => {
      // Nearly all looks find nothing, and must not write.
      const isEmpty = await patiently(
        () => db.prepare('SELECT 1 FROM tsvq_outbox LIMIT 1').get() === undefined,
      );
      return isEmpty ? [] : this.#transaction(db, () => takeRows(db, relay));
    });
  }

  async finish(token: string, rejected: readonly RejectedRow[]): Promise<void> {
    await this.#inTurn((db) =>
      this.#transaction(db, () => {
        const keep = db.prepare(
          'INSERT INTO tsvq_outbox_rejected (seq, type, payload, options, created_at, error, rejected_at) ' +
            'SELECT seq, type, payload, options, created_at, ?, ? FROM tsvq_outbox WHERE relay = ? AND seq = ?',
        );
        for (const { seq, error } of rejected) keep.run(error, Date.now() / 1000, token, seq);
        db.prepare('DELETE FROM tsvq_outbox WHERE relay = ?').run(token);
      }),
    );
  }

  watch(changed: () => void): () => void {
    return watchSqlite(() => this.#connected(), changed);
  }

  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  #connected(): Connection {
    this.#connection ??= this.#open();
    return this.#connection;
  }

  async #inTurn<T>(run: (db: Connection) => Promise<T>): Promise<T> {
    const turn = this.#turn.then(async () => {
      try {
        return await run(this.#connected());
      } catch (error) {
        throw /no such table/.test(errorMessage(error)) ? noTable(error) : error;
      }
    });
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** Runs a transaction. Nothing else of this process runs in it, because `run` doesn't wait for anything. */
  async #transaction<T>(db: Connection, run: () => T): Promise<T> {
    await patiently(() => db.exec('BEGIN IMMEDIATE'));
    try {
      const result = run();
      // Without a write-ahead log, a reader delays the commit.
      await patiently(() => db.exec('COMMIT'));
      return result;
    } catch (error) {
      rollBack(db);
      throw error;
    }
  }
}

function rollBack(db: Connection): void {
  try {
    db.exec('ROLLBACK');
  } catch {
    // The error has ended the transaction already.
  }
}

/** Tries again while another connection has the database locked, without blocking the process. */
async function patiently<T>(call: () => T): Promise<T> {
  const deadline = systemClock.now() + BUSY_MS;
  for (;;) {
    try {
      return call();
    } catch (error) {
      if (!isBusy(error) || systemClock.now() > deadline) throw error;
      await systemClock.sleep(PAUSE_MS);
    }
  }
}

const COLUMNS = 'seq, type, payload, options, created_at, job_id';
/** The number of characters is enough here, because it only bounds the memory. */
const LENGTHS = "SELECT seq, length(coalesce(payload, '')) AS length FROM tsvq_outbox";

function takeRows(db: Connection, relay: Taker): OutboxRow[] {
  const doubtful = doubtfulRows(db, relay);
  const isDoubtful = doubtful.length > 0;
  const { rows } = MOST_TAKEN;
  const seqs = isDoubtful
    ? doubtful
    : upToLength(db.prepare(`${LENGTHS} WHERE relay IS NULL ORDER BY seq LIMIT ${rows}`).all());
  const mark = isDoubtful
    ? db.prepare('UPDATE tsvq_outbox SET relay = ?, taken_at = ?, job_id = coalesce(job_id, ?) WHERE seq = ?')
    : db.prepare('UPDATE tsvq_outbox SET relay = ?, taken_at = ?, job_id = ? WHERE seq = ?');
  for (const seq of seqs) mark.run(relay.token, relay.now / 1000, relay.newId(), seq);
  return db
    .prepare(`SELECT ${COLUMNS} FROM tsvq_outbox WHERE relay = ? ORDER BY seq`)
    .all(relay.token)
    .map((row) => outboxRow(row, isDoubtful));
}

/** Returns the numbers of rows that a relay took and has let go of. */
function doubtfulRows(db: Connection, relay: Taker): unknown[] {
  const free = db
    .prepare(
      'SELECT relay, max(taken_at) AS taken_at FROM tsvq_outbox WHERE relay IS NOT NULL GROUP BY relay',
    )
    .all()
    .filter((taken) => relay.hasLetGo(String(taken.relay), Number(taken.taken_at) * 1000));
  for (const { relay: token } of free) {
    const rows = db.prepare(`${LENGTHS} WHERE relay = ? ORDER BY seq LIMIT ${MOST_TAKEN.rows}`).all(token);
    if (rows.length > 0) return upToLength(rows);
  }
  return [];
}
