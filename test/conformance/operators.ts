/* Stepping in: cancelJob, retryJob and drain. */
import assert from 'node:assert/strict';
import { type Handler, PermanentError } from 'tsvq';
import { deferred } from '../support/waiting.js';
import type { Checks } from './engine.js';
import { aborted, between, drain, fields, look, states, stay } from './tools.js';

const fail = (): never => {
  throw new PermanentError('no good');
};

export const operators: Checks = {
  'a cancelled job that waits never runs': async (t, engine) => {
    const queue = await engine.open(t);
    const before = Date.now();
    const due = await queue.enqueue('work');
    const delayed = await queue.enqueue('work', null, { delay: 50 });
    for (const id of [due, delayed]) {
      assert.equal(await queue.cancelJob(id), true);
      assert.equal(await queue.cancelJob(id), false, 'cancelled twice');
    }
    let runs = 0;
    await drain(queue, { work: () => void runs++ }, { linger: 150 });
    assert.equal(runs, 0);
    for (const id of [due, delayed]) {
      assert.deepEqual(await fields(queue, id, 'status', 'attempts', 'startedAt'), [
        'cancelled',
        0,
        undefined,
      ]);
      between((await look(queue, id)).finishedAt, before, Date.now());
    }
  },

  'a job that waits for its next attempt can be cancelled, and keeps its error': async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work');
    const work = () => {
      throw new Error('not today');
    };
    await drain(queue, { work }, { backoff: ['1h'] });
    assert.equal(await queue.cancelJob(id), true);
    const { status, attempts, error } = await look(queue, id);
    assert.deepEqual([status, attempts], ['cancelled', 1]);
    assert.match(error ?? '', /not today/);
  },

  'a running job that is cancelled is aborted, and its handler changes nothing afterwards': async (
    t,
    engine,
  ) => {
    const queue = await engine.open(t);
    const other = await engine.reopen(t, queue);
    const endings = {
      returns: () => 'late',
      throws: () => {
        throw new Error('late');
      },
      fails: fail,
    };
    const names = Object.keys(endings) as (keyof typeof endings)[];
    const ids = await queue.enqueueMany(names.map((payload) => ({ type: 'work', payload })));
    const told: unknown[] = [];
    const work: Handler = async (name: keyof typeof endings, { job, signal }) => {
      told.push(await other.cancelJob(job.id));
      await aborted(signal);
      told.push(signal.reason.name);
      return endings[name]();
    };
    const { claimed, cancelled, retried, failed } = await drain(queue, { work }, { concurrency: 3 });
    assert.deepEqual([claimed, cancelled, retried, failed], [3, 3, 0, 0]);
    assert.deepEqual(told.sort(), [...Array(3).fill('AbortError'), ...Array(3).fill(true)]);
    for (const id of ids) {
      const left = await fields(queue, id, 'status', 'attempts', 'result', 'error', 'lockedBy');
      assert.deepEqual(left, ['cancelled', 1, undefined, undefined, undefined]);
    }
  },

  'a finished job cannot be cancelled': async (t, engine) => {
    const queue = await engine.open(t);
    const ids = [await queue.enqueue('good'), await queue.enqueue('bad')];
    await drain(queue, { good: () => 'done', bad: fail });
    const before = await Promise.all(ids.map((id) => look(queue, id)));
    for (const id of ids) assert.equal(await queue.cancelJob(id), false);
    assert.deepEqual(await Promise.all(ids.map((id) => look(queue, id))), before);
    assert.deepEqual(
      before.map(({ status }) => status),
      ['completed', 'failed'],
    );
  },

  'a failed or cancelled job that is retried is due at once, and has all its attempts': async (t, engine) => {
    const queue = await engine.open(t);
    const failed = await queue.enqueue('work', 'failed', { maxAttempts: 2 });
    const bad = () => {
      throw new Error('not yet');
    };
    await drain(queue, { work: bad });
    assert.deepEqual(await fields(queue, failed, 'status', 'attempts'), ['failed', 2]);
    const cancelled = await queue.enqueue('work', 'cancelled', { delay: '1h', maxAttempts: 2 });
    await queue.cancelJob(cancelled);
    const before = Date.now();
    for (const [id, attempts] of [[failed, 2] as const, [cancelled, 0] as const]) {
      assert.equal(await queue.retryJob(id), true);
      assert.equal(await queue.retryJob(id), false, 'retried twice');
      const waits = await fields(queue, id, 'status', 'attempts', 'forgiven', 'finishedAt');
      assert.deepEqual(waits, ['pending', attempts, attempts, undefined]);
      between((await look(queue, id)).runAt, before, Date.now());
    }
    let runs = 0;
    const { completed, retried } = await drain(queue, {
      work: (_, { job }) => {
        runs++;
        if (job.attempts - job.forgiven < 2) bad();
      },
    });
    assert.deepEqual([runs, completed, retried], [4, 2, 2]);
    // It names one run for ever, so it goes on counting.
    assert.deepEqual(await fields(queue, failed, 'status', 'attempts', 'error'), ['completed', 4, undefined]);
  },

  'a job that waits, runs or is completed cannot be retried': async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work');
    const told = [await queue.retryJob(id)];
    const other = await engine.reopen(t, queue);
    await drain(queue, { work: async () => void told.push(await other.retryJob(id)) });
    told.push(await queue.retryJob(id));
    assert.deepEqual(told, [false, false, false]);
    assert.deepEqual(await fields(queue, id, 'status', 'attempts'), ['completed', 1]);
  },

  'drain lets no job of its type start, waits for those that run, and the pause stays after it': async (
    t,
    engine,
  ) => {
    const queue = await engine.open(t);
    const other = await engine.reopen(t, queue);
    const started = deferred();
    const end = deferred();
    await queue.enqueue('work', 'first');
    const runs: string[] = [];
    const worker = stay(queue, {
      work: async (name: string) => {
        runs.push(name);
        started.resolve();
        await end.promise;
      },
      other: () => void runs.push('other'),
    });
    await started.promise;
    assert.deepEqual(await other.drain({ type: 'work', timeout: 0 }), { running: 1 });
    await other.enqueue('work', 'second');
    assert.deepEqual(await other.drain({ type: 'work', timeout: 100 }), { running: 1 });
    assert.deepEqual(await other.drain({ type: 'other' }), { running: 0 });
    const draining = other.drain({ type: 'work' });
    end.resolve();
    assert.deepEqual(await draining, { running: 0 });
    assert.deepEqual(await states(queue), ['work completed', 'work pending']);
    await worker.end();
    await queue.enqueue('other');
    assert.equal((await drain(queue, { work: () => void runs.push('late'), other: () => {} })).claimed, 0);
    assert.equal(await queue.resume('work'), true);
    assert.equal((await drain(queue, { work: () => void runs.push('late') })).completed, 1);
    assert.deepEqual(runs, ['first', 'late']);
    assert.deepEqual(
      (await queue.paused()).map(({ type }) => type),
      ['other'],
    );
  },
};
