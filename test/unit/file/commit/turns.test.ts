import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { rejects } from '../../../support/errors.js';
import { faultyFs } from '../../../support/faulty-fs.js';
import { jobId, line, statesOf, writeQueue } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';
import { deferred } from '../../../support/waiting.js';

/*
 * Commits, reads and compactions of one process take turns: none waits for ever, and none gets an outdated answer.
 */

test('a compaction and a reader get their turn although new jobs come faster than the disk takes them', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, store } = openTest(t, { fs });
  const ids = [await queue.enqueue('email', 0)];
  let asked = 0;
  let over = false;
  const coming: Promise<string>[] = [];
  // With each sync the next job is there already: a commit is never the last one.
  fault.do = ({ name }, real) => {
    if (name === 'fdatasync' && !over) coming.push(queue.enqueue('email', ++asked));
    return real();
  };
  ids.push(await queue.enqueue('email', 'first'));
  const summary = await queue.compact();
  assert.ok(summary.kept >= 2);
  const seen = asked;
  assert.equal((await queue.stats()).pending >= 2, true);
  await store.forget();
  assert.ok(asked - seen < 20, `${asked - seen} commits came before`);
  over = true;
  ids.push(...(await Promise.all(coming)));
  assert.deepEqual((await queue.listJobs({ limit: 10_000 })).map(({ id }) => id).sort(), ids.sort());
});

test('close lets earlier calls finish, and refuses later ones', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  await queue.enqueue('email', 0);
  const held = deferred<void>();
  fault.do = ({ name }, real) => (name === 'fdatasync' ? held.promise.then(() => real()) : real());
  const first = queue.enqueue('email', 1);
  await new Promise(setImmediate);
  const second = queue.enqueue('email', 2);
  const closing = queue.close();
  await assert.rejects(queue.enqueue('email', 3), { code: 'CLOSED' });
  held.resolve();
  const ids = await Promise.all([first, second]);
  await closing;
  const jobs = await openTest(t, { file }).queue.listJobs();
  assert.deepEqual(
    jobs.slice(1).map(({ id }) => id),
    ids,
  );
});

test('a read during a commit of the same handle finds the file that has the name by then', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  const other = openTest(t, { file }).queue;
  const id = await queue.enqueue('email', 0);
  await queue.stats();
  const reached = deferred();
  const held = deferred();
  fault.do = ({ name }, real) => {
    if (name !== 'fdatasync') return real();
    reached.resolve();
    return held.promise.then(() => real());
  };
  const mine = queue.enqueue('email', 1);
  await reached.promise;
  await other.compact();
  assert.equal(await other.cancelJob(id), true);
  assert.equal((await queue.getJob(id))?.status, 'cancelled');
  assert.deepEqual(
    (await queue.listJobs({ status: 'cancelled' })).map((job) => job.id),
    [id],
  );
  assert.equal((await queue.stats()).cancelled, 1);
  held.resolve();
  assert.equal((await queue.getJob(await mine))?.status, 'pending');
});

test('a compaction rejects if the file is removed before it reads it, and the next job makes a new file', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  await queue.enqueue('email', 0);
  appendFileSync(file, 'torn');
  let met = false;
  fault.do = ({ name }, real) => {
    // The sync of the line that is closed first.
    if (name !== 'fdatasync' || met) return real();
    met = true;
    rmSync(file);
    return queue.stats().then(() => real());
  };
  await rejects(queue.compact(), 'WRITE_FAILED', 'vanished');
  assert.ok(met);
  const id = await queue.enqueue('email', 1);
  assert.deepEqual(
    (await queue.listJobs()).map((job) => job.id),
    [id],
  );
  assert.deepEqual(readdirSync(dirname(file)), ['queue.tsv']);
});

test('a commit strikes what it supersedes, whenever a read begins and others append meanwhile', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  await queue.enqueue('email');
  await queue.stats();
  let calls = 0;
  let others = 0;
  const cancelDuring = async (look: number, append: number): Promise<string[]> => {
    const id = await queue.enqueue('email');
    await queue.stats();
    let looked: Promise<unknown> | undefined;
    calls = 0;
    fault.do = (_, real) => {
      const result = real();
      calls++;
      if (calls === append) appendFileSync(file, line({ id: jobId(++others) }));
      if (calls === look) {
        queueMicrotask(() => {
          looked = queue.stats();
        });
      }
      return result;
    };
    await queue.cancelJob(id);
    fault.do = undefined;
    await looked;
    return statesOf(file).filter((state) => state.startsWith(id));
  };
  for (let look = 1; look <= calls || look === 1; look++) {
    for (let append = look; append < look + 5; append++) {
      const states = await cancelDuring(look, append);
      assert.equal(states.length, 1, `look at call ${look}, append at call ${append}: ${states.join(', ')}`);
    }
    await queue.compact();
  }
  assert.ok(calls > 20, `${calls} calls`);
});

test('the event loop gets its turn between commits, even if nothing waits for the disk', async (t) => {
  const { queue } = openTest(t, { durability: 'os' });
  await queue.enqueue('email');
  let turns = 0;
  const count = (): void => {
    turns++;
    timer = setImmediate(count);
  };
  let timer = setImmediate(count);
  for (let n = 0; n < 100; n++) await queue.enqueue('email', n);
  clearImmediate(timer);
  assert.ok(turns >= 5, `${turns} turns`);
});

test('a finished job survives a compaction during which a reader reads rows appended to the old file', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, store, file } = openTest(t, { fs });
  // So large that the finished ones are set apart, and not read again.
  const finished = (n: number) =>
    line({
      id: jobId(n),
      status: 'completed',
      payload: `"${'x'.repeat(40_000)}"`,
      finished_at: 1893456000,
      version: 2,
    });
  const lines = Array.from({ length: 6 }, (_, n) => finished(n));
  writeQueue(file, ...lines, line({ id: jobId(99) }));
  let calls = 0;
  for (let call = 1; call <= calls || call === 1; call++) {
    await queue.compact();
    await store.read('open');
    let looked: Promise<unknown> | undefined;
    calls = 0;
    fault.do = (_, real) => {
      const result = real();
      if (++calls === call) {
        // By one who was passed over, and will find out that this file doesn't count.
        appendFileSync(file, line({ id: jobId(5), version: 3 }));
        queueMicrotask(() => {
          looked = store.read('open');
        });
      }
      return result;
    };
    await queue.compact();
    fault.do = undefined;
    await looked;
    const states = statesOf(file).filter((state) => state.startsWith(jobId(5)));
    assert.ok(states.length > 0, `lost at call ${call}`);
    writeQueue(file, ...lines, line({ id: jobId(99) }));
    await store.forget();
  }
  assert.ok(calls > 20, `${calls} calls`);
});

test('a change that throws rejects with its error, and the other changes of its commit go in', async (t) => {
  const { store, queue } = openTest(t);
  await queue.enqueue('email', 0);
  const failing = store.update('open', () => {
    throw new RangeError('my mistake');
  });
  const beside = queue.enqueue('email', 1);
  await assert.rejects(failing, { name: 'RangeError', message: 'my mistake' });
  assert.equal((await queue.getJob(await beside))?.payload, 1);
});
