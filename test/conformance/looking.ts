/*
 * Looking at jobs: getJob, listJobs and stats, and calls that must change no answer.
 */
import assert from 'node:assert/strict';
import { type ListOptions, PermanentError } from 'tsvq';
import { rejects } from '../support/errors.js';
import { deferred } from '../support/waiting.js';
import type { Checks } from './engine.js';
import { between, drain, fields, look, stay } from './tools.js';

const WRONG_LISTS: readonly (readonly [options: unknown, named: string])[] = [
  [{ status: 'done' }, 'status'],
  [{ status: ['pending', 'done'] }, 'status'],
  [{ type: 7 }, 'type'],
  [{ idPrefix: 7 }, 'idPrefix'],
  [{ limit: -1 }, 'limit'],
  [{ limit: 1.5 }, 'limit'],
  [{ states: 'pending' }, 'states'],
];

const fail = (): never => {
  throw new PermanentError('no good');
};

export const looking: Checks = {
  'one handle sees what another did': async (t, engine) => {
    const queue = await engine.open(t);
    const other = await engine.reopen(t, queue);
    const id = await queue.enqueue('work', 'x');
    assert.deepEqual(await fields(other, id, 'payload', 'status'), ['x', 'pending']);
    await drain(other, { work: () => 'y' });
    assert.deepEqual(await fields(queue, id, 'result', 'status'), ['y', 'completed']);
    assert.equal((await queue.stats()).completed, 1);
  },

  'an unknown id has no job, and cannot be cancelled or retried': async (t, engine) => {
    const queue = await engine.open(t);
    const unknown = ['', 'no id', '0'.repeat(16), 'ö\n\t#', 'f'.repeat(5000)];
    // Of a queue without any job, then of one with some.
    for (let jobs = 0; jobs < 2; jobs++) {
      for (const id of unknown) {
        assert.deepEqual(
          [await queue.getJob(id), await queue.cancelJob(id), await queue.retryJob(id)],
          [undefined, false, false],
        );
      }
      await queue.enqueue('work');
    }
    for (const id of [undefined, 7, null] as never[]) {
      await rejects(queue.getJob(id), 'INVALID_ARGUMENT', /^id is /);
      await rejects(queue.cancelJob(id), 'INVALID_ARGUMENT', /^id is /);
      await rejects(queue.retryJob(id), 'INVALID_ARGUMENT', /^id is /);
    }
  },

  'listJobs and iterateJobs give the jobs by status, type, beginning of the id and number': async (
    t,
    engine,
  ) => {
    const queue = await engine.open(t);
    assert.deepEqual(await queue.listJobs(), []);
    const [a, b, c, d] = (await queue.enqueueMany(
      ['good', 'bad', 'good', 'other'].map((type) => ({ type, payload: type })),
    )) as [string, string, string, string];
    await drain(queue, { good: () => {}, bad: fail });
    await queue.cancelJob(d);
    const e = await queue.enqueue('good');
    const expected: readonly (readonly [ListOptions, string[]])[] = [
      [{}, [a, b, c, d, e]],
      [{ status: 'completed' }, [a, c]],
      [{ status: ['failed', 'cancelled'] }, [b, d]],
      [{ status: [] }, []],
      [{ type: 'good' }, [a, c, e]],
      [{ type: 'good', status: 'pending' }, [e]],
      [{ type: 'goo' }, []],
      [{ idPrefix: b.slice(0, 15) }, [b]],
      [{ idPrefix: '' }, [a, b, c, d, e]],
      [{ idPrefix: 'x' }, []],
      [{ limit: 0 }, []],
    ];
    for (const [options, ids] of expected) {
      const listed = await queue.listJobs(options);
      // In which order is the engine's matter.
      assert.deepEqual(listed.map(({ id }) => id).sort(), [...ids].sort(), JSON.stringify(options));
      const iterated = [];
      for await (const job of queue.iterateJobs(options)) iterated.push(job);
      assert.deepEqual(iterated, listed);
      if (ids.length > 1)
        assert.deepEqual(await queue.listJobs({ ...options, limit: 2 }), listed.slice(0, 2));
      for (const job of listed) assert.deepEqual(job, await look(queue, job.id));
    }
  },

  'wrong options of a list are refused by their names': async (t, engine) => {
    const queue = await engine.open(t);
    await queue.enqueue('work');
    for (const [options, named] of WRONG_LISTS) {
      await rejects(queue.listJobs(options as ListOptions), 'INVALID_ARGUMENT', named);
      await rejects(queue.iterateJobs(options as ListOptions).next(), 'INVALID_ARGUMENT', named);
    }
  },

  'stats counts by status and type, and says what waits and since when': async (t, engine) => {
    const queue = await engine.open(t);
    const none = { pending: 0, due: 0, processing: 0, completed: 0, failed: 0, cancelled: 0, waiting: 0 };
    const count = async () => {
      const { total, pending, due, processing, completed, failed, cancelled, waiting } = await queue.stats();
      return { total, pending, due, processing, completed, failed, cancelled, waiting };
    };
    const empty = await queue.stats();
    assert.deepEqual(
      [empty.total, empty.types, empty.oldestDueSeconds, empty.lastTick],
      [0, {}, 0, undefined],
    );
    assert.deepEqual(await count(), { total: 0, ...none });
    await queue.enqueueMany([{ type: 'good' }, { type: 'good' }, { type: 'bad' }]);
    const before = Date.now();
    await drain(queue, { good: () => {}, bad: fail });
    between((await queue.stats()).lastTick, before, Date.now());
    await queue.cancelJob(await queue.enqueue('good'));
    await queue.enqueue('other', null, { runAt: new Date(Date.now() - 60_000) });
    await queue.enqueue('other', null, { delay: '1h' });
    const begun = deferred();
    const seen = deferred();
    const worker = stay(queue, {
      good: async () => {
        begun.resolve();
        await seen.promise;
      },
    });
    await queue.enqueue('good');
    await begun.promise;
    const all = { pending: 2, due: 1, processing: 1, completed: 2, failed: 1, cancelled: 1, waiting: 0 };
    assert.deepEqual(await count(), { total: 7, ...all });
    const { types, oldestDueSeconds } = await queue.stats();
    assert.deepEqual(types.good, {
      ...none,
      dismissed: 0,
      processing: 1,
      completed: 2,
      cancelled: 1,
      oldestDueSeconds: 0,
    });
    assert.deepEqual([types.bad?.failed, types.other?.pending, types.other?.due], [1, 2, 1]);
    assert.ok(oldestDueSeconds >= 60 && oldestDueSeconds < 120, `${oldestDueSeconds}`);
    seen.resolve();
    await worker.end();
  },

  'a compaction changes no job': {
    needs: 'compaction',
    steps: async (t, engine) => {
      const queue = await engine.open(t);
      await queue.enqueueMany([{ type: 'good' }, { type: 'bad' }, { type: 'other' }]);
      await drain(queue, { good: () => ({ a: 1 }), bad: fail });
      const before = await queue.listJobs();
      await queue.compact();
      const after = new Map((await queue.listJobs()).map((job) => [job.id, job]));
      assert.equal(after.size, 3);
      for (const job of before) assert.deepEqual(after.get(job.id), job);
    },
    refused: async (t, engine) => (await engine.open(t)).compact(),
  },

  'a job past its retention time is found only with archive: true': {
    needs: 'archive',
    steps: async (t, engine) => {
      const queue = await engine.open(t, { retention: 0 });
      const id = await queue.enqueue('work', 'x');
      const waiting = await queue.enqueue('other');
      await drain(queue, { work: () => 'y' });
      await queue.compact();
      assert.equal(await queue.getJob(id), undefined);
      const found = await queue.getJob(id, { archive: true });
      assert.deepEqual([found?.payload, found?.result, found?.status], ['x', 'y', 'completed']);
      assert.equal((await queue.getJob(waiting, { archive: true }))?.status, 'pending');
    },
    refused: async (t, engine) => (await engine.open(t)).getJob('0'.repeat(16), { archive: true }),
  },
};
