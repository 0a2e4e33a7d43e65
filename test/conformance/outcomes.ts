/*
 * What becomes of a job depends on what its handler does, and on how long it takes.
 */
import assert from 'node:assert/strict';
import type { Handler, Job, WorkerEvent } from 'tsvq';
import { deferred } from '../support/waiting.js';
import type { Checks } from './engine.js';
import { aborted, between, drain, fields, lasted, look } from './tools.js';

export const outcomes: Checks = {
  'a handler gets the payload and the running job, and its return value is the result': async (t, engine) => {
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
    const { claimed, completed, retried, failed, cancelled, rescued, slept, released } = summary;
    assert.deepEqual(
      { claimed, completed, retried, failed, cancelled, rescued, slept, released },
      { claimed: 1, completed: 1, retried: 0, failed: 0, cancelled: 0, rescued: 0, slept: 0, released: 0 },
    );
  },

  'a job whose result cannot be kept is completed, with a warning': async (t, engine) => {
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

  'a job that fails is tried three times, then has failed and keeps the error': async (t, engine) => {
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

  "any thrown value fails an attempt, and the job's own limit of attempts wins": async (t, engine) => {
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

  'an attempt whose time is up is aborted, and fails': async (t, engine) => {
    // The job's own limit wins.
    const limits = [{ worker: 150 }, { job: 150, worker: '1h' }, { job: '150ms', worker: 1 }];
    const withLimits = async ({ job, worker }: (typeof limits)[number]): Promise<void> => {
      const queue = await engine.open(t);
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
    };
    await Promise.all(limits.map(withLimits));
  },

  'a handler that returns after its time limit, but within the grace time, completes its job': async (
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
