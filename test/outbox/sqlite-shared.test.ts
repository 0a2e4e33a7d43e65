/*
 * Several relays, apps and workers share one outbox in SQLite.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { systemProcesses } from '../../lib/file/lock/process-id.js';
import { systemClock } from '../../lib/job/clock.js';
import { type SqliteOutbox, sqliteOutbox } from '../../lib/outbox.js';
import { allPayloads } from '../support/outbox.js';
import { startScript } from '../support/processes.js';
import { openTest, type TestQueue } from '../support/queues.js';
import { countRows, type Database, openDatabase, transaction, withoutSqlite } from '../support/sqlite.js';
import { deferred, until } from '../support/waiting.js';

const options = { skip: withoutSqlite };

interface World extends TestQueue {
  db: Database;
  path: string;
  outbox: SqliteOutbox;
  tick: () => Promise<void>;
}

function open(t: TestContext, journal = 'WAL'): World {
  const made = openTest(t, { clock: systemClock });
  const db = openDatabase(t);
  db.exec(`PRAGMA journal_mode = ${journal}`);
  const outbox = sqliteOutbox(db);
  outbox.create();
  t.after(() => outbox.close());
  const path = String(db.prepare('PRAGMA database_list').get()?.file);
  const tick = async () => void (await made.queue.processJobs({}, { outbox: [outbox], logger: () => {} }));
  return { ...made, db, path, outbox, tick };
}

/** Inserts a row that a relay has taken. */
const insertTaken = (db: Database, n: number, token: string, takenAt = Date.now()): unknown =>
  db
    .prepare('INSERT INTO tsvq_outbox (type, payload, job_id, relay, taken_at) VALUES (?, ?, ?, ?, ?)')
    .run('row', String(n), `000000000000000${n}`, token, takenAt / 1000);

for (const journal of ['WAL', 'DELETE'])
  test(
    `a worker that stays sees a commit within milliseconds, with the journal mode ${journal}`,
    options,
    async (t) => {
      const { db, outbox, queue } = open(t, journal);
      const end = new AbortController();
      let done = deferred<number>();
      const work = queue.processJobs(
        { row: () => void done.resolve(performance.now()) },
        { outbox: [outbox], linger: Infinity, signal: end.signal, logger: () => {} },
      );
      const waits: number[] = [];
      for (let n = 0; n < 21; n++) {
        done = deferred();
        transaction(db, () => outbox.add('row', n));
        const committed = performance.now();
        waits.push((await done.promise) - committed);
      }
      end.abort();
      await work;
      // The poll alone would take 50 ms on average. A quiet machine needs 5.
      const median = waits.sort((a, b) => a - b)[10] as number;
      assert.ok(median < 40, `${median} ms`);
      assert.equal(countRows(db), 0);
    },
  );

test('relays at the same time make one job of each row', options, async (t) => {
  const { db, path, outbox, queue, store, tick } = open(t);
  transaction(db, () => {
    for (let n = 0; n < 3000; n++) outbox.add('row', n);
  });
  const others = [1, 2].map(async () => {
    const other = sqliteOutbox(openDatabase(t, path));
    const { queue: again } = openTest(t, { clock: systemClock, file: store.path });
    await again.processJobs({}, { outbox: [other], logger: () => {} });
    await other.close();
  });
  await Promise.all([tick(), tick(), ...others]);
  assert.deepEqual(
    await allPayloads(queue, store),
    Array.from({ length: 3000 }, (_, n) => n),
  );
  assert.equal(countRows(db), 0);
});

test('100,000 rows become 100,000 jobs', options, async (t) => {
  const { db, outbox, queue, tick } = open(t);
  transaction(db, () => {
    for (let n = 0; n < 100_000; n++) outbox.add('row', n);
  });
  await tick();
  assert.equal((await queue.stats()).pending, 100_000);
  assert.equal(countRows(db), 0);
});

test('rows of a relay that lives are left alone, and come when it is dead', options, async (t) => {
  const { db, queue, store, tick } = open(t);
  const { child, said, ended } = startScript(
    t,
    `import { systemProcesses } from 'lib/file/lock/process-id.js';
    console.log('token ' + systemProcesses.self());
    setInterval(() => {}, 1000);`,
  );
  const token = (await said('token ')).slice('token '.length);
  insertTaken(db, 1, token);
  db.exec(`INSERT INTO tsvq_outbox (type, payload) VALUES ('row', '2')`);
  await tick();
  assert.deepEqual(await allPayloads(queue, store), [2]);
  child.kill('SIGKILL');
  await ended;
  await tick();
  assert.deepEqual(await allPayloads(queue, store), [1, 2]);
  assert.equal((await queue.getJob('0000000000000001'))?.payload, 1);
});

test('rows of a relay on another machine are left alone for a minute', options, async (t) => {
  const { db, queue, store, tick } = open(t);
  const token = systemProcesses.self().replace(/^[^.]*/, 'elsewhere');
  insertTaken(db, 1, token);
  insertTaken(db, 2, token.replace(/.$/, 'x'), Date.now() - 61_000);
  await tick();
  assert.deepEqual(await allPayloads(queue, store), [2]);
});

test(
  'a worker that stays takes the rows of a dead relay, although nothing is committed',
  options,
  async (t) => {
    const { db, outbox, queue } = open(t);
    const end = new AbortController();
    const ran: unknown[] = [];
    const work = queue.processJobs(
      { row: (payload) => void ran.push(payload) },
      { outbox: [outbox], linger: Infinity, signal: end.signal, logger: () => {} },
    );
    // A relay of this process that is not at work any more.
    insertTaken(db, 1, systemProcesses.self());
    await until('the row has run', () => ran.length > 0);
    end.abort();
    await work;
    assert.equal(countRows(db), 0);
  },
);

test('a database that another writer has locked delays only its own rows', options, async (t) => {
  const { db, path, outbox, queue } = open(t);
  outbox.add('row', 1);
  const writer = openDatabase(t, path);
  writer.exec('BEGIN IMMEDIATE');
  const end = new AbortController();
  const ran: unknown[] = [];
  const lingering = { linger: Infinity, signal: end.signal, logger: () => {} };
  const other = queue.processJobs({ row: (payload) => void ran.push(payload) }, lingering);
  const work = queue.processJobs(
    { row: (payload) => void ran.push(payload) },
    { ...lingering, outbox: [outbox] },
  );
  await queue.enqueue('row', 2);
  await until('a job has run during the lock', () => ran.length > 0);
  assert.deepEqual(ran, [2]);
  writer.exec('COMMIT');
  await until('the row has run', () => ran.length > 1);
  end.abort();
  await Promise.all([work, other]);
  assert.deepEqual(ran, [2, 1]);
  assert.equal(countRows(db), 0);
});
