import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openTest } from '../../../support/queues.js';
import { deferred, until } from '../../../support/waiting.js';

/*
 * How many jobs a worker holds, and what it does with those that wait for a slow one.
 */

test('as many handlers run at once as concurrency says, and no more', async (t) => {
  for (const concurrency of [1, 4]) {
    const { queue } = openTest(t);
    await queue.enqueueMany(Array.from({ length: 20 }, () => ({ type: 'email' })));
    let running = 0;
    let most = 0;
    const { completed } = await queue.processJobs(
      {
        email: async () => {
          most = Math.max(most, ++running);
          await new Promise(setImmediate);
          await new Promise(setImmediate);
          running--;
        },
      },
      { concurrency },
    );
    assert.deepEqual([completed, most], [20, concurrency]);
  }
});

test('a slow job does not delay others, and a worker holds no more jobs than it can start', async (t) => {
  const { queue, file } = openTest(t);
  await queue.enqueueMany([{ type: 'slow' }, ...Array.from({ length: 10 }, () => ({ type: 'quick' }))]);
  const slow = deferred();
  let quick = 0;
  const working = queue.processJobs(
    { slow: () => slow.promise, quick: async () => void quick++ },
    { concurrency: 2 },
  );
  await until('the quick ones are done', () => quick === 10);
  const other = openTest(t, { file }).queue;
  await until('their results are in', async () => (await other.stats()).completed === 10);
  slow.resolve();
  assert.equal((await working).completed, 11);
});

test('a worker that runs one slow job leaves the others to workers that have time', async (t) => {
  const { queue, file, clock } = openTest(t);
  await queue.enqueueMany(Array.from({ length: 6 }, (_, n) => ({ type: 'email', payload: n })));
  const first = deferred();
  const started = deferred();
  const slow = queue.processJobs({
    email: () => {
      started.resolve();
      return first.promise;
    },
  });
  await started.promise;
  const other = openTest(t, { file, clock }).queue;
  assert.equal((await other.stats()).processing, 1);
  assert.equal((await other.processJobs({ email: () => {} })).completed, 5);
  first.resolve();
  assert.equal((await slow).completed, 1);
});

const many = (length: number) => Array.from({ length }, (_, n) => ({ type: 'quick', payload: n }));

/** A handler of which one can tell that it has begun, and which ends when the test says so. */
function slowJob() {
  const begun = deferred();
  const end = deferred();
  const slow = (): Promise<void> => {
    begun.resolve();
    return end.promise;
  };
  return { begun, end, slow };
}

test('jobs that a slow one holds up are given back once, and not claimed again before it has ended', async (t) => {
  const { queue, clock, file } = openTest(t);
  const other = openTest(t, { file, clock }).queue;
  await queue.enqueueMany(many(100));
  await queue.enqueue('slow');
  await queue.enqueueMany(many(100));
  await queue.enqueue('quick', 'later', { delay: '3s' });
  const { begun, end, slow } = slowJob();
  const working = queue.processJobs({ quick: () => {}, slow }, { logger: () => {} });
  await begun.promise;
  await until('others are claimed ahead', async () => (await other.stats()).processing > 1);

  for (let looks = 0; looks < 12; looks++) {
    clock.advance(500);
    // What a look sets in motion is done when a commit after it is.
    await queue.enqueue('rare');
  }
  const waiting = await other.listJobs({ type: 'quick', status: 'pending' });
  assert.equal(waiting.length, 101);
  assert.deepEqual([...new Set(waiting.map(({ attempts, forgiven }) => `${attempts} ${forgiven}`))].sort(), [
    '0 0',
    '1 1',
  ]);

  end.resolve();
  const { completed, claimed, released } = await working;
  assert.deepEqual([completed, claimed - released], [202, 202]);
});

test('any number of held-up jobs is given back once', async (t) => {
  const { queue, clock } = openTest(t, { durability: 'os' });
  await queue.enqueueMany(many(3000));
  await queue.enqueue('slow');
  await queue.enqueueMany(many(6000));
  const { begun, end, slow } = slowJob();
  const working = queue.processJobs({ quick: () => {}, slow }, { logger: () => {} });
  await begun.promise;
  await clock.pass(10_000, 500);
  const { processing } = await queue.stats();
  end.resolve();
  const { completed, released } = await working;
  assert.deepEqual([processing, completed], [1, 9001]);
  assert.ok(released <= 2000, `${released} were given back`);
});

test('an earlier pause does not make a worker give jobs back', async (t) => {
  const { queue, clock } = openTest(t);
  const stop = new AbortController();
  let ran = 0;
  let gate = deferred();
  const quick = async (n: unknown): Promise<void> => {
    ran++;
    if (n === 0) await gate.promise;
  };
  const working = queue.processJobs(
    { quick },
    { linger: Number.POSITIVE_INFINITY, signal: stop.signal, logger: () => {} },
  );
  for (let burst = 1; burst <= 3; burst++) {
    gate = deferred();
    await queue.enqueueMany(many(50));
    await clock.advanceUntil('the first runs', () => ran === 50 * (burst - 1) + 1, 1);
    // Time for a look at what the worker itself has written.
    await clock.pass(20, 1);
    gate.resolve();
    await clock.advanceUntil('all have run', () => ran === 50 * burst, 1);
    await clock.pass(10_000);
  }
  stop.abort();
  const { completed, released } = await working;
  assert.deepEqual([completed, released], [150, 0]);
});

test('a job that becomes urgent while a slow one runs is next', async (t) => {
  const { queue, clock } = openTest(t);
  await queue.enqueueMany(many(4000));
  await queue.enqueue('slow');
  await queue.enqueueMany(many(3000));
  const { begun, end, slow } = slowJob();
  const ran: string[] = [];
  const quick = (_: unknown, { job }: { job: { priority: number } }): void =>
    void ran.push(`${job.priority}`);
  const working = queue.processJobs({ quick, slow }, { logger: () => {} });
  await begun.promise;
  await clock.pass(3000, 500);
  await queue.enqueue('quick', 'urgent', { priority: 1000 });
  const before = ran.length;
  end.resolve();
  assert.equal((await working).failed, 0);
  assert.equal(ran.indexOf('1000'), before);
});

test('jobs that a slow one holds up are given back although the clock was set back meanwhile', async (t) => {
  const { queue, clock, file } = openTest(t);
  const other = openTest(t, { file, clock }).queue;
  await queue.enqueueMany(many(50));
  await queue.enqueue('slow');
  await queue.enqueueMany(many(50));
  const { begun, end, slow } = slowJob();
  const working = queue.processJobs({ quick: () => {}, slow }, { logger: () => {} });
  await begun.promise;
  await until('others are claimed ahead', async () => (await other.stats()).processing > 1);
  clock.set(-3_600_000);
  await clock.advanceUntil('they are given back', async () => (await other.stats()).processing === 1);
  end.resolve();
  const { completed, claimed, released } = await working;
  // They wait for their time to come again.
  assert.deepEqual([completed, claimed - released, released > 0], [51, 51, true]);
});
