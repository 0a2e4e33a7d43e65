/*
 * `queue relay` makes jobs of what an app's database has committed.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { sqliteOutbox } from '../../lib/outbox.js';
import { temporaryFolder } from '../support/folders.js';
import { countRows, findDrivers, openDatabase, withoutSqlite } from '../support/sqlite.js';
import { run, start } from './cli-process.js';

const options = { skip: withoutSqlite };

function open(t: Parameters<typeof temporaryFolder>[0]) {
  const cwd = temporaryFolder(t);
  const db = openDatabase(t, join(cwd, 'app.db'));
  const env = { ...findDrivers, QUEUE_FILE: join(cwd, 'queue.tsv') };
  return { cwd, db, outbox: sqliteOutbox(db), env };
}

test('queue relay adds what is committed, and says how much', options, async (t) => {
  const { outbox, ...at } = open(t);
  outbox.create();
  outbox.add('a', 1);
  outbox.add('b', 2);
  const first = await run(t, ['relay', 'sqlite:app.db'], at);
  assert.deepEqual([first.code, first.stdout, first.stderr], [0, 'relayed 2 jobs\n', '']);
  assert.equal((await run(t, ['relay', 'sqlite:app.db', '--plain'], at)).stdout, '0\n');
  const listed = await run(t, ['list', '--json'], at);
  assert.deepEqual(
    listed.stdout
      .trim()
      .split('\n')
      .map((text) => JSON.parse(text).type)
      .sort(),
    ['a', 'b'],
  );
});

test('queue relay fails if a row can not be a job, and tells why', options, async (t) => {
  const { outbox, db, ...at } = open(t);
  outbox.create();
  db.exec(`INSERT INTO tsvq_outbox (type, payload) VALUES ('a', '{')`);
  const { code, stdout, stderr } = await run(t, ['relay', 'sqlite:app.db', '--json'], at);
  assert.deepEqual([code, stdout], [1, '{"relayed":0}\n']);
  assert.match(stderr, /had 1 row that can't be jobs, now in tsvq_outbox_rejected: payload is/);
  assert.equal(countRows(db, 'tsvq_outbox_rejected'), 1);
});

test('queue relay --linger stays for later commits, until it is told to end', options, async (t) => {
  const { outbox, ...at } = open(t);
  outbox.create();
  outbox.add('a', 1);
  const { child, said, ended } = start(t, ['relay', 'sqlite:app.db', '--linger', '10m'], at);
  await said('relayed 1 job\n');
  outbox.add('a', 2);
  await said('relayed 1 job\nrelayed 1 job\n');
  child.kill('SIGTERM');
  const { code, signal } = await ended;
  assert.deepEqual({ code, signal }, { code: 0, signal: null });
});

test('queue relay says what is wrong with an address, a database or a table', options, async (t) => {
  const { outbox: _, ...at } = open(t);
  const refused: [string, number, RegExp][] = [
    ['app.db', 2, /the database must be an address like sqlite:app\.db/],
    ['sqlite:none.db', 1, /there is no database at .*none\.db/],
    ['sqlite:app.db', 1, /no such table: tsvq_outbox; make it by outbox\.create\(\)/],
  ];
  for (const [address, expected, message] of refused) {
    const { code, stderr } = await run(t, ['relay', address], at);
    assert.equal(code, expected, stderr);
    assert.match(stderr, message);
  }
});
