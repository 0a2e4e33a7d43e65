/*
 * A committed row of an outbox in PostgreSQL becomes exactly one job, and a row that was rolled back none.
 */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { systemProcesses } from '../../lib/file/lock/process-id.js';
import { systemClock } from '../../lib/job/clock.js';
import { type PostgresOutbox, type PostgresPool, postgresOutbox } from '../../lib/outbox.js';
import { allPayloads, dyingRelay } from '../support/outbox.js';
import { type PostgresServer, startPostgres, type TestPool, withoutPostgres } from '../support/postgres.js';
import { startScript } from '../support/processes.js';
import { openTest, type TestQueue } from '../support/queues.js';
import { sampled } from '../support/samples.js';
import { deferred, until } from '../support/waiting.js';

const options = { skip: withoutPostgres };
let server: PostgresServer;
let admin: TestPool;
let databases = 0;

before(async () => {
  if (withoutPostgres) return;
  server = await startPostgres();
  admin = server.pool();
});
after(async () => {
  await admin?.end();
  await server?.stop();
});

interface World extends TestQueue {
  pool: TestPool;
  url: string;
  outbox: PostgresOutbox;
  warnings: string[];
  tick: () => Promise<void>;
}

/** Opens an outbox in a database of its own. */
async function open(t: TestContext, more: { retention?: number } = {}): Promise<World> {
  const made = openTest(t, { clock: systemClock, ...more });
  const name = `test${++databases}`;
  await admin.query(`CREATE DATABASE ${name}`);
  const url = server.url.replace('/postgres?', `/${name}?`);
  const pool = server.pool({ connectionString: url });
  t.after(() => pool.end());
  const outbox = postgresOutbox(pool as unknown as PostgresPool);
  await outbox.create();
  const warnings: string[] = [];
  const logger = ({ message = '' }) => void warnings.push(message);
  const tick = async () => void (await made.queue.processJobs({}, { outbox: [outbox], logger }));
  return { ...made, pool, url, outbox, warnings, tick };
}

async function transaction(pool: TestPool, work: (client: TestPool) => Promise<void>, end = 'COMMIT') {
  const client = await pool.connect();
  await client.query('BEGIN');
  await work(client as unknown as TestPool);
  await client.query(end);
  client.release();
}

const countRows = async (pool: TestPool, table = 'tsvq_outbox'): Promise<number> =>
  Number((await pool.query(`SELECT count(*) AS rows FROM ${table}`)).rows[0]?.rows);

test('a committed row is one job, and a row that was rolled back none', options, async (t) => {
  const { pool, outbox, queue, tick } = await open(t);
  await transaction(pool, (client) => outbox.add(client, 'receipt', { order: 7 }, { priority: 3 }));
  await transaction(pool, (client) => outbox.add(client, 'receipt', { order: 8 }), 'ROLLBACK');
  await tick();
  await tick();
  const jobs = await queue.listJobs();
  assert.deepEqual(
    jobs.map(({ type, payload, priority }) => ({ type, payload, priority })),
    [{ type: 'receipt', payload: { order: 7 }, priority: 3 }],
  );
  assert.equal(await countRows(pool), 0);
  await outbox.create();
});

test('a row with a lower number that is committed later is a job all the same', options, async (t) => {
  const { pool, outbox, queue, store, tick } = await open(t);
  const slow = await pool.connect();
  await slow.query('BEGIN');
  await outbox.add(slow, 'row', 1);
  await outbox.add(pool, 'row', 2);
  await tick();
  assert.deepEqual(await allPayloads(queue, store), [2]);
  await slow.query('COMMIT');
  slow.release();
  await tick();
  assert.deepEqual(await allPayloads(queue, store), [1, 2]);
});

test('a row that can not be a job is kept apart, and any program may insert rows', options, async (t) => {
  const { pool, queue, tick, warnings } = await open(t);
  await pool.query(`INSERT INTO tsvq_outbox (type, payload, options) VALUES
    ('bare', NULL, NULL), ('a', '{', '{}'), ('a', '1', '{"dalay": 1}'), ('b', '{"n": 1}', '{"priority": 2}')`);
  await tick();
  const jobs = await queue.listJobs();
  assert.deepEqual(
    jobs.map(({ type, payload, priority }) => [type, payload, priority]),
    [
      ['bare', null, 0],
      ['b', { n: 1 }, 2],
    ],
  );
  const { rows } = await pool.query('SELECT error FROM tsvq_outbox_rejected ORDER BY seq');
  assert.match(String(rows[0]?.error), /^payload is/);
  assert.match(String(rows[1]?.error), /^options\.dalay/);
  assert.match(warnings.join(), /PostgreSQL.* had 2 rows that can't be jobs/);
  assert.equal(await countRows(pool), 0);
});

test('relays at the same time make one job of each row', options, async (t) => {
  const { pool, url, queue, store, tick } = await open(t);
  await pool.query(
    `INSERT INTO tsvq_outbox (type, payload) SELECT 'row', n FROM generate_series(0, 2999) AS n`,
  );
  const others = [1, 2].map(async () => {
    const other = postgresOutbox(url);
    const { queue: again } = openTest(t, { clock: systemClock, file: store.path });
    await again.processJobs({}, { outbox: [other], logger: () => {} });
    await other.close();
  });
  await Promise.all([tick(), tick(), ...others]);
  await tick();
  assert.deepEqual(
    await allPayloads(queue, store),
    Array.from({ length: 3000 }, (_, n) => n),
  );
  assert.equal(await countRows(pool), 0);
});

test(
  'a worker that stays is notified of a commit, also after its connection was lost',
  options,
  async (t) => {
    const { pool, outbox, queue } = await open(t);
    const end = new AbortController();
    let done = deferred<number>();
    const work = queue.processJobs(
      { row: () => void done.resolve(performance.now()) },
      { outbox: [outbox], linger: Infinity, signal: end.signal, logger: () => {} },
    );
    const listeners = "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    await until('it listens', async () => (await pool.query(`SELECT 1 ${listeners}`)).rows.length > 0);
    const waits: number[] = [];
    for (let n = 0; n < 11; n++) {
      done = deferred();
      await outbox.add(pool, 'row', n);
      const committed = performance.now();
      waits.push((await done.promise) - committed);
    }
    // The poll alone would take half a second on average.
    const median = waits.sort((a, b) => a - b)[5] as number;
    assert.ok(median < 200, `${median} ms`);
    await pool.query(`SELECT pg_terminate_backend(pid) ${listeners}`);
    done = deferred();
    await outbox.add(pool, 'row', 99);
    await done.promise;
    end.abort();
    await work;
    assert.equal(await countRows(pool), 0);
  },
);

test('a database that is missing, or lacks the table, is a warning', options, async (t) => {
  const { pool, queue, tick, warnings } = await open(t);
  await pool.query('DROP TABLE tsvq_outbox');
  await tick();
  assert.match(
    warnings.pop() ?? '',
    /could not be read: relation "tsvq_outbox" does not exist; make it by outbox/,
  );
  const nowhere = postgresOutbox('postgres://someone:secret@127.0.0.1:1/app');
  await queue.processJobs(
    {},
    { outbox: [nowhere], logger: ({ message = '' }) => void warnings.push(message) },
  );
  assert.match(
    warnings.pop() ?? '',
    /^the outbox in PostgreSQL \(127\.0\.0\.1:1\/app\) could not be read: .*ECONNREFUSED/,
  );
  await nowhere.close();
});

test('a client, and a URL that is none, are refused', options, async (t) => {
  const { pool, outbox } = await open(t);
  const client = await pool.connect();
  assert.throws(() => postgresOutbox(client as never), { code: 'INVALID_ARGUMENT', message: /^pool is/ });
  client.release();
  assert.throws(() => postgresOutbox('mysql://me:secret@host/app'), {
    code: 'INVALID_ARGUMENT',
    message: /^pool is "mysql:…" .*postgres:\/\/ URL$/,
  });
  await assert.rejects(outbox.add('receipt' as never, 'x'), { message: /^client is "receipt"/ });
  await assert.rejects(outbox.add(pool, 'a\tb'), { message: /^type is/ });
});

const DYING = `
import { createRequire } from 'node:module';
import { postgresOutbox } from 'lib/outbox.js';
const { Pool } = createRequire(process.cwd() + '/package.json')('pg');
const pool = new Pool({ connectionString: process.env.DATABASE });
const connect = pool.connect.bind(pool);
pool.connect = async () => {
  const client = await connect();
  const { query } = client;
  client.query = (...args) => { step(); return query.apply(client, args); };
  return client;
};
const outbox = postgresOutbox(pool);
`;

test('a relay that is killed at any step leaves each row one job', options, async (t) => {
  const die = async (killAt: number): Promise<number | undefined> => {
    const { pool, url, outbox, queue, store, file, tick } = await open(t, { retention: 0 });
    for (const n of [1, 2]) await outbox.add(pool, 'row', n);
    await queue.enqueue('row', 0);
    const env = { DATABASE: url, KILL_AT: String(killAt) };
    const { signal, stdout, stderr } = await startScript(t, dyingRelay(file, DYING), { env }).ended;
    if (killAt === 0) return Number(/steps (\d+)/.exec(stdout)?.[1]);
    assert.equal(signal, 'SIGKILL', stderr);
    await queue.processJobs({ row: () => {} });
    await queue.compact();
    // The server may still be ending the transaction of the dead process.
    await until('no row is left', async () => {
      await tick();
      return (await countRows(pool)) === 0;
    });
    assert.deepEqual(await allPayloads(queue, store), [0, 1, 2], `killed at step ${killAt}`);
    return undefined;
  };
  const steps = (await die(0)) as number;
  assert.ok(steps > 15, `${steps} steps`);
  for (const point of sampled(
    Array.from({ length: steps }, (_, i) => i + 1),
    14,
  ))
    await die(point);
});

test('rows of a relay that lives are left alone', options, async (t) => {
  const { pool, queue, store, tick } = await open(t);
  const alive = systemProcesses.self().replace(/^([^.]*)/, 'elsewhere');
  await pool.query(
    `INSERT INTO tsvq_outbox (type, payload, job_id, relay, taken_at)
     VALUES ('row', '1', '0000000000000001', $1, extract(epoch FROM now())),
            ('row', '2', '0000000000000002', $2, extract(epoch FROM now()) - 61)`,
    [alive, `${alive}x`],
  );
  await tick();
  assert.deepEqual(await allPayloads(queue, store), [2]);
});
