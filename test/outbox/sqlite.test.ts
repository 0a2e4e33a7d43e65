/*
 * A committed row of an outbox in SQLite becomes exactly one job, and a row that was rolled back none.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../lib/job/clock.js';
import { type SqliteOutbox, sqliteOutbox } from '../../lib/outbox.js';
import { temporaryFolder } from '../support/folders.js';
import { fullDisk, openTest, type TestQueue } from '../support/queues.js';
import { countRows, type Database, openDatabase, transaction, withoutSqlite } from '../support/sqlite.js';

const options = { skip: withoutSqlite };

interface World extends TestQueue {
  db: Database;
  outbox: SqliteOutbox;
  warnings: string[];
  /** Looks once at the outbox, as a tick of cron does. */
  tick: () => Promise<void>;
}

function open(t: TestContext, made: TestQueue = openTest(t, { clock: systemClock })): World {
  const db = openDatabase(t);
  const outbox = sqliteOutbox(db);
  outbox.create();
  t.after(() => outbox.close());
  const warnings: string[] = [];
  const logger = ({ message }: { message?: string }) => void warnings.push(message ?? '');
  const tick = async () => void (await made.queue.processJobs({}, { outbox: [outbox], logger }));
  return { ...made, db, outbox, warnings, tick };
}

test('a committed row is one job, and a row that was rolled back none', options, async (t) => {
  const { db, outbox, queue, tick } = open(t);
  transaction(db, () => outbox.add('receipt', { order: 7 }, { priority: 3, meta: { by: 'shop' } }));
  db.exec('BEGIN');
  outbox.add('receipt', { order: 8 });
  db.exec('ROLLBACK');
  await tick();
  await tick();
  const jobs = await queue.listJobs();
  assert.deepEqual(
    jobs.map(({ type, payload, priority, meta }) => ({ type, payload, priority, meta })),
    [{ type: 'receipt', payload: { order: 7 }, priority: 3, meta: { by: 'shop' } }],
  );
  assert.equal(countRows(db), 0);
});

test('an open transaction is not seen, and its rows come after its commit', options, async (t) => {
  const { db, outbox, queue, tick } = open(t);
  db.exec('PRAGMA journal_mode = WAL');
  const other = openDatabase(t, String(db.prepare('PRAGMA database_list').get()?.file));
  transaction(db, () => outbox.add('first'));
  await tick();
  other.exec('BEGIN');
  sqliteOutbox(other).add('second');
  const ticked = tick();
  await new Promise((resolve) => setTimeout(resolve, 30));
  other.exec('COMMIT');
  await ticked;
  await tick();
  assert.deepEqual(
    (await queue.listJobs()).map(({ type }) => type),
    ['first', 'second'],
  );
});

test('rows keep their order, over more than one batch', options, async (t) => {
  const { db, outbox, queue, tick } = open(t);
  transaction(db, () => {
    for (let i = 0; i < 1201; i++) outbox.add('count', i);
  });
  await tick();
  const payloads = (await queue.listJobs()).map(({ payload }) => payload);
  assert.deepEqual(
    payloads,
    Array.from({ length: 1201 }, (_, i) => i),
  );
});

test('a delay counts from the time of the call', options, async (t) => {
  const { db, outbox, queue, tick } = open(t);
  outbox.add('later', null, { delay: '1h' });
  db.exec('UPDATE tsvq_outbox SET created_at = created_at - 600');
  await tick();
  const [job] = await queue.listJobs();
  const seconds = (Number(job?.runAt) - Date.now()) / 1000;
  assert.ok(seconds > 2980 && seconds < 3001, `${seconds}`);
  assert.equal(Number(job?.runAt) - Number(job?.createdAt), 3_600_000);
});

test('add checks a job at the door, like enqueue', options, (t) => {
  const { db, outbox } = open(t);
  assert.throws(() => outbox.add('a\tb'), { code: 'INVALID_ARGUMENT', message: /^type is/ });
  assert.throws(() => outbox.add('a', 1n), { code: 'INVALID_ARGUMENT', message: /^payload/ });
  assert.throws(() => outbox.add('a', 'x'.repeat(1_048_577)), { code: 'PAYLOAD_TOO_LARGE' });
  assert.throws(() => outbox.add('a', 1, { delay: 'soon' }), { message: /^delay is "soon"/ });
  assert.throws(() => outbox.add('a', 1, { dalay: 1 } as object), { message: /^options\.dalay/ });
  assert.throws(() => outbox.add('a', 1, { dedupeKey: 'k', onDuplicate: 'reject' }), {
    message: /^onDuplicate/,
  });
  assert.equal(countRows(db), 0);
  const wide = sqliteOutbox(db, { maxPayload: 2_000_000, defaults: { a: { delay: '1m' } } });
  wide.add('a', 'x'.repeat(1_048_577));
  assert.equal(countRows(db), 1);
  for (const [value, name] of [
    [7, /^db is 7/],
    [{}, /^db is/],
    ['postgres://localhost/app', /^db is/],
  ] as const)
    assert.throws(() => sqliteOutbox(value as string), { code: 'INVALID_ARGUMENT', message: name });
  assert.throws(() => sqliteOutbox(db, { table: 'x' } as object), { message: /^options\.table/ });
});

test('a row that any program inserts is a job, with the defaults of the columns', options, async (t) => {
  const { db, queue, tick } = open(t);
  db.exec(`INSERT INTO tsvq_outbox (type) VALUES ('bare');
    INSERT INTO tsvq_outbox (type, payload, options) VALUES ('full', '{"n": 1}', '{"runAt": "2030-01-01T00:00:00Z"}')`);
  await tick();
  const [bare, full] = await queue.listJobs();
  assert.equal(bare?.payload, null);
  assert.ok(Math.abs(Number(bare?.createdAt) - Date.now()) < 5000);
  assert.deepEqual(full?.payload, { n: 1 });
  assert.equal(full?.runAt.toISOString(), '2030-01-01T00:00:00.000Z');
});

test(
  'a row that can not be a job is kept apart with the reason, and holds nothing up',
  options,
  async (t) => {
    const { db, outbox, queue, tick, warnings } = open(t);
    outbox.add('good', 1);
    const insert = db.prepare(
      'INSERT INTO tsvq_outbox (type, payload, options, created_at) VALUES (?, ?, ?, ?)',
    );
    const bad: [unknown, unknown, unknown, unknown, RegExp][] = [
      ['a', '{', '{}', 1, /^payload is "\{" .*JSON/],
      ['a', '1', '{"dalay": 1}', 1, /^options\.dalay/],
      ['a', '1', '7', 1, /^options/],
      ['', '1', '{}', 1, /^type/],
      ['a', '{"id": 175928847299117063}', '{}', 1, /^payload\.id is 175928847299117063/],
      ['a', '1', '{}', 1.7e12, /^created_at is 1700000000000/],
      ['a', Buffer.from('1'), '{}', 1, /^payload is/],
      ['a', JSON.stringify('x'.repeat(1_048_577)), '{}', 1, /the limit is 1048576/],
    ];
    for (const [type, payload, given, at] of bad) insert.run(type, payload, given, at);
    outbox.add('good', 2);
    await tick();
    assert.deepEqual(
      (await queue.listJobs()).map(({ payload }) => payload),
      [1, 2],
    );
    assert.equal(countRows(db), 0);
    const rejected = db.prepare('SELECT * FROM tsvq_outbox_rejected ORDER BY seq').all();
    assert.equal(rejected.length, bad.length);
    for (const [i, [, , , , reason]] of bad.entries()) assert.match(String(rejected[i]?.error), reason);
    assert.match(
      warnings.join(),
      /^the outbox in .*app\.db had 8 rows that can't be jobs, now in tsvq_outbox_rejected: payload/,
    );
  },
);

test('a duplicate counts as relayed, and a row that wants it refused is kept apart', options, async (t) => {
  const { db, outbox, queue, tick, warnings } = open(t);
  await queue.enqueue('sync', 1, { dedupeKey: 'k' });
  outbox.add('sync', 2, { dedupeKey: 'k' });
  outbox.add('sync', 3, { dedupeKey: 'k', onDuplicate: 'replace' });
  outbox.add('other', 4, { dedupeKey: true });
  db.exec(`INSERT INTO tsvq_outbox (type, payload, options)
    VALUES ('sync', '5', '{"dedupeKey": "k", "onDuplicate": "reject"}')`);
  await tick();
  assert.deepEqual(
    (await queue.listJobs()).map(({ payload }) => payload),
    [3, 4],
  );
  assert.equal(countRows(db), 0);
  const told = warnings.filter((text) => !text.startsWith('no handler'));
  assert.equal(told.length, 1);
  assert.match(told.join(), /1 row that can't be jobs.*options\.onDuplicate is "reject"/);
});

test('rows stay while the queue is full, and come when it is not', options, async (t) => {
  const small = openTest(t, { clock: systemClock, maxBytes: 1500 });
  const { db, outbox, tick, warnings, queue } = open(t, small);
  await queue.enqueue('old', 'x'.repeat(1000));
  outbox.add('new', 'y'.repeat(500));
  await tick();
  assert.match(warnings.join(), /rows of the outbox in .* wait: no room in/);
  assert.equal(countRows(db), 1);
  const { queue: wide } = openTest(t, { clock: systemClock, file: small.file });
  await wide.processJobs({}, { outbox: [outbox], logger: () => {} });
  assert.deepEqual(
    (await wide.listJobs()).map(({ type }) => type),
    ['old', 'new'],
  );
  assert.equal(countRows(db), 0);
});

test('rows stay while the disk is full, and each is one job afterwards', options, async (t) => {
  const { disk, ...made } = fullDisk(t);
  await made.queue.enqueue('first');
  const { db, outbox, queue, tick, warnings } = open(t, made);
  for (let i = 0; i < 10; i++) outbox.add('row', i);
  disk.isFull = true;
  await tick();
  assert.match(warnings.join(), /rows of the outbox in .* wait: /);
  disk.isFull = false;
  await tick();
  assert.deepEqual(
    (await queue.listJobs({ type: 'row' })).map(({ payload }) => payload),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
  assert.equal(countRows(db), 0);
});

test(
  'a missing table or database is a warning that says what to do, and jobs run all the same',
  options,
  async (t) => {
    const { queue } = openTest(t, { clock: systemClock });
    const ran: unknown[] = [];
    const warnings: string[] = [];
    const run = (outbox: ReturnType<typeof sqliteOutbox>) =>
      queue.processJobs(
        { job: (payload) => void ran.push(payload) },
        {
          outbox: [outbox],
          logger: ({ event, message = '' }) => void (event === 'warning' && warnings.push(message)),
        },
      );
    await queue.enqueue('job', 1);
    await run(sqliteOutbox(openDatabase(t)));
    assert.match(
      warnings.pop() ?? '',
      /^the outbox in .*app\.db could not be read: no such table: tsvq_outbox; make it by outbox\.create\(\)/,
    );
    await queue.enqueue('job', 2);
    const nowhere = join(temporaryFolder(t), 'none.db');
    await run(sqliteOutbox(nowhere));
    assert.match(warnings.pop() ?? '', /could not be read: there is no database at .*none\.db$/);
    assert.deepEqual(ran, [1, 2]);
  },
);

test('an outbox option that is none is refused at the start', async (t) => {
  const { queue } = openTest(t);
  for (const outbox of [{}, [{}], ['app.db'], [undefined]])
    await assert.rejects(queue.processJobs({}, { outbox: outbox as never }), {
      code: 'INVALID_ARGUMENT',
      message: /^outbox/,
    });
});

test('a database in memory has its one handle', options, async (t) => {
  const { queue } = openTest(t, { clock: systemClock });
  const db = openDatabase(t, ':memory:');
  const outbox = sqliteOutbox(db);
  outbox.create();
  outbox.add('kept', 1);
  db.exec('BEGIN');
  outbox.add('undone', 2);
  const warnings: string[] = [];
  const logger = ({ message = '' }) => void warnings.push(message);
  await queue.processJobs({}, { outbox: [outbox], logger });
  assert.match(warnings.join(), /within a transaction/);
  db.exec('ROLLBACK');
  await queue.processJobs({}, { outbox: [outbox], logger });
  await outbox.close();
  assert.deepEqual(
    (await queue.listJobs()).map(({ type }) => type),
    ['kept'],
  );
  assert.equal(countRows(db), 0);
});
