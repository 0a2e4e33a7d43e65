/* How a worker ends: by its signal, by maxTime, by close() and abandon(). */
import assert from 'node:assert/strict';
import type { Handler, Queue } from 'tsvq';
import { rejects } from '../support/errors.js';
import { deferred } from '../support/waiting.js';
import type { Checks } from './engine.js';
import { aborted, drain, fields, lasted, look } from './tools.js';

/** Cuts off the attempt at the job that is due, by a shutdown that it outlasts. */
async function interrupt(queue: Queue, maxInterruptions?: number): Promise<{ reason: string }> {
  const shutdown = new AbortController();
  let reason = '';
  const work: Handler = async (_, { signal, enqueue }) => {
    enqueue('follow-up');
    shutdown.abort();
    await aborted(signal);
    reason = signal.reason.name;
    throw signal.reason;
  };
  const options = { signal: shutdown.signal, grace: 50, maxInterruptions };
  const { claimed, completed, retried } = await drain(queue, { work }, options);
  assert.ok(claimed >= 1);
  assert.deepEqual([completed, retried], [0, 0]);
  return { reason };
}

export const shutdown: Checks = {
  'a worker whose signal is aborted lets its job end, and begins no other': async (t, engine) => {
    const queue = await engine.open(t);
    const [first = '', ...rest] = await queue.enqueueMany(
      Array.from({ length: 5 }, () => ({ type: 'work' })),
    );
    const shutdown = new AbortController();
    const work: Handler = async (_, { signal }) => {
      shutdown.abort();
      await new Promise(setImmediate);
      return signal.aborted;
    };
    const { completed } = await drain(queue, { work }, { signal: shutdown.signal });
    assert.equal(completed, 1);
    assert.deepEqual(await fields(queue, first, 'status', 'result'), ['completed', false]);
    for (const id of rest) {
      const { status, attempts, forgiven } = await look(queue, id);
      // One that was claimed ahead lost nothing by it.
      assert.deepEqual([status, attempts - forgiven], ['pending', 0]);
    }
    assert.equal((await drain(queue, { work }, { signal: shutdown.signal })).claimed, 0);
  },

  'an attempt that outlasts the grace time of a shutdown is aborted, given back and forgiven': async (
    t,
    engine,
  ) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work', null, { maxAttempts: 1 });
    const since = performance.now();
    assert.deepEqual(await interrupt(queue), { reason: 'AbortError' });
    lasted(since, 50);
    const given = await fields(queue, id, 'status', 'attempts', 'forgiven', 'interruptions', 'lockedBy');
    assert.deepEqual(given, ['pending', 1, 1, 1, undefined]);
    await drain(queue, { work: () => {} });
    assert.deepEqual(await fields(queue, id, 'status', 'attempts', 'interruptions'), ['completed', 2, 0]);
    assert.equal(await queue.listJobs({ type: 'follow-up' }).then(({ length }) => length), 0);
  },

  'an interruption beyond maxInterruptions costs an attempt': async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work', null, { maxAttempts: 2 });
    await interrupt(queue, 0);
    assert.deepEqual(await fields(queue, id, 'status', 'attempts', 'forgiven'), ['pending', 1, 0]);
    await interrupt(queue, 0);
    assert.deepEqual(await fields(queue, id, 'status', 'attempts', 'forgiven'), ['failed', 2, 0]);
    assert.match((await look(queue, id)).error ?? '', /interrupted/);
  },

  'a worker ends when its maxTime is over, and no sooner': async (t, engine) => {
    const queue = await engine.open(t);
    const since = performance.now();
    await drain(queue, {}, { linger: Number.POSITIVE_INFINITY, maxTime: 200 });
    lasted(since, 200);
  },

  'close lets a running job end, and later calls are CLOSED': async (t, engine) => {
    const queue = await engine.open(t);
    const other = await engine.reopen(t, queue);
    const id = await queue.enqueue('work');
    const begun = deferred();
    const go = deferred();
    const work: Handler = async () => {
      begun.resolve();
      await go.promise;
      return queue.enqueue('meanwhile');
    };
    const working = drain(queue, { work }, { linger: Number.POSITIVE_INFINITY });
    await begun.promise;
    const asked = queue.enqueue('before');
    const closing = queue.close();
    go.resolve();
    await closing;
    assert.equal((await working).completed, 1);
    assert.deepEqual(await fields(other, id, 'status'), ['completed']);
    assert.deepEqual(await fields(other, await asked, 'status'), ['pending']);
    assert.equal((await other.listJobs({ type: 'meanwhile' })).length, 1);
    const calls = [
      () => queue.enqueue('work'),
      () => queue.enqueueMany([{ type: 'work' }, { type: 'work' }]),
      () => queue.getJob(id),
      () => queue.cancelJob(id),
      () => queue.retryJob(id),
      () => queue.listJobs(),
      () => queue.iterateJobs().next(),
      () => queue.stats(),
      () => queue.processJobs({}),
    ];
    for (const call of calls) await rejects(call(), 'CLOSED');
    await queue.close();
  },

  'abandon fails the running attempt with the error that ends the process': async (t, engine) => {
    const queue = await engine.open(t);
    const other = await engine.reopen(t, queue);
    const id = await queue.enqueue('work', null, { maxAttempts: 2 });
    const begun = deferred();
    const go = deferred();
    const work: Handler = async () => {
      begun.resolve();
      await go.promise;
    };
    const error = new Error('nothing caught this');
    const working = assert.rejects(drain(queue, { work }), (reason) => reason === error);
    await begun.promise;
    await queue.abandon(error);
    await working;
    const left = await fields(other, id, 'status', 'attempts', 'forgiven', 'lockedBy');
    assert.deepEqual(left, ['pending', 1, 0, undefined]);
    assert.match((await look(other, id)).error ?? '', /nothing caught this/);
    // No other begins on this queue.
    await rejects(drain(queue, { work }), 'CLOSED');
    go.resolve();
  },
};
