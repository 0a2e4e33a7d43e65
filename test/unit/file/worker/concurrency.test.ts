import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { COLUMNS } from '../../../../lib/file/format/columns.js';
import { systemClock } from '../../../../lib/job/clock.js';
import { claimed, elsewhere, over } from '../../../support/claims.js';
import { bytesOf, faultyFs, isAppend } from '../../../support/faulty-fs.js';
import { jobId, line } from '../../../support/queue-file.js';
import { openTest, type TestQueue } from '../../../support/queues.js';
import { deferred, settle, until } from '../../../support/waiting.js';

/*
 * A concurrency limit counts the jobs of a type or group that run, over all workers, by their rows in the file.
 */

const STATUS = COLUMNS.indexOf('status');
const GROUP = COLUMNS.indexOf('group');

const many = (count: number, options = {}, type = 'email') =>
  Array.from({ length: count }, (_, payload) => ({ type, payload, options }));

/** Several queues of one file, and the most jobs that ran at a time in the history of the file, in all or by group. */
function workersOn(t: TestContext, count: number): { queues: TestQueue[]; most: () => Map<string, number> } {
  const { fs, fault } = faultyFs();
  const first = openTest(t, { fs, clock: systemClock as never, durability: 'os' });
  const text: string[] = [];
  fault.do = (call, real) => {
    if (isAppend(call, first.file)) text.push(bytesOf(call).toString());
    return real();
  };
  const { file } = first;
  const others = Array.from({ length: count - 1 }, () =>
    openTest(t, { file, fs, clock: systemClock as never, durability: 'os' }),
  );
  const most = (): Map<string, number> => {
    const running = new Map<string, Set<string>>();
    const highest = new Map<string, number>();
    for (const row of text.join('').split('\n').slice(0, -1)) {
      const fields = row.split('\t');
      for (const name of ['all', `group ${fields[GROUP]}`]) {
        const jobs = running.get(name) ?? new Set();
        running.set(name, jobs);
        if (fields[STATUS] === 'processing') jobs.add(fields[0] as string);
        else jobs.delete(fields[0] as string);
        highest.set(name, Math.max(highest.get(name) ?? 0, jobs.size));
      }
    }
    return highest;
  };
  return { queues: [first, ...others], most };
}

const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

test('with a limit of one, four workers never have two jobs running, at any byte of the history', async (t) => {
  const { queues, most } = workersOn(t, 4);
  await queues[0]?.queue.enqueueMany(many(300));
  const email = { handler: soon, concurrency: 1 };
  const ended = await Promise.all(
    queues.map(({ queue }) => queue.processJobs({ email }, { concurrency: 3, linger: '2s' })),
  );
  assert.equal(
    ended.reduce((sum, { completed }) => sum + completed, 0),
    300,
  );
  assert.equal(most().get('all'), 1);
});

test('a limit by group counts each of hundreds of groups, and uses what it allows', async (t) => {
  const { queues, most } = workersOn(t, 2);
  const jobs = Array.from({ length: 200 }, (_, i) => many(3, { group: `g${i}` })).flat();
  await queues[0]?.queue.enqueueMany(jobs);
  await queues[0]?.queue.enqueueMany(many(20));
  const email = { handler: soon, concurrency: { max: 1, by: 'group' as const } };
  const ended = await Promise.all(
    queues.map(({ queue }) => queue.processJobs({ email }, { concurrency: 30, linger: '2s' })),
  );
  assert.equal(
    ended.reduce((sum, { completed }) => sum + completed, 0),
    620,
  );
  const highest = most();
  for (let i = 0; i < 200; i++) assert.equal(highest.get(`group g${i}`), 1, `g${i}`);
  assert.ok((highest.get('all') ?? 0) >= 20, String(highest.get('all')));
  // Those without a group are not limited.
  assert.ok((highest.get('group ') ?? 0) > 1);
});

test('what a dead worker held is free as soon as its job is taken back', async (t) => {
  const { queue } = over(t, claimed(1), line({ id: jobId(2) }), line({ id: jobId(3) }));
  let [now, most] = [0, 0];
  const handler = async (): Promise<void> => {
    most = Math.max(most, ++now);
    await settle();
    now--;
  };
  const { rescued, completed } = await queue.processJobs(
    { email: { handler, concurrency: 1 } },
    { concurrency: 3, logger: () => {} },
  );
  assert.deepEqual([rescued, completed, most], [1, 3, 1]);
});

test('what a silent worker holds that can not be judged is free when its time limit says so, not before', async (t) => {
  const silent = claimed(1, { locked_by: elsewhere, claim_timeout: 60 });
  const { queue, clock } = over(t, silent, line({ id: jobId(2) }));
  const email = { handler: () => {}, concurrency: 1 };
  assert.equal((await queue.processJobs({ email })).claimed, 0);
  clock.advance(2 * 60_000 + 40_000);
  assert.equal((await queue.processJobs({ email })).claimed, 0);
  clock.advance(11_000);
  const { rescued, completed } = await queue.processJobs({ email }, { logger: () => {} });
  assert.deepEqual([rescued, completed], [1, 2]);
});

test('a job of a limited type that is cancelled while it runs frees its place at once', async (t) => {
  const { queue, clock } = openTest(t);
  const [first, second] = (await queue.enqueueMany(many(2))) as [string, string];
  const started: string[] = [];
  const never = deferred();
  const working = queue.processJobs(
    {
      email: {
        handler: async (_, { job }) => {
          started.push(job.id);
          if (job.id === first) await never.promise;
        },
        concurrency: 1,
      },
    },
    { concurrency: 2, linger: '5s', logger: () => {} },
  );
  await until('the first runs', () => started.length === 1);
  await clock.pass(1000);
  assert.deepEqual(started, [first]);
  await queue.cancelJob(first);
  await clock.advanceUntil('the second has run', () => started.length === 2, 100);
  assert.deepEqual(started, [first, second]);
  never.resolve();
  await clock.pass(6000);
  assert.deepEqual([(await working).completed, (await queue.getJob(second))?.status], [1, 'completed']);
});

test('a handler that ignored its abort keeps its place in its own process', async (t) => {
  const { queue, clock } = openTest(t);
  const [first] = (await queue.enqueueMany(many(2, { maxAttempts: 1 }))) as [string];
  const goesOn = deferred();
  const started: string[] = [];
  const stop = new AbortController();
  const working = queue.processJobs(
    {
      email: {
        handler: async (_, { job }) => {
          started.push(job.id);
          if (job.id === first) await goesOn.promise;
        },
        concurrency: 1,
        timeout: '1s',
      },
    },
    { concurrency: 2, linger: '1h', signal: stop.signal, grace: '1s', logger: () => {} },
  );
  await clock.advanceUntil(
    'the first has failed',
    async () => (await queue.getJob(first))?.status === 'failed',
  );
  await clock.pass(5000);
  assert.deepEqual(started, [first]);
  goesOn.resolve();
  await clock.advanceUntil('the second has started', () => started.length === 2);
  stop.abort();
  await clock.pass(1000);
  await working;
});

test('a handler that ignored its abort keeps its place after its job has left for the archive', async (t) => {
  const { queue, clock } = openTest(t, { retention: 0 });
  const [first] = (await queue.enqueueMany(many(1, { maxAttempts: 1 }))) as [string];
  const goesOn = deferred();
  const started: string[] = [];
  const stop = new AbortController();
  const handler = async (_: unknown, { job }: { job: { id: string } }): Promise<void> => {
    started.push(job.id);
    if (job.id === first) await goesOn.promise;
  };
  const working = queue.processJobs(
    { email: { handler, concurrency: 1, timeout: '1s' } },
    { concurrency: 2, linger: '1h', signal: stop.signal, grace: '1s', logger: () => {} },
  );
  const hasFailed = async () => (await queue.getJob(first))?.status === 'failed';
  await clock.advanceUntil('the first has failed', hasFailed);
  await clock.pass(1000);
  assert.equal((await queue.compact()).archived, 1);
  await queue.enqueueMany(many(1));
  await clock.pass(5000);
  assert.deepEqual(started, [first]);
  goesOn.resolve();
  await clock.advanceUntil('the second has started', () => started.length === 2);
  stop.abort();
  await clock.pass(1000);
  await working;
});

test('if a limit is lowered while more run, nothing starts before they are fewer', async (t) => {
  const { queue, clock } = openTest(t);
  await queue.enqueueMany(many(8));
  const ends: (() => void)[] = [];
  const handler = (): Promise<void> => new Promise((resolve) => ends.push(resolve));
  const stop = new AbortController();
  const options = { concurrency: 8, linger: '1h', signal: stop.signal, logger: () => {} };
  const before = queue.processJobs(
    { email: { handler, concurrency: 5 } },
    { concurrency: 5, logger: () => {}, signal: stop.signal },
  );
  await until('five run', () => ends.length === 5);
  stop.abort();
  const after = queue.processJobs(
    { email: { handler, concurrency: 1 } },
    { ...options, signal: new AbortController().signal, linger: '30s' },
  );
  await clock.pass(1000);
  assert.equal(ends.length, 5);
  for (const end of ends.slice(0, 4)) end();
  await clock.pass(1000);
  assert.equal(ends.length, 5);
  ends[4]?.();
  await clock.pass(1000);
  assert.equal(ends.length, 6);
  for (let i = 5; i < 8; i++) {
    ends[i]?.();
    await clock.pass(1000);
  }
  await clock.pass(30_000);
  const ended = await Promise.all([before, after]);
  assert.deepEqual(
    ended.map(({ completed }) => completed),
    [5, 3],
  );
});

test('a limit and a rate of one type both hold', async (t) => {
  const { queue, clock } = openTest(t);
  await queue.enqueueMany(many(4));
  const begin = clock.now();
  const starts: number[] = [];
  let [now, most] = [0, 0];
  const handler = async (): Promise<void> => {
    starts.push(clock.now() - begin);
    most = Math.max(most, ++now);
    await new Promise<void>((resolve) => clock.later(1500, resolve));
    now--;
  };
  let isOver = false;
  const email = { handler, concurrency: 2, rateLimit: { max: 1, per: '1s' } };
  const working = queue.processJobs({ email }, { concurrency: 5, logger: () => {} }).finally(() => {
    isOver = true;
  });
  await clock.advanceUntil('it has returned', () => isOver, 50);
  assert.deepEqual([(await working).completed, most], [4, 2]);
  for (const [i, at] of starts.entries()) assert.ok(at >= i * 1000, starts.join());
});

test('a job that is claimed alone counts, and waits, like any other', async (t) => {
  const { queue, clock } = over(
    t,
    claimed(1, { locked_by: elsewhere, claim_timeout: 60 }),
    line({ id: jobId(2), meta: '{"@lone":true}' }),
    line({ id: jobId(3), type: 'plain' }),
  );
  const handlers = { email: { handler: () => {}, concurrency: 1 }, plain: () => {} };
  assert.equal((await queue.processJobs(handlers)).completed, 1);
  clock.advance(3 * 60_000);
  const { rescued, completed } = await queue.processJobs(handlers, { logger: () => {} });
  assert.deepEqual([rescued, completed], [1, 2]);
});

test('a limited type among others is claimed only as far as it starts next', async (t) => {
  const { queue } = openTest(t);
  const jobs = Array.from({ length: 1000 }, (_, i) => ({
    type: i % 10 === 0 ? 'email' : 'plain',
    payload: i,
  }));
  await queue.enqueueMany(jobs);
  let most = 0;
  const look = async (): Promise<void> => {
    const running = (await queue.listJobs({ status: 'processing', type: 'email' })).length;
    most = Math.max(most, running);
  };
  const { completed } = await queue.processJobs(
    { email: { handler: look, concurrency: 50 }, plain: () => {} },
    { concurrency: 2 },
  );
  assert.equal(completed, 1000);
  assert.ok(most >= 1 && most <= 2, String(most));
});
