import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { temporaryFolder } from '../../../support/folders.js';
import { jobId, line, linesOf, writeQueue } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

test('jobs start by higher priority, then by earlier time, then by place in the file', async (t) => {
  const { queue, clock } = openTest(t);
  const now = clock.now() / 1000;
  const jobs: [string, { priority?: number; runAt?: number }][] = [
    ['e', {}],
    ['h', { priority: -1 }],
    ['c', { runAt: now - 10 }],
    ['a', { priority: 5.5 }],
    ['f', {}],
    ['b', { priority: 5, runAt: now - 1000 }],
    ['d', { runAt: now - 5 }],
    ['g', { priority: -0.5, runAt: now - 1000 }],
  ];
  for (const [payload, options] of jobs) await queue.enqueue('email', payload, options);
  const ran: unknown[] = [];
  await queue.processJobs({ email: (payload) => void ran.push(payload) });
  assert.deepEqual(ran.join(''), 'abcdefgh');
});

test('whatever the priorities and times, jobs start in their order', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({ priority: fc.integer({ min: -3, max: 3 }), ago: fc.integer({ min: 0, max: 5 }) }),
        { minLength: 1, maxLength: 60 },
      ),
      async (jobs) => {
        const { queue, clock } = openTest(t, { durability: 'os' });
        const now = clock.now() / 1000;
        await queue.enqueueMany(
          jobs.map(({ priority, ago }, n) => ({
            type: 'email',
            payload: n,
            options: { priority, runAt: now - ago },
          })),
        );
        const ran: number[] = [];
        await queue.processJobs({ email: (n: number) => void ran.push(n) });
        const expected = jobs
          .map((job, n) => ({ ...job, n }))
          .sort((a, b) => b.priority - a.priority || b.ago - a.ago || a.n - b.n)
          .map(({ n }) => n);
        assert.deepEqual(ran, expected);
      },
    ),
    { numRuns: 15 },
  );
});

test('a due job that is replaced meanwhile starts as its new priority and start say', async (t) => {
  const { queue } = openTest(t);
  const key = (n: number) => ({ dedupeKey: String(n), onDuplicate: 'replace' as const });
  for (let n = 0; n < 20; n++) await queue.enqueue('job', n, key(n));
  const ran: number[] = [];
  await queue.processJobs({
    job: async (n: number) => {
      ran.push(n);
      if (n !== 0) return;
      await queue.enqueue('job', 115, { ...key(15), priority: 9 });
      await queue.enqueue('job', 103, { ...key(3), priority: -1 });
      await queue.enqueue('job', 107, { ...key(7), delay: '1h' });
      await queue.enqueue('job', 118, { ...key(18), priority: 8 });
    },
  });
  const rest = Array.from({ length: 20 }, (_, n) => n).filter((n) => ![0, 3, 7, 15, 18].includes(n));
  assert.deepEqual(ran, [0, 115, 118, ...rest, 103]);
});

test('no job starts before its time', async (t) => {
  const { queue, clock } = openTest(t);
  await queue.enqueueMany([
    { type: 'email', payload: 'later', options: { delay: '10m' } },
    { type: 'email', payload: 'now' },
    { type: 'email', payload: 'at', options: { runAt: new Date(clock.now() + 60_000) } },
  ]);
  const ran: unknown[] = [];
  const handlers = { email: (payload: unknown) => void ran.push(payload) };
  await queue.processJobs(handlers);
  clock.advance(59_999);
  await queue.processJobs(handlers);
  assert.deepEqual(ran, ['now']);
  clock.advance(1);
  await queue.processJobs(handlers);
  clock.advance(540_000);
  await queue.processJobs(handlers);
  assert.deepEqual(ran, ['now', 'at', 'later']);
});

test('jobs that handlers enqueue while others wait start in their turn', async (t) => {
  const { queue } = openTest(t);
  await queue.enqueueMany([
    { type: 'email', payload: 1 },
    { type: 'email', payload: 2 },
  ]);
  const ran: unknown[] = [];
  const { completed } = await queue.processJobs({
    email: async (payload) => {
      ran.push(payload);
      if (payload === 1) await queue.enqueue('email', 'urgent', { priority: 9 });
    },
  });
  assert.equal(completed, 3);
  assert.deepEqual(new Set(ran), new Set([1, 2, 'urgent']));
});

test('every job runs, in a queue of thousands', async (t) => {
  const { queue, file } = openTest(t, { durability: 'os' });
  await queue.enqueueMany(Array.from({ length: 5000 }, (_, n) => ({ type: 'email', payload: n })));
  const ran: number[] = [];
  const summary = await queue.processJobs({ email: (n: number) => ran.push(n) });
  assert.equal(summary.completed, 5000);
  assert.deepEqual(
    ran,
    Array.from({ length: 5000 }, (_, n) => n),
  );
  assert.equal((await openTest(t, { file }).queue.stats()).completed, 5000);
});

test('jobs that another worker claimed and gave back, while this one drains the queue, run once', async (t) => {
  const { queue, file } = openTest(t);
  const ids = await queue.enqueueMany(Array.from({ length: 300 }, (_, n) => ({ type: 'email', payload: n })));
  const rows = linesOf(file);
  const next = (n: number, status: string, version: number): string => {
    const fields = (rows[n] as string).split('\t');
    Object.assign(fields, {
      3: status,
      6: '1',
      11: status === 'pending' ? '1' : '0',
      [fields.length - 1]: String(version),
    });
    return `${fields.join('\t')}\n`;
  };
  const given = ids.map((_, n) => n).slice(100, 250);
  const runs: string[] = [];
  const { completed } = await queue.processJobs({
    email: (n, { job }) => {
      runs.push(`${job.id}:${job.attempts}`);
      // It claimed a lot, met a slow job, and gave back what was waiting behind that.
      if (n !== 0) return;
      appendFileSync(file, given.map((i) => next(i, 'processing', 2)).join(''));
      appendFileSync(file, given.map((i) => next(i, 'pending', 3)).join(''));
    },
  });
  assert.equal(completed, 300);
  assert.deepEqual(runs.sort(), ids.map((id, n) => `${id}:${given.includes(n) ? 2 : 1}`).sort());
});

for (const [who, isOwn] of [
  ['by the program that it is part of', true],
  ['by others, and the program notices first', false],
] as const) {
  test(`a worker goes on in the new file after a compaction ${who}`, async (t) => {
    const { queue, file, clock } = openTest(t);
    await queue.enqueueMany(Array.from({ length: 8 }, (_, n) => ({ type: 'email', payload: n })));
    const other = openTest(t, { file, clock }).queue;
    const ran: unknown[] = [];
    const calls: Promise<unknown>[] = [];
    const { completed } = await queue.processJobs(
      {
        email: async (n) => {
          ran.push(n);
          if (isOwn) await queue.compact();
          if (isOwn) return;
          await other.compact();
          // It looks at the path at once, and finds another file there.
          calls.push(queue.cancelJob('nobody'));
        },
      },
      { concurrency: 2 },
    );
    await Promise.all(calls);
    assert.deepEqual([completed, ran.sort()], [8, [0, 1, 2, 3, 4, 5, 6, 7]]);
  });
}

test('a worker has nothing to do in a queue without a file', async (t) => {
  const { queue } = openTest(t);
  assert.deepEqual(await queue.processJobs({ email: () => {} }), {
    claimed: 0,
    completed: 0,
    retried: 0,
    failed: 0,
    cancelled: 0,
    rescued: 0,
    slept: 0,
    released: 0,
    unhandled: {},
  });
});

test('a call of getJob while a worker reads the file for the first time does not stop the worker', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  // Some finished, which the worker need not read; more that wait than are read at one go.
  const payload = `"${'x'.repeat(20_000)}"`;
  const finished = { status: 'completed', finished_at: 1893456000, version: 2, payload };
  writeQueue(
    file,
    ...Array.from({ length: 10 }, (_, n) => line({ id: jobId(n), ...finished })),
    ...Array.from({ length: 10 }, (_, n) => line({ id: jobId(100 + n), payload })),
  );
  await openTest(t, { file }).queue.compact();
  const { queue, store } = openTest(t, { file });
  let looked: Promise<unknown> | undefined;
  const look = (): void => {
    store.onIndex.delete(look);
    setImmediate(() => {
      looked = queue.getJob(jobId(3));
    });
  };
  store.onIndex.add(look);
  let commits = 0;
  const update = store.update.bind(store);
  store.update = (reads, decide) => {
    commits++;
    return update(reads, decide);
  };
  const before: number[] = [];
  await queue.processJobs({ email: () => void before.push(commits) });
  await looked;
  assert.equal(before.length, 10);
  assert.ok((before[0] as number) <= 2, `${before[0]} commits before the first handler`);
});
