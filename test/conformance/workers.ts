/*
 * Which jobs a worker runs, how long it stays, and how several workers share them.
 */
import assert from 'node:assert/strict';
import type { Handler, Handlers, WorkerEvent, WorkerOptions } from 'tsvq';
import { rejects } from '../support/errors.js';
import { deferred } from '../support/waiting.js';
import type { Checks } from './engine.js';
import { drain, fields, lasted, look, stay } from './tools.js';

const WRONG_OPTIONS: readonly (readonly [options: unknown, named: string])[] = [
  [{ concurency: 1 }, 'concurency'],
  [{ concurrency: 0 }, 'concurrency'],
  [{ concurrency: '2' }, 'concurrency'],
  [{ maxAttempts: 0 }, 'maxAttempts'],
  [{ maxInterruptions: -1 }, 'maxInterruptions'],
  [{ maxRetryAfter: 'never' }, 'maxRetryAfter'],
  [{ maxTime: -1 }, 'maxTime'],
  [{ linger: 'long' }, 'linger'],
  [{ timeout: 0 }, 'timeout'],
  [{ grace: Number.NaN }, 'grace'],
  [{ signal: {} }, 'signal'],
  [{ logger: 'console' }, 'logger'],
  [{ backoff: [] }, 'backoff'],
  [{ backoff: ['1m', 'long'] }, 'backoff[1]'],
  [{ backoff: { base: -1 } }, 'backoff.base'],
  [{ backoff: { jitter: -1 } }, 'backoff.jitter'],
  [{ backoff: { bass: 1 } }, 'bass'],
  [null, 'options'],
];

const WRONG_HANDLERS: readonly unknown[] = [null, 'work', { work: 'x' }, { '#work': () => {} }];

export const workers: Checks = {
  'processJobs runs all due jobs, also those that are added meanwhile, then returns': async (t, engine) => {
    const queue = await engine.open(t);
    const none = {
      claimed: 0,
      completed: 0,
      retried: 0,
      failed: 0,
      cancelled: 0,
      rescued: 0,
      slept: 0,
      released: 0,
    };
    assert.deepEqual(await drain(queue, { work: () => {} }), { ...none, unhandled: {} });
    await queue.enqueueMany(Array.from({ length: 5 }, () => ({ type: 'first' })));
    const summary = await drain(queue, { first: () => queue.enqueue('second'), second: () => {} });
    assert.equal(summary.completed, 10);
    assert.equal((await queue.listJobs({ status: 'completed' })).length, 10);
  },

  'jobs of a type without a handler stay, block nothing, and are named': async (t, engine) => {
    const queue = await engine.open(t);
    const ids = await queue.enqueueMany([
      { type: 'other', options: { priority: 9 } },
      { type: 'other' },
      { type: 'later', options: { delay: '1h' } },
      { type: 'work' },
    ]);
    const warnings: string[] = [];
    const logger = ({ event, message }: WorkerEvent) =>
      void (event === 'warning' && warnings.push(String(message)));
    const { completed, unhandled } = await drain(queue, { work: () => {} }, { logger });
    assert.deepEqual([completed, unhandled], [1, { other: 2 }]);
    assert.ok(
      warnings.some((message) => message.includes('other')),
      `named in a warning: ${warnings}`,
    );
    assert.deepEqual((await queue.stats()).unhandled, ['other']);
    for (const id of ids.slice(0, 3))
      assert.deepEqual(await fields(queue, id, 'status', 'attempts'), ['pending', 0]);
  },

  'a lingering worker runs jobs that become due meanwhile, and ends no sooner than it should': async (
    t,
    engine,
  ) => {
    const queue = await engine.open(t);
    await queue.enqueue('work', null, { delay: 50 });
    const since = performance.now();
    const { completed } = await drain(queue, { work: () => {} }, { linger: 250 });
    lasted(since, 250);
    assert.equal(completed, 1);
  },

  'a worker that lingers forever runs jobs that other handles add, until its signal': async (t, engine) => {
    const queue = await engine.open(t);
    const other = await engine.reopen(t, queue);
    let begun = deferred<string>();
    const worker = stay(queue, { work: (_, { job }) => begun.resolve(job.id) });
    for (let i = 0; i < 5; i++) {
      const id = await (i % 2 ? queue : other).enqueue('work');
      assert.equal(await begun.promise, id);
      begun = deferred();
    }
    assert.equal((await worker.end()).completed, 5);
  },

  'as many handlers run at once as concurrency says, over all types, and no more': async (t, engine) => {
    const queue = await engine.open(t);
    await queue.enqueueMany(Array.from({ length: 8 }, (_, i) => ({ type: i % 2 ? 'a' : 'b' })));
    const full = deferred();
    let running = 0;
    let most = 0;
    const handler: Handler = async () => {
      running++;
      most = Math.max(most, running);
      if (running === 3) full.resolve();
      await full.promise;
      await new Promise(setImmediate);
      running--;
    };
    const { completed } = await drain(queue, { a: handler, b: handler }, { concurrency: 3 });
    assert.deepEqual([completed, most], [8, 3]);
    await queue.enqueueMany([{ type: 'a' }, { type: 'b' }]);
    most = 0;
    await drain(queue, { a: handler, b: handler });
    assert.equal(most, 1, 'one at a time unless it is told');
  },

  'several workers share the jobs, and none runs twice': async (t, engine) => {
    const queue = await engine.open(t);
    const runs: string[] = [];
    const both = deferred();
    let meeting = 0;
    const handlers: Handlers = {
      work: (_, { job }) => void runs.push(job.id),
      // Each runs in a worker of its own, else it would not end.
      meet: async (_, { job }) => {
        runs.push(job.id);
        if (++meeting === 2) both.resolve();
        await both.promise;
      },
    };
    const ids = await queue.enqueueMany([
      ...Array.from({ length: 2 }, () => ({ type: 'meet', options: { priority: 1 } })),
      ...Array.from({ length: 60 }, () => ({ type: 'work' })),
    ]);
    const pair = [stay(queue, handlers), stay(await engine.reopen(t, queue), handlers)];
    await both.promise;
    const stayed = await Promise.all(pair.map((worker) => worker.end()));
    const rest = await Promise.all([drain(queue, handlers), drain(queue, handlers)]);
    assert.deepEqual(runs.sort(), [...ids].sort());
    assert.equal(
      [...stayed, ...rest].reduce((sum, { completed }) => sum + completed, 0),
      ids.length,
    );
    assert.equal((await queue.stats()).completed, ids.length);
  },

  'a worker claims nothing while maxWorkers others are active': {
    needs: 'maxWorkers',
    steps: async (t, engine) => {
      const queue = await engine.open(t);
      const other = await engine.reopen(t, queue);
      const quick: Handlers = { work: () => {} };
      await queue.enqueue('work');
      assert.equal((await drain(other, quick, { maxWorkers: 1 })).completed, 1);
      const begun = deferred();
      const go = deferred();
      const handler: Handler = async () => {
        begun.resolve();
        await go.promise;
      };
      await queue.enqueue('work');
      const worker = stay(queue, { work: handler }, { concurrency: 1 });
      await begun.promise;
      await queue.enqueue('work');
      const summary = await drain(other, quick, { maxWorkers: 1 });
      assert.equal(summary.claimed, 0);
      assert.equal((await drain(other, quick, { maxWorkers: 2 })).completed, 1);
      go.resolve();
      await worker.end();
    },
    refused: async (t, engine) => drain(await engine.open(t), {}, { maxWorkers: 1 }),
  },

  'one worker more than maxWorkers runs jobs of a type that no other runs': {
    needs: 'maxWorkers',
    steps: async (t, engine) => {
      const queue = await engine.open(t);
      const begun = deferred();
      const go = deferred();
      const hung: Handler = async () => {
        begun.resolve();
        await go.promise;
      };
      await queue.enqueue('hung');
      const worker = stay(queue, { hung }, { concurrency: 1 });
      await begun.promise;
      const ids = await queue.enqueueMany([{ type: 'hung' }, { type: 'webhook' }]);
      const handlers = { hung: () => {}, webhook: () => {} };
      const other = await engine.reopen(t, queue);
      assert.equal((await drain(other, handlers, { maxWorkers: 1 })).completed, 1);
      assert.equal((await queue.getJob(ids[1] as string))?.status, 'completed');
      go.resolve();
      await worker.end();
    },
    refused: async (t, engine) => drain(await engine.open(t), {}, { maxWorkers: 1 }),
  },

  'the logger gets each event, with its job': async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work');
    const events: WorkerEvent[] = [];
    const work: Handler = (_, { job }) => {
      if (job.attempts === 1) throw new Error('not yet');
    };
    await drain(queue, { work }, { logger: (event) => void events.push(event) });
    const about = events.filter(({ event }) => event !== 'warning');
    assert.deepEqual(
      about.map(({ event, id, type, attempt }) => [event, id, type, attempt]),
      [
        ['retried', id, 'work', 1],
        ['completed', id, 'work', 2],
      ],
    );
    assert.match(about[0]?.error ?? '', /not yet/);
    assert.ok(about[0]?.runAt instanceof Date);
    for (const { ms } of about) assert.equal(typeof ms, 'number');
  },

  'wrong options of a worker, and wrong handlers, are refused, and nothing runs': async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work');
    let runs = 0;
    const handlers = { work: () => void runs++ };
    for (const [options, named] of WRONG_OPTIONS)
      await rejects(queue.processJobs(handlers, options as WorkerOptions), 'INVALID_ARGUMENT', named);
    for (const wrong of WRONG_HANDLERS)
      await rejects(drain(queue, wrong as typeof handlers), 'INVALID_ARGUMENT', 'handler');
    assert.equal(runs, 0);
    const { status, attempts } = await look(queue, id);
    assert.deepEqual([status, attempts], ['pending', 0]);
  },
};
