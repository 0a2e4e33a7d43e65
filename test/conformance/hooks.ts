/*
 * What a type wants done when one of its jobs has ended: hooks, and the job that tells of a failure.
 */
import assert from 'node:assert/strict';
import { type HandlerEntry, type Job, PermanentError, type WorkerEvent } from 'tsvq';
import { deferred } from '../support/waiting.js';
import type { Checks } from './engine.js';
import { drain, fields, lasted, look, states } from './tools.js';

const fail = (): never => {
  throw new Error('not today');
};

export const hooks: Checks = {
  'onSuccess gets the completed job and its result, once the outcome is recorded': async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work', { n: 1 });
    const calls: unknown[] = [];
    const stored: unknown[] = [];
    const work: HandlerEntry = {
      handler: () => ({ at: new Date(0) }),
      onSuccess: async (job, result) => {
        calls.push([job.id, job.status, job.payload, result]);
        stored.push(...(await fields(queue, id, 'status', 'result')));
      },
      onFailure: () => calls.push('onFailure'),
    };
    await drain(queue, { work });
    const result = { at: '1970-01-01T00:00:00.000Z' };
    assert.deepEqual(calls, [[id, 'completed', { n: 1 }, result]]);
    assert.deepEqual(stored, ['completed', result]);
  },

  'onFailure gets the failed job and what was thrown, once no attempt is left': async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work', null, { maxAttempts: 3 });
    const thrown: Error[] = [];
    const calls: [Job, unknown][] = [];
    const work: HandlerEntry = {
      handler: (_, { job }) => {
        thrown.push(new Error(`attempt ${job.attempts}`));
        throw thrown.at(-1);
      },
      onFailure: (job, error) => calls.push([job, error]),
    };
    await drain(queue, { work });
    assert.equal(thrown.length, 3);
    assert.equal(calls.length, 1);
    const [job, error] = calls[0] as [Job, unknown];
    assert.deepEqual([job.id, job.status, job.attempts], [id, 'failed', 3]);
    assert.equal(error, thrown[2]);
  },

  'a hook that throws or rejects is a warning, and changes nothing': async (t, engine) => {
    const queue = await engine.open(t);
    const ids = await queue.enqueueMany([{ type: 'work' }, { type: 'work' }, { type: 'worse' }]);
    const told: WorkerEvent[] = [];
    const work: HandlerEntry = {
      handler: () => {},
      onSuccess: ({ id }) => {
        if (id === ids[0]) throw new Error('sync');
        return Promise.reject(new Error('async'));
      },
    };
    const worse: HandlerEntry = { handler: fail, onFailure: fail, maxAttempts: 1 };
    const summary = await drain(queue, { work, worse }, { logger: (event) => told.push(event) });
    assert.deepEqual([summary.completed, summary.failed], [2, 1]);
    const warnings = told.filter(({ event }) => event === 'warning').map(({ message }) => message);
    assert.deepEqual(
      warnings.sort(),
      [
        `onFailure failed for job ${ids[2]} (worse), whose outcome stays: not today`,
        ...[`onSuccess failed for job ${ids[0]} (work), whose outcome stays: sync`],
        ...[`onSuccess failed for job ${ids[1]} (work), whose outcome stays: async`],
      ].sort(),
    );
    assert.deepEqual(await states(queue), ['work completed', 'work completed', 'worse failed']);
  },

  'a worker waits for hooks at its end, but not for longer than grace': async (t, engine) => {
    const queue = await engine.open(t);
    await queue.enqueue('work');
    const gate = deferred<void>();
    let isOver = false;
    const slow: HandlerEntry = {
      handler: () => {},
      onSuccess: async () => {
        await gate.promise;
        isOver = true;
      },
    };
    const working = drain(queue, { work: slow });
    setImmediate(() => gate.resolve());
    await working;
    assert.ok(isOver);
    await queue.enqueue('work');
    const began = performance.now();
    const never: HandlerEntry = { handler: () => {}, onSuccess: () => new Promise(() => {}) };
    await drain(queue, { work: never }, { grace: 200 });
    lasted(began, 200);
  },

  'a failed job adds its failureJob, which tells of it': async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work', { to: 'ann', n: [1.5] }, { maxAttempts: 2 });
    const seen: unknown[] = [];
    const work: HandlerEntry = { handler: fail, failureJob: 'notify' };
    const notify: HandlerEntry = { handler: (payload) => void seen.push(payload) };
    await drain(queue, { work, notify });
    assert.deepEqual(await states(queue), ['notify completed', 'work failed']);
    const { error, attempts } = await look(queue, id);
    assert.deepEqual(seen, [{ id, type: 'work', error, attempts, payload: { to: 'ann', n: [1.5] } }]);
    assert.match(String(error), /^Error: not today/);
  },

  'a failureJob is added by a failure for good, and by nothing else': async (t, engine) => {
    const queue = await engine.open(t);
    await queue.enqueueMany([{ type: 'good' }, { type: 'later' }, { type: 'bad' }]);
    const failureJob = 'notify';
    const handlers = {
      good: { handler: () => {}, failureJob },
      later: { handler: fail, failureJob, backoff: ['1h'] },
      bad: { handler: () => Promise.reject(new PermanentError('no')), failureJob },
    };
    await drain(queue, handlers);
    assert.deepEqual(await states(queue), [
      'bad failed',
      'good completed',
      'later pending',
      'notify pending',
    ]);
  },

  'a failureJob that fails adds no other': async (t, engine) => {
    const queue = await engine.open(t);
    await queue.enqueueMany([{ type: 'a' }, { type: 'b' }]);
    const entry = (failureJob: string): HandlerEntry => ({ handler: fail, failureJob, maxAttempts: 1 });
    await drain(queue, { a: entry('b'), b: entry('a') });
    assert.deepEqual(await states(queue), ['a failed', 'a failed', 'b failed', 'b failed']);
  },

  'a failed job that is retried, and fails again, adds another failureJob': async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work', null, { maxAttempts: 1 });
    const work: HandlerEntry = { handler: fail, failureJob: 'notify' };
    await drain(queue, { work });
    assert.equal(await queue.retryJob(id), true);
    await drain(queue, { work });
    await queue.compact();
    assert.deepEqual(await states(queue), ['notify pending', 'notify pending', 'work failed']);
  },
};
