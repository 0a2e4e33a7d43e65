/* Looking at jobs, and stepping in: getJob, cancelJob, retryJob, listJobs, stats, compact. */
import assert from 'node:assert/strict';
import { type ListOptions, PermanentError } from 'tsvq';
import { deferred, rejects } from '../helpers.js';
import type { Checks } from './engine.js';
import { aborted, between, drain, fields, look, stay } from './tools.js';

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

export const operators: Checks = {
  'what one handle did, another sees': async (t, engine) => {
    const queue = await engine.open(t);
    const other = await engine.reopen(t, queue);
    const id = await queue.enqueue('work', 'x');
    assert.deepEqual(await fields(other, id, 'payload', 'status'), ['x', 'pending']);
    await drain(other, { work: () => 'y' });
    assert.deepEqual(await fields(queue, id, 'result', 'status'), ['y', 'completed']);
    assert.equal((await queue.stats()).completed, 1);
  },

  'an id that is none has no job, and cannot be cancelled or retried': async (t, engine) => {
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

  'a cancelled job that runs is aborted, and what its handler does then changes nothing': async (
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
    const told: unknown[] = [];
    for (const [name, ending] of Object.entries(endings)) {
      const id = await queue.enqueue('work', name);
      const summary = await drain(queue, {
        work: async (_, { job, signal }) => {
          told.push(await other.cancelJob(job.id));
          await aborted(signal);
          told.push(signal.reason.name);
          return ending();
        },
      });
      assert.deepEqual([summary.claimed, summary.cancelled, summary.retried, summary.failed], [1, 1, 0, 0]);
      const left = await fields(queue, id, 'status', 'attempts', 'result', 'error', 'lockedBy');
      assert.deepEqual(left, ['cancelled', 1, undefined, undefined, undefined]);
    }
    assert.deepEqual(told, Array(3).fill([true, 'AbortError']).flat());
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

  'stats counts by status and type, and tells what waits and since when': async (t, engine) => {
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

  'a job past its retention time is found with archive: true, and only so': {
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
