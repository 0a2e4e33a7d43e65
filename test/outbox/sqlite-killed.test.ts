/*
 * A relay is killed at each of its steps in turn. Afterwards each committed row is one job all the same.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../lib/job/clock.js';
import { sqliteOutbox } from '../../lib/outbox.js';
import { allPayloads, dyingRelay } from '../support/outbox.js';
import { startScript } from '../support/processes.js';
import { openTest } from '../support/queues.js';
import { sampled } from '../support/samples.js';
import { countRows, openDatabase, transaction, withoutSqlite } from '../support/sqlite.js';

const OPEN = `
import { createRequire } from 'node:module';
import { sqliteOutbox } from 'lib/outbox.js';
const own = () => process.getBuiltinModule('node:sqlite').DatabaseSync;
let Driver;
try { Driver = createRequire(process.cwd() + '/package.json')('better-sqlite3'); } catch { Driver = own(); }
class Dying extends Driver {
  exec(sql) { step(); return super.exec(sql); }
  prepare(sql) {
    const statement = super.prepare(sql);
    const call = (name) => (...values) => { step(); return statement[name](...values); };
    return { run: call('run'), get: call('get'), all: call('all') };
  }
}
const outbox = sqliteOutbox(new Dying(process.env.DATABASE));
`;

/** What happens between the death and the next relay: nothing, or the jobs run and are archived. */
const BETWEEN = { nothing: false, 'the jobs are archived': true };

/** Kills a relay of rows 1 to 3 at a step. @returns how many steps it has, if it wasn't killed */
async function die(t: TestContext, killAt: number, isArchived: boolean): Promise<number | undefined> {
  const { queue, store, file } = openTest(t, { clock: systemClock, retention: 0 });
  const db = openDatabase(t);
  const outbox = sqliteOutbox(db);
  outbox.create();
  transaction(db, () => [1, 2].forEach((n) => outbox.add('row', n)));
  outbox.add('row', 3, { dedupeKey: 'k' });
  await queue.enqueue('row', 0);
  const DATABASE = String(db.prepare('PRAGMA database_list').get()?.file);
  const env = { DATABASE, KILL_AT: String(killAt) };
  const { signal, stdout, stderr } = await startScript(t, dyingRelay(file, OPEN), { env }).ended;
  if (killAt === 0) return Number(/steps (\d+)/.exec(stdout)?.[1]);
  assert.equal(signal, 'SIGKILL', stderr);
  if (isArchived) {
    await queue.processJobs({ row: () => {} });
    await queue.compact();
  }
  await queue.processJobs({}, { outbox: [outbox], logger: () => {} });
  await outbox.close();
  assert.deepEqual(await allPayloads(queue, store), [0, 1, 2, 3], `killed at step ${killAt}`);
  assert.equal(countRows(db), 0);
  return undefined;
}

for (const [what, isArchived] of Object.entries(BETWEEN))
  test(`a relay that is killed at any step leaves each row one job, if ${what} meanwhile`, {
    skip: withoutSqlite,
  }, async (t) => {
    const steps = (await die(t, 0, false)) as number;
    assert.ok(steps > 15, `${steps} steps`);
    const points = sampled(
      Array.from({ length: steps }, (_, i) => i + 1),
      14,
    );
    const dieOn = async (): Promise<void> => {
      for (let point = points.shift(); point !== undefined; point = points.shift())
        await die(t, point, isArchived);
    };
    await Promise.all([dieOn(), dieOn()]);
  });
