// A table of jobs in SQLite, written by hand in the obvious way: WAL, a statement for a claim, a statement for an
// outcome. With `batch`, so many are claimed in one transaction, and their outcomes recorded in one.
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { numberOf, payload } from './payload.js';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS jobs (
    id INTEGER PRIMARY KEY,
    type TEXT NOT NULL,
    payload TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'pending',
    priority REAL NOT NULL DEFAULT 0,
    created_at REAL NOT NULL,
    run_at REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    locked_by TEXT,
    started_at REAL,
    finished_at REAL,
    error TEXT,
    result TEXT
  );
  CREATE INDEX IF NOT EXISTS due ON jobs (priority DESC, run_at, id) WHERE status = 'pending';`;

/** How often a waiting worker asks for new rows, in ms, because SQLite does not tell it of them. */
const POLL_MS = 10;

/** @param {{ file: string }} place @param {{ synchronous: 'FULL' | 'NORMAL', batch?: number }} settings */
export function open({ file }, { synchronous, batch = 1 }) {
  const db = new Database(file, { timeout: 30_000 });
  db.pragma('journal_mode = WAL');
  db.pragma(`synchronous = ${synchronous}`);
  db.exec(SCHEMA);
  const insert = db.prepare('INSERT INTO jobs (type, payload, created_at, run_at) VALUES (?, ?, ?, ?)');
  const add = (n) => {
    const now = Date.now() / 1000;
    return insert.run('bench', JSON.stringify(payload(n)), now, now).lastInsertRowid;
  };
  const claim = db.prepare(`
    UPDATE jobs SET status = 'processing', attempts = attempts + 1, locked_by = ?, started_at = ?
    WHERE id IN (
      SELECT id FROM jobs WHERE status = 'pending' AND run_at <= ? ORDER BY priority DESC, run_at, id LIMIT ?
    )
    RETURNING id, type, payload, attempts`);
  const complete = db.prepare(`
    UPDATE jobs SET status = 'completed', locked_by = NULL, finished_at = ?, result = ?
    WHERE id = ? AND status = 'processing' AND attempts = ?`);
  const handlers = { bench: (started, job) => started(numberOf(job)) };
  const completeAll = db.transaction((ended) => {
    for (const { id, attempts, result } of ended) complete.run(Date.now() / 1000, result, id, attempts);
  });
  return {
    enqueue: add,
    enqueueMany: db.transaction((from, length) => {
      for (let i = 0; i < length; i++) add(from + i);
    }),
    settle: () => db.pragma('wal_checkpoint(TRUNCATE)'),
    async work({ started, recorded, stop }) {
      while (!stop?.aborted) {
        const now = Date.now() / 1000;
        const jobs = claim.all(`worker ${process.pid}`, now, now, batch);
        if (jobs.length === 0) {
          if (stop === undefined) return;
          await sleep(POLL_MS);
          continue;
        }
        const ended = [];
        for (const { id, type, payload, attempts } of jobs) {
          const result = (await handlers[type](started, JSON.parse(payload))) ?? null;
          ended.push({ id, attempts, result: JSON.stringify(result) });
        }
        completeAll(ended);
        recorded(jobs.length);
        // While other processes work too, those that wait in this one have to get a turn: signals, timers.
        if (stop !== undefined) await new Promise(setImmediate);
      }
    },
    counts: () =>
      db
        .prepare(
          `SELECT count(*) FILTER (WHERE status = 'completed') AS done,
                  count(*) FILTER (WHERE status <> 'completed') AS waiting FROM jobs`,
        )
        .get(),
    close: () => db.close(),
  };
}
