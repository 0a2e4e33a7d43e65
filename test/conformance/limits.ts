/* Limits of a type: how many of its jobs, or of each group of them, run at a time and start in a time. */
import assert from 'node:assert/strict';
import {
  defineHandlers,
  type Handler,
  type HandlerContext,
  type HandlerEntries,
  type HandlerEntry,
  TsvqError,
  type WorkerEvent,
} from 'tsvq';
import { deferred } from '../support/waiting.js';
import type { Checks, DeclarableCheck, Steps } from './engine.js';
import { drain, fields, lasted, stay } from './tools.js';

const nothing: Handler = () => {};

const tryLimit: Steps = async (t, engine) =>
  drain(await engine.open(t), { work: { handler: nothing, concurrency: 1 } });

const limited = (steps: Steps): DeclarableCheck => ({
  needs: 'limits',
  refused: tryLimit,
  steps: async (t, engine) => {
    // The refusal of a worker that stays would be seen too late.
    await tryLimit(t, engine);
    await steps(t, engine);
  },
});

/** Counts how many handlers run at a time, by what `nameOf` says of their jobs. */
function counter(nameOf: (context: HandlerContext) => string) {
  const running = new Map<string, number>();
  const most = new Map<string, number>();
  /** Wraps a handler, which gets the number of those that run with the same name. */
  const counted =
    (handler: (now: number) => Promise<unknown>): Handler =>
    async (_, context) => {
      const name = nameOf(context);
      const now = (running.get(name) ?? 0) + 1;
      running.set(name, now);
      most.set(name, Math.max(most.get(name) ?? 0, now));
      await handler(now);
      running.set(name, (running.get(name) as number) - 1);
    };
  return { counted, most };
}

const WRONG_LIMITS: readonly (readonly [policy: object, message: RegExp])[] = [
  [{ rateLimit: { max: 0, per: '1s' } }, /^handlers\.work\.rateLimit\.max is 0 \(number\)/],
  [{ rateLimit: { max: 0.5, per: '1s' } }, /rateLimit\.max is 0\.5 .*write \{ max: 1, per: '10s' \}$/],
  [{ rateLimit: { max: 1.5, per: '1s' } }, /^handlers\.work\.rateLimit\.max is 1\.5/],
  [{ rateLimit: { per: '1s' } }, /^handlers\.work\.rateLimit\.max is undefined/],
  [{ rateLimit: { max: 1 } }, /^handlers\.work\.rateLimit\.per is undefined/],
  [{ rateLimit: { max: 1, per: 0 } }, /^handlers\.work\.rateLimit\.per is 0/],
  [{ rateLimit: { max: 1, per: '2y' } }, /^handlers\.work\.rateLimit\.per is "2y".*at most a year/],
  [{ rateLimit: { max: 1, per: '1s', burst: 0 } }, /^handlers\.work\.rateLimit\.burst is 0/],
  [{ rateLimit: { max: 1, per: '1s', by: 'host' } }, /^handlers\.work\.rateLimit\.by is "host"/],
  [{ rateLimit: { max: 1, every: '1s' } }, /^handlers\.work\.rateLimit\.every is "1s"/],
  [
    { rateLimit: 5 },
    /^handlers\.work\.rateLimit is 5 \(number\); it must be an object like { max: 5, per: '1s' }/,
  ],
  [{ concurrency: 0 }, /^handlers\.work\.concurrency is 0/],
  [{ concurrency: '2' }, /^handlers\.work\.concurrency is "2"/],
  [{ concurrency: { max: 0 } }, /^handlers\.work\.concurrency\.max is 0/],
  [{ concurrency: { max: 1, by: 'host' } }, /^handlers\.work\.concurrency\.by is "host"/],
  [{ concurrency: { max: 1, per: '1s' } }, /^handlers\.work\.concurrency\.per is "1s"/],
];

export const limits: Checks = {
  'no more jobs of a type run at a time than its limit says, over two workers': limited(async (t, engine) => {
    const queue = await engine.open(t);
    await queue.enqueueMany(Array.from({ length: 12 }, (_, i) => ({ type: i < 4 ? 'free' : 'work' })));
    const bothRun = deferred();
    const allRun = deferred();
    const { counted, most } = counter(({ job }) => job.type);
    const entries: HandlerEntries = {
      work: {
        handler: counted(async (now) => {
          if (now === 2) bothRun.resolve();
          await bothRun.promise;
          await new Promise(setImmediate);
        }),
        concurrency: 2,
      },
      free: counted(async (now) => {
        if (now === 4) allRun.resolve();
        await allRun.promise;
      }),
    };
    const options = { concurrency: 4 };
    const [a, b] = [stay(queue, entries, options), stay(await engine.reopen(t, queue), entries, options)];
    await allRun.promise;
    const stayed = [await a.end(), await b.end()];
    const rest = await Promise.all([drain(queue, entries, options), drain(queue, entries, options)]);
    assert.equal(
      [...stayed, ...rest].reduce((sum, { completed }) => sum + completed, 0),
      12,
    );
    assert.deepEqual([most.get('work'), most.get('free')], [2, 4]);
  }),

  'a limit by group counts each group by itself, and no job without one': limited(async (t, engine) => {
    const queue = await engine.open(t);
    const groups = [...Array(4).fill('a'), ...Array(4).fill('b'), ...Array(4).fill(undefined)];
    await queue.enqueueMany(groups.map((group) => ({ type: 'work', options: { group } })));
    const loose = deferred();
    const { counted, most } = counter(({ job }) => job.group ?? 'none');
    const work: HandlerEntry = {
      handler: counted(async () => {
        if (most.get('none') === 2 && most.has('a') && most.has('b')) loose.resolve();
        await loose.promise;
        await new Promise(setImmediate);
      }),
      concurrency: { max: 1, by: 'group' },
    };
    const options = { concurrency: 4 };
    const other = await engine.reopen(t, queue);
    const both = await Promise.all([drain(queue, { work }, options), drain(other, { work }, options)]);
    const last = await drain(queue, { work }, options);
    assert.equal(
      [...both, last].reduce((sum, { completed }) => sum + completed, 0),
      groups.length,
    );
    assert.deepEqual([most.get('a'), most.get('b')], [1, 1]);
  }),

  'a job that waits for a free place has used up no attempt, and can be cancelled and retried': limited(
    async (t, engine) => {
      const queue = await engine.open(t);
      const begun = deferred();
      const go = deferred();
      const handler: Handler = async () => {
        begun.resolve();
        await go.promise;
      };
      const work: HandlerEntry = { handler, concurrency: 1 };
      await queue.enqueue('work');
      const worker = stay(queue, { work }, { concurrency: 3 });
      await begun.promise;
      const ids = await queue.enqueueMany([{ type: 'work' }, { type: 'work' }]);
      const [id, other] = ids as [string, string];
      const crowded = await drain(await engine.reopen(t, queue), { work }, { concurrency: 3 });
      assert.equal(crowded.claimed, 0);
      for (const each of ids)
        assert.deepEqual(await fields(queue, each, 'status', 'attempts'), ['pending', 0]);
      assert.equal(await queue.cancelJob(id), true);
      assert.deepEqual(await fields(queue, id, 'status', 'attempts'), ['cancelled', 0]);
      assert.equal(await queue.retryJob(id), true);
      go.resolve();
      await worker.end();
      await drain(queue, { work });
      for (const each of [id, other])
        assert.deepEqual(await fields(queue, each, 'status', 'attempts'), ['completed', 1]);
    },
  ),

  'a job that is cancelled while it runs leaves its place at once': limited(async (t, engine) => {
    const queue = await engine.open(t);
    const other = await engine.reopen(t, queue);
    const begun = deferred();
    const go = deferred();
    const handler: Handler = async () => {
      begun.resolve();
      await go.promise;
    };
    const first = await queue.enqueue('work');
    const worker = stay(queue, { work: { handler, concurrency: 1 } }, { concurrency: 1 });
    await begun.promise;
    const id = await queue.enqueue('work');
    assert.equal((await drain(other, { work: { handler: nothing, concurrency: 1 } })).claimed, 0);
    assert.equal(await queue.cancelJob(first), true);
    // The worker of the cancelled job may be quicker, once its handler has ended.
    assert.equal((await drain(other, { work: { handler: nothing, concurrency: 1 } })).completed, 1);
    assert.deepEqual(await fields(queue, id, 'status', 'attempts'), ['completed', 1]);
    go.resolve();
    assert.equal((await worker.end()).cancelled, 1);
  }),

  'the starts of a type are as far apart as its rate says, over two workers': limited(async (t, engine) => {
    const queue = await engine.open(t);
    await queue.enqueueMany(Array.from({ length: 7 }, (_, i) => ({ type: i < 6 ? 'work' : 'free' })));
    const starts: number[] = [];
    let isFreeOver = false;
    const events: WorkerEvent[] = [];
    const entries: HandlerEntries = {
      work: { handler: () => void starts.push(performance.now()), rateLimit: { max: 5, per: '1s' } },
      free: () => {
        isFreeOver = starts.length < 6;
      },
    };
    const options = { concurrency: 4, logger: (event: WorkerEvent) => void events.push(event) };
    const other = await engine.reopen(t, queue);
    const both = await Promise.all([drain(queue, entries, options), drain(other, entries, options)]);
    assert.equal(
      both.reduce((sum, { completed }) => sum + completed, 0),
      7,
    );
    assert.equal(starts.length, 6);
    lasted(Math.min(...starts), 900);
    assert.ok(Math.max(...starts) - Math.min(...starts) >= 900);
    assert.ok(isFreeOver, 'other types go on');
    const told = events.find(({ event }) => event === 'rate_limited');
    assert.deepEqual([told?.type, told?.group, told?.runAt instanceof Date], ['work', undefined, true]);
  }),

  'a burst starts at once, and a rate by group counts each group by itself': limited(async (t, engine) => {
    const queue = await engine.open(t);
    const groups = ['a', 'a', 'a', 'b', undefined, undefined, undefined];
    const ids = await queue.enqueueMany(groups.map((group) => ({ type: 'work', options: { group } })));
    const work: HandlerEntry = {
      handler: nothing,
      rateLimit: { max: 1, per: '1h', burst: 2, by: 'group' },
    };
    const { completed } = await drain(queue, { work }, { concurrency: 4 });
    assert.equal(completed, groups.length - 1);
    const id = ids[2] as string;
    assert.deepEqual(await fields(queue, id, 'status', 'attempts'), ['pending', 0]);
    assert.equal((await drain(queue, { work })).claimed, 0);
  }),

  'a job that waits for its rate has used up no attempt, and can be cancelled and retried': limited(
    async (t, engine) => {
      const queue = await engine.open(t);
      const work: HandlerEntry = { handler: nothing, rateLimit: { max: 1, per: '1h' } };
      const [, id] = (await queue.enqueueMany([{ type: 'work' }, { type: 'work' }])) as [string, string];
      const waits = async (): Promise<void> => {
        assert.deepEqual(await fields(queue, id, 'status', 'attempts', 'error'), ['pending', 0, undefined]);
      };
      assert.equal((await drain(queue, { work })).completed, 1);
      await waits();
      assert.equal(await queue.cancelJob(id), true);
      assert.equal(await queue.retryJob(id), true);
      assert.equal((await drain(queue, { work })).claimed, 0, 'a retry by hand waits, too');
      await waits();
      assert.equal((await drain(queue, { work: nothing })).completed, 1, 'only the handler has the limit');
    },
  ),

  'each attempt counts for the rate': limited(async (t, engine) => {
    const queue = await engine.open(t);
    const handler: Handler = () => {
      throw new Error('not today');
    };
    const id = await queue.enqueue('work');
    await drain(queue, { work: { handler, rateLimit: { max: 1, per: '1h' } } });
    assert.deepEqual(await fields(queue, id, 'status', 'attempts'), ['pending', 1]);
  }),

  'a limit that can not be used is refused at the start, with its name, also by defineHandlers': limited(
    async (t, engine) => {
      const queue = await engine.open(t);
      const id = await queue.enqueue('work');
      for (const [policy, message] of WRONG_LIMITS) {
        const work = { handler: nothing, ...policy } as HandlerEntry;
        const isRefused = (error: unknown): boolean => {
          assert.ok(error instanceof TsvqError);
          assert.equal(error.code, 'INVALID_ARGUMENT');
          assert.match(error.message, message);
          return true;
        };
        await assert.rejects(drain(queue, { work }), isRefused);
        assert.throws(() => defineHandlers({ work }), isRefused);
      }
      assert.deepEqual(await fields(queue, id, 'status', 'attempts'), ['pending', 0]);
    },
  ),
};
