import { systemClock } from '../job/clock.js';
import { MOST_TAKEN, type OutboxRow, type OutboxTable, type RejectedRow, type Taker } from '../job/outbox.js';
import { type Connection, type Pool, type Row, withConnection } from './postgres-driver.js';
import { noTable, outboxRow, upToLength } from './rows.js';

/** The statements that make the tables, once. docs/outbox.md has them for other languages. */
const POSTGRES_TABLES = `
CREATE TABLE IF NOT EXISTS tsvq_outbox (
  seq        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  type       text NOT NULL,
  payload    text,
  options    text,
  created_at double precision NOT NULL DEFAULT extract(epoch FROM clock_timestamp()),
  job_id     text,
  relay      text,
  taken_at   double precision
);
CREATE INDEX IF NOT EXISTS tsvq_outbox_taken ON tsvq_outbox (relay) WHERE relay IS NOT NULL;
CREATE TABLE IF NOT EXISTS tsvq_outbox_rejected (
  seq         bigint,
  type        text,
  payload     text,
  options     text,
  created_at  double precision,
  error       text,
  rejected_at double precision
);
CREATE OR REPLACE FUNCTION tsvq_outbox_notify() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN NOTIFY tsvq_outbox; RETURN NULL; END';
DROP TRIGGER IF EXISTS tsvq_outbox_notify ON tsvq_outbox;
CREATE TRIGGER tsvq_outbox_notify AFTER INSERT ON tsvq_outbox
  FOR EACH STATEMENT EXECUTE PROCEDURE tsvq_outbox_notify();
`;

/** How long after a lost connection the next one listens, in ms. */
const AGAIN_MS = 5_000;

/**
 * The rows of an outbox in PostgreSQL. Numbers of rows are not in the order of commits, so each look begins with the
 * first row that is left.
 */
export class PostgresTable implements OutboxTable {
  readonly name: string;
  readonly #pool: () => Pool;

  constructor(name: string, pool: () => Pool) {
    this.name = name;
    this.#pool = pool;
  }

  /** Makes the tables, if they are not there. Otherwise it takes no lock, and needs no right. */
  async create(): Promise<void> {
    await withConnection(this.#pool(), async (db) => {
      const { rows } = await db.query("SELECT to_regclass('tsvq_outbox') AS there");
      if (rows[0]?.there !== null) return;
      // All in one transaction. The lock is for processes that start at the same time.
      await db.query(`SELECT pg_advisory_xact_lock(hashtext('tsvq_outbox')); ${POSTGRES_TABLES}`);
    });
  }

  async take(relay: Taker): Promise<OutboxRow[]> {
    return this.#use(async (db) => {
      // Nearly all looks find nothing, and must not begin a transaction.
      const { rows } = await db.query('SELECT 1 FROM tsvq_outbox LIMIT 1');
      return rows.length === 0 ? [] : transaction(db, () => takeRows(db, relay));
    });
  }

  async finish(token: string, rejected: readonly RejectedRow[]): Promise<void> {
    await this.#use((db) =>
      transaction(db, async () => {
        if (rejected.length > 0) await keepRejected(db, token, rejected);
        await db.query('DELETE FROM tsvq_outbox WHERE relay = $1', [token]);
      }),
    );
  }

  watch(changed: () => void): () => void {
    const pool = this.#pool();
    // A pool with a single connection needs it for the rows, which are then looked at every second.
    if ((pool.options?.max ?? 10) < 2) return () => {};
    let isOver = false;
    let listening: Connection | undefined;
    let cancelAgain = (): void => {};
    const lose = (): void => {
      listening?.release(true);
      listening = undefined;
      cancelAgain();
      if (!isOver) cancelAgain = systemClock.later(AGAIN_MS, listen);
    };
    const listen = (): void => {
      pool
        .connect()
        .then(async (db) => {
          listening = db;
          db.on('error', lose);
          db.on('notification', changed);
          await db.query('LISTEN tsvq_outbox');
          if (isOver) lose();
          // Rows that were committed before.
          else changed();
        })
        .catch(lose);
    };
    listen();
    return () => {
      isOver = true;
      cancelAgain();
      lose();
    };
  }

  async #use<T>(use: (db: Connection) => Promise<T>): Promise<T> {
    try {
      return await withConnection(this.#pool(), use);
    } catch (error) {
      throw (error as { code?: unknown }).code === '42P01' ? noTable(error) : error;
    }
  }
}

/** Runs a transaction that is durable when it is committed. If it fails, the caller ends the connection. */
async function transaction<T>(db: Connection, run: () => Promise<T>): Promise<T> {
  await db.query('BEGIN ISOLATION LEVEL READ COMMITTED');
  await db.query(
    "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'",
  );
  const result = await run();
  await db.query('COMMIT');
  return result;
}

const LENGTHS = "SELECT seq, length(coalesce(payload, '')) AS length FROM tsvq_outbox";
/** Rows that another relay takes at this moment are left to it. */
const SOME = `ORDER BY seq LIMIT ${MOST_TAKEN.rows} FOR UPDATE SKIP LOCKED`;

async function takeRows(db: Connection, relay: Taker): Promise<OutboxRow[]> {
  const doubtful = await doubtfulRows(db, relay);
  const isDoubtful = doubtful.length > 0;
  const seqs = isDoubtful
    ? doubtful
    : upToLength((await db.query(`${LENGTHS} WHERE relay IS NULL ${SOME}`)).rows);
  if (seqs.length === 0) return [];
  const { rows } = await db.query(
    'UPDATE tsvq_outbox AS row SET relay = $1, taken_at = $2, job_id = coalesce(row.job_id, new.id) ' +
      'FROM unnest($3::bigint[], $4::text[]) AS new (seq, id) WHERE row.seq = new.seq ' +
      'RETURNING row.seq, type, payload, options, created_at, job_id',
    [relay.token, relay.now / 1000, seqs, seqs.map(() => relay.newId())],
  );
  const order = new Map(seqs.map((seq, i) => [String(seq), i]));
  const place = ({ seq }: Row): number => order.get(String(seq)) as number;
  return [...rows].sort((a, b) => place(a) - place(b)).map((row) => outboxRow(row, isDoubtful));
}

/** Returns the numbers of rows that a relay took and has let go of. */
async function doubtfulRows(db: Connection, relay: Taker): Promise<unknown[]> {
  const { rows: taken } = await db.query(
    'SELECT relay, max(taken_at) AS taken_at FROM tsvq_outbox WHERE relay IS NOT NULL GROUP BY relay',
  );
  for (const { relay: token, taken_at: at } of taken) {
    if (!relay.hasLetGo(String(token), Number(at) * 1000)) continue;
    const { rows } = await db.query(`${LENGTHS} WHERE relay = $1 ${SOME}`, [token]);
    if (rows.length > 0) return upToLength(rows);
  }
  return [];
}

async function keepRejected(db: Connection, token: string, rejected: readonly RejectedRow[]): Promise<void> {
  await db.query(
    'INSERT INTO tsvq_outbox_rejected (seq, type, payload, options, created_at, error, rejected_at) ' +
      'SELECT row.seq, type, payload, options, created_at, why.error, extract(epoch FROM clock_timestamp()) ' +
      'FROM tsvq_outbox AS row JOIN unnest($2::bigint[], $3::text[]) AS why (seq, error) ON row.seq = why.seq ' +
      'WHERE relay = $1',
    // A text of PostgreSQL has no NUL.
    [token, rejected.map(({ seq }) => seq), rejected.map(({ error }) => error.replaceAll('\0', '\\0'))],
  );
}
