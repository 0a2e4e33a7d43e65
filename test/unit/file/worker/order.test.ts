import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { rejects } from '../../../support/errors.js';
import { temporaryFolder } from '../../../support/folders.js';
import { jobId, line, linesOf, writeQueue } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';
import { deferred, until } from '../../../support/waiting.js';

test('higher priority first, then the earlier time, then the place in the file', async (t) => {
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

test('nothing starts before its time', async (t) => {
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

test('jobs that handlers enqueue while others wait are taken in their turn', async (t) => {
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

test('as many handlers run at once as is said, no more', async (t) => {
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

test('a slow job does not keep those beside it waiting, and a worker holds no more than it can start', async (t) => {
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

test('a worker that runs one slow job leaves the others for those who have time', async (t) => {
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

// ---- handlers and what they do not serve ----

test('jobs of a type without a handler stay pending, block nobody, and are named once', async (t) => {
  const { queue, file } = openTest(t);
  await queue.enqueueMany([
    { type: 'unknown', options: { priority: 9 } },
    { type: 'unknown', options: { priority: 9 } },
    { type: 'email' },
    { type: 'other' },
    { type: 'email' },
  ]);
  const warnings: (string | undefined)[] = [];
  const summary = await queue.processJobs(
    { email: () => {} },
    { logger: ({ event, message }) => event === 'warning' && warnings.push(message) },
  );
  assert.equal(summary.completed, 2);
  assert.deepEqual(summary.unhandled, { unknown: 2, other: 1 });
  assert.equal(warnings.length, 2);
  assert.match(warnings.join('\n'), /"unknown"[\s\S]*"other"|"other"[\s\S]*"unknown"/);
  const stats = await queue.stats();
  assert.deepEqual(stats.unhandled.sort(), ['other', 'unknown']);
  assert.deepEqual(
    (await queue.listJobs({ type: 'unknown' })).map(({ status, attempts }) => `${status} ${attempts}`),
    ['pending 0', 'pending 0'],
  );

  // The same where nothing else is to be done.
  const again: (string | undefined)[] = [];
  const idle = await openTest(t, { file }).queue.processJobs(
    { email: () => {} },
    { logger: ({ message }) => again.push(message) },
  );
  assert.deepEqual(idle.unhandled, { unknown: 2, other: 1 });
  assert.equal(again.length, 2);
});

test('a row that is superseded and not struck out yet is no job without a handler', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const fields = { id: jobId(1), type: 'email' };
  writeQueue(file, line(fields), line({ ...fields, status: 'completed', version: 3 }));
  const said: unknown[] = [];
  const logger = (event: unknown): void => void said.push(event);
  const { unhandled } = await openTest(t, { file }).queue.processJobs({ report: () => {} }, { logger });
  assert.deepEqual([unhandled, said], [{}, []]);
});

test('a logger is not called under the lock, also where another worker was quicker and more is picked there', async (t) => {
  const { queue, store, file } = openTest(t);
  const other = openTest(t, { file });
  const taken = await queue.enqueue('email');
  await queue.enqueue('sms');
  const update = store.update.bind(store);
  // Between the pick and the lock.
  store.update = async (reads, decide) => {
    store.update = update;
    assert.equal(await other.queue.cancelJob(taken), true);
    return update(reads, decide);
  };
  const said: unknown[] = [];
  const logger = ({ event, message }: { event: string; message?: string }): void => {
    said.push(event, message, store.lock.holders());
  };
  const { unhandled } = await queue.processJobs({ email: () => {} }, { concurrency: 1, logger });
  assert.deepEqual(said, ['warning', 'no handler for jobs of type "sms"; they stay pending', []]);
  assert.deepEqual(unhandled, { sms: 1 });
});

test('a type may be called like a property of every object', async (t) => {
  for (const type of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
    for (const beside of [[], [{ type: 'email' }]]) {
      const { queue } = openTest(t);
      const [id = ''] = await queue.enqueueMany([{ type }, ...beside]);
      const warnings: (string | undefined)[] = [];
      const summary = await queue.processJobs(
        { email: () => {} },
        { logger: ({ event, message }) => event === 'warning' && warnings.push(message) },
      );
      assert.deepEqual(Object.entries(summary.unhandled), [[type, 1]], `${type}, ${beside.length} beside it`);
      assert.equal(warnings.length, 1);
      assert.ok(warnings[0]?.includes(type));
      const handlers = Object.fromEntries([[type, () => 'done']]);
      assert.equal((await queue.processJobs(handlers)).completed, 1);
      assert.equal((await queue.getJob(id))?.result, 'done');
    }
  }
});

test('handlers that can not be used are refused', async (t) => {
  const { queue } = openTest(t);
  for (const [handlers, ...message] of [
    [undefined, 'handlers is'],
    [null, 'handlers is'],
    [() => {}, 'handlers is'],
    ['email', 'handlers is "email"'],
    [{ email: 5 }, 'handlers.email is 5'],
    [{ email: null }, 'handlers.email is null'],
    [[], 'handlers is'],
    [new Map([['email', () => {}]]), 'handlers is'],
    [
      new (class {
        email(): void {}
      })(),
      'handlers is',
    ],
    [{ 'a\tb': () => {} }, 'the name of a handler'],
    [{ pending: () => {} }, 'the name of a handler'],
  ] as [Record<string, () => void>, ...string[]][]) {
    await rejects(queue.processJobs(handlers), 'INVALID_ARGUMENT', ...message);
  }
});

test('a handler that is undefined is none', async (t) => {
  const { queue } = openTest(t);
  await queue.enqueue('email', {});
  const summary = await queue.processJobs({ email: undefined }, { logger: () => {} });
  assert.deepEqual(summary.unhandled, { email: 1 });
});

test('a queue without a file is one with nothing to do', async (t) => {
  const { queue } = openTest(t);
  assert.deepEqual(await queue.processJobs({ email: () => {} }), {
    claimed: 0,
    completed: 0,
    retried: 0,
    failed: 0,
    cancelled: 0,
    rescued: 0,
    released: 0,
    unhandled: {},
  });
});

// ---- the context ----

test('a handler gets the payload, the job as it was claimed, and a signal that is not aborted', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('email', { to: 'ann' }, { maxAttempts: 5, timeout: '1m', priority: 2 });
  await queue.processJobs({
    email: (payload, { job, signal, enqueue }) => {
      assert.deepEqual(payload, { to: 'ann' });
      assert.deepEqual(
        [
          job.id,
          job.type,
          job.status,
          job.attempts,
          job.maxAttempts,
          job.timeout,
          job.priority,
          job.startedAt?.getTime(),
          job.payload,
        ],
        [id, 'email', 'processing', 1, 5, 60_000, 2, clock.now(), { to: 'ann' }],
      );
      assert.ok(job.lockedBy?.split('.').includes(String(process.pid)));
      assert.ok(signal instanceof AbortSignal && !signal.aborted);
      assert.equal(typeof enqueue, 'function');
      return 'ok';
    },
  });
  assert.equal((await queue.getJob(id))?.result, 'ok');
});

test('what a handler does to its payload stays with it', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('email', { n: 1 });
  const handlers = {
    email: (payload: { n: number }, { job }: { job: { payload: unknown } }) => {
      assert.equal(payload.n, 1);
      payload.n = 2;
      assert.deepEqual(job.payload, { n: 1 });
      throw new Error('no');
    },
  };
  await queue.processJobs(handlers);
  clock.advance(120_000);
  await queue.processJobs(handlers);
  assert.deepEqual((await queue.getJob(id))?.payload, { n: 1 });
  assert.match((await queue.getJob(id))?.error ?? '', /^Error: no/);
});

test('a job that somebody asks for while the worker reads the file for the first time keeps it from nothing', async (t) => {
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
