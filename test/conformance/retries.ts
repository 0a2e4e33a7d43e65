/*
 * Whether a failed job is tried again, and when.
 */
import assert from 'node:assert/strict';
import { type BackoffOption, type Handler, PermanentError, type Queue, RetryAfterError } from 'tsvq';
import type { Checks } from './engine.js';
import { between, drain, fields, look } from './tools.js';

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
  [(attempts) => attempts * 600_000, [600_000, 1_200_000, 1_800_000]],
];

export const retries: Checks = {
  'the backoff, a formula, a table or a function, says when the next attempt is due': async (t, engine) => {
    const afterEach = async ([backoff, waits]: (typeof BACKOFFS)[number]): Promise<void> => {
      const queue = await engine.open(t);
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
    };
    await Promise.all(BACKOFFS.map(afterEach));
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
