/* What becomes of a job by what its handler does. */
import assert from 'node:assert/strict';
import {
  type BackoffOption,
  type Handler,
  type Job,
  PermanentError,
  type Queue,
  RetryAfterError,
  type WorkerEvent,
} from 'tsvq';
import { deferred } from '../helpers.js';
import type { Checks } from './engine.js';
import { aborted, between, drain, fields, lasted, look } from './tools.js';

const fail = (): never => {
  throw new Error('not today');
};

/** Each with the wait after the first, second and third attempt, in ms. */
const BACKOFFS: readonly (readonly [BackoffOption | undefined, waits: number[]])[] = [
  [undefined, [120_000, 240_000, 480_000]],
  [
    ['10m', 3_600_000],
    [600_000, 3_600_000, 3_600_000],
  ],
  [{ base: '1m', factor: 3, max: '12m' }, [180_000, 540_000, 720_000]],
  [(attempts) => attempts * 1000, [1000, 2000, 3000]],
];

export const outcomes: Checks = {
  'a handler gets the payload and the job as it runs, and what it returns is the result': async (
    t,
    engine,
  ) => {
    const queue = await engine.open(t);
    const before = Date.now();
    const id = await queue.enqueue('work', { n: 1 }, { priority: 3 });
    const seen: { payload: unknown; job: Job; isAborted: boolean; stored: Job }[] = [];
    const summary = await drain(queue, {
      work: async (payload, context) => {
        const { job, signal } = { ...context };
        seen.push({ payload, job, isAborted: signal.aborted, stored: await look(queue, id) });
        return { text: 'tab \t', at: new Date(0), list: [null, 1.5] };
      },
    });
    const [first] = seen;
    assert.ok(first);
    assert.deepEqual([seen.length, first.payload, first.isAborted], [1, { n: 1 }, false]);
    assert.deepEqual(first.job, first.stored);
    assert.deepEqual([first.job.id, first.job.status, first.job.attempts], [id, 'processing', 1]);
    assert.equal(typeof first.job.lockedBy, 'string');
    const job = await look(queue, id);
    const at = '1970-01-01T00:00:00.000Z';
    assert.deepEqual([job.status, job.attempts, job.lockedBy], ['completed', 1, undefined]);
    assert.deepEqual(job.result, { text: 'tab \t', at, list: [null, 1.5] });
    between(job.startedAt, before, Date.now());
    between(job.finishedAt, Number(job.startedAt), Date.now());
    const { claimed, completed, retried, failed, cancelled, rescued, released } = summary;
    assert.deepEqual(
      { claimed, completed, retried, failed, cancelled, rescued, released },
      { claimed: 1, completed: 1, retried: 0, failed: 0, cancelled: 0, rescued: 0, released: 0 },
    );
  },

  'a job whose result cannot be kept is completed all the same, with a warning': async (t, engine) => {
    const queue = await engine.open(t, { maxPayload: 100 });
    const results = [new Map(), { n: 1n }, () => {}, 'x'.repeat(101), null, undefined];
    const ids = await queue.enqueueMany(results.map((_, payload) => ({ type: 'work', payload })));
    const warnings: unknown[] = [];
    const logger = ({ event, message }: WorkerEvent) => void (event === 'warning' && warnings.push(message));
    const summary = await drain(queue, { work: (i: number) => results[i] }, { logger });
    assert.equal(summary.completed, results.length);
    for (const id of ids.slice(0, 4)) {
      const { status, attempts, result } = await look(queue, id);
      assert.deepEqual([status, attempts], ['completed', 1]);
      assert.match((result as { warning: string }).warning, /^the result was not kept: /);
      assert.ok(warnings.some((message) => String(message).includes(id)));
    }
    assert.equal(warnings.length, 4);
    assert.deepEqual(await Promise.all(ids.slice(4).map(async (id) => (await look(queue, id)).result)), [
      null,
      undefined,
    ]);
  },

  'a job that fails is tried three times, then it is failed and keeps the error': async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work');
    const runs: number[] = [];
    const summary = await drain(queue, {
      work: (_, { job }) => {
        runs.push(job.attempts);
        throw new Error(`failure ${job.attempts}`, { cause: new Error('the reason of it') });
      },
    });
    assert.deepEqual(runs, [1, 2, 3]);
    assert.deepEqual([summary.claimed, summary.retried, summary.failed], [3, 2, 1]);
    const { status, error, finishedAt } = await look(queue, id);
    assert.equal(status, 'failed');
    assert.match(error ?? '', /^Error: failure 3\n.*the reason of it/);
    assert.ok(finishedAt);
  },

  'whatever is thrown fails an attempt, and by whom a limit is set decides how many there are': async (
    t,
    engine,
  ) => {
    const queue = await engine.open(t);
    const thrown = [undefined, null, 'words', 7, { code: 'E' }];
    const ids = await queue.enqueueMany(thrown.map((_, payload) => ({ type: 'work', payload })));
    const own = await queue.enqueue('work', 0, { maxAttempts: 3 });
    const work = async (i: number) => {
      throw thrown[i];
    };
    await drain(queue, { work }, { maxAttempts: 2 });
    for (const id of ids) {
      const { status, attempts, error } = await look(queue, id);
      assert.deepEqual([status, attempts, typeof error], ['failed', 2, 'string']);
    }
    assert.match((await look(queue, ids[2] as string)).error ?? '', /^words/);
    assert.deepEqual(await fields(queue, own, 'status', 'attempts'), ['failed', 3]);
  },

  'the backoff, a formula, a table or a function, says when the next attempt is due': async (t, engine) => {
    const queue = await engine.open(t);
    for (const [backoff, waits] of BACKOFFS) {
      for (const [before, wait] of waits.entries()) {
        const id = await queue.enqueue('work', null, { maxAttempts: 9 });
        if (before > 0) await failTimes(queue, before);
        let failedAt = 0;
        const work = () => {
          failedAt = Date.now();
          fail();
        };
        const { retried } = await drain(queue, { work }, { backoff });
        assert.equal(retried, 1);
        assert.deepEqual(await fields(queue, id, 'status', 'attempts'), ['pending', before + 1]);
        between((await look(queue, id)).runAt, failedAt + wait, Date.now() + wait);
      }
    }
  },

  'a backoff function gets the count, the error and the job, and its own failure costs nothing': async (
    t,
    engine,
  ) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work', 'x');
    const error = new Error('mine');
    const work = () => {
      throw error;
    };
    const got: unknown[] = [];
    const backoff: BackoffOption = (attempts, reason, job) => {
      got.push(attempts, reason, job.id, job.payload);
      return attempts === 1 ? 0 : fail();
    };
    const before = Date.now();
    await drain(queue, { work }, { backoff });
    assert.deepEqual(got, [1, error, id, 'x', 2, error, id, 'x']);
    assert.deepEqual(await fields(queue, id, 'status', 'attempts'), ['pending', 2]);
    between((await look(queue, id)).runAt, before + 240_000, Date.now() + 240_000);
  },

  'a PermanentError fails a job at once': async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work', null, { maxAttempts: 9 });
    const work = () => {
      throw new PermanentError('the receiver is gone');
    };
    const { failed, retried } = await drain(queue, { work });
    assert.deepEqual([failed, retried], [1, 0]);
    assert.deepEqual(await fields(queue, id, 'status', 'attempts'), ['failed', 1]);
    assert.match((await look(queue, id)).error ?? '', /^PermanentError: the receiver is gone/);
  },

  'a RetryAfterError sets the time of the next attempt, and costs none': async (t, engine) => {
    const queue = await engine.open(t);
    const delays = { 90000: '90s', 36000000: 36_000_000 };
    for (const [ms, delay] of Object.entries(delays)) {
      const wait = Number(ms);
      const id = await queue.enqueue('work', null, { maxAttempts: 1 });
      let askedAt = 0;
      const work = () => {
        askedAt = Date.now();
        throw new RetryAfterError('the receiver is busy', delay);
      };
      await drain(queue, { work });
      assert.deepEqual(await fields(queue, id, 'status', 'attempts', 'forgiven'), ['pending', 1, 1]);
      // Up to a tenth later, lest all come back at once.
      between((await look(queue, id)).runAt, askedAt + wait, Date.now() + wait * 1.1);
      assert.match((await look(queue, id)).error ?? '', /the receiver is busy/);
    }
  },

  'a RetryAfterError costs an attempt without a wait, and beyond maxRetryAfter': async (t, engine) => {
    const queue = await engine.open(t);
    const cases = { 'no wait': 0, 'a long one': '2h' };
    for (const delay of Object.values(cases)) {
      const id = await queue.enqueue('work', null, { maxAttempts: 1 });
      const work = () => {
        throw new RetryAfterError('the receiver is busy', delay);
      };
      await drain(queue, { work }, { maxRetryAfter: '1h' });
      assert.deepEqual(await fields(queue, id, 'status', 'attempts', 'forgiven'), ['failed', 1, 0]);
    }
  },

  'an attempt whose time is up is aborted, and fails': async (t, engine) => {
    const queue = await engine.open(t);
    // The job's own limit wins.
    const limits = [{ worker: 150 }, { job: 150, worker: '1h' }, { job: '150ms', worker: 1 }];
    for (const { job, worker } of limits) {
      const id = await queue.enqueue('work', null, { timeout: job, maxAttempts: 1 });
      const since = performance.now();
      const reasons: string[] = [];
      const work: Handler = async (_, { signal }) => {
        await aborted(signal);
        reasons.push(signal.reason.name);
        throw signal.reason;
      };
      const { failed } = await drain(queue, { work }, { timeout: worker });
      lasted(since, 150);
      assert.deepEqual([failed, reasons], [1, ['TimeoutError']]);
      assert.match((await look(queue, id)).error ?? '', /time limit/);
    }
  },

  'a handler that ends well after its time limit, but within the grace time, completes its job': async (
    t,
    engine,
  ) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work', null, { timeout: 50 });
    const work: Handler = async (_, { signal }) => {
      await aborted(signal);
      return 'in time';
    };
    await drain(queue, { work });
    assert.deepEqual(await fields(queue, id, 'status', 'result'), ['completed', 'in time']);
  },

  'an attempt that ignores its time limit for the grace time fails, and what it returns then is dropped':
    async (t, engine) => {
      const queue = await engine.open(t);
      const id = await queue.enqueue('work', null, { timeout: 50, maxAttempts: 1 });
      const { promise, resolve } = deferred<string>();
      const since = performance.now();
      await drain(queue, { work: () => promise }, { grace: 100 });
      lasted(since, 150);
      const before = await look(queue, id);
      assert.deepEqual([before.status, before.attempts, before.result], ['failed', 1, undefined]);
      resolve('late');
      // A worker's whole turn, in which it could be told.
      await queue.enqueue('other');
      await drain(queue, { other: () => {} });
      assert.deepEqual(await look(queue, id), before);
    },
};

/** Lets the job that is due fail so many times; it is due again. */
async function failTimes(queue: Queue, times: number): Promise<void> {
  const shutdown = new AbortController();
  const work: Handler = (_, { job }) => {
    if (job.attempts === times) shutdown.abort();
    fail();
  };
  const { retried } = await drain(queue, { work }, { signal: shutdown.signal });
  assert.equal(retried, times);
}
