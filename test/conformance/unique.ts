/* Unique jobs: what comes of a job whose key another one has. */
import assert from 'node:assert/strict';
import { type EnqueueOptions, type Job, PermanentError, type Queue, type TsvqError } from 'tsvq';
import { rejects } from '../support/errors.js';
import { deferred, until } from '../support/waiting.js';
import type { Checks, DeclarableCheck, Engine, Steps } from './engine.js';
import { aborted, drain, fields, look, stay } from './tools.js';

const KEY: EnqueueOptions = { dedupeKey: 'k' };
const RETURN = 'return' as const;
const REJECT = 'reject' as const;
const REPLACE = 'replace' as const;
const UPDATE = 'update' as const;

const unique = (steps: Steps): DeclarableCheck => ({
  needs: 'unique jobs',
  steps,
  refused: async (t, engine) => (await engine.open(t)).enqueue('work', 1, KEY),
});

/** `payload status` of each job, in the order of their payloads. */
const jobs = async (queue: Queue): Promise<string[]> =>
  (await queue.listJobs()).map(({ payload, status }) => `${payload} ${status}`).sort();

/** Adds a job with the key and this payload, and says what came of it. */
const outcome = async (queue: Queue, payload: unknown, options: EnqueueOptions = {}): Promise<string> =>
  (await queue.add('work', payload, { ...KEY, ...options })).outcome;

interface Running {
  readonly queue: Queue;
  readonly id: string;
  /** Ends the attempt that runs; an error fails it. */
  readonly end: (error?: Error) => void;
  /** The payloads in the order in which they were begun. */
  readonly begun: unknown[];
  readonly over: () => Promise<unknown>;
}

/** A queue in which job `a`, which has the key, runs until it is told to end. */
async function running(...[t, engine]: Parameters<Steps>): Promise<Running> {
  const queue = await engine.open(t);
  const id = await queue.enqueue('work', 'a', KEY);
  const started = deferred();
  const ended = deferred<Error | undefined>();
  const begun: unknown[] = [];
  const worker = stay(
    queue,
    {
      work: async (payload, { signal }) => {
        begun.push(payload);
        if (payload !== 'a') return;
        started.resolve();
        const error = await Promise.race([ended.promise, aborted(signal)]);
        if (error instanceof Error) throw error;
      },
    },
    { concurrency: 2 },
  );
  t.after(() => ended.resolve(undefined));
  await started.promise;
  return { queue, id, begun, end: (error) => ended.resolve(error), over: worker.end };
}

const isOver = (queue: Queue, id: string): Promise<unknown> =>
  until('the job has ended', async () => (await look(queue, id)).finishedAt !== undefined);

/** Ways in which a job that runs ends for good. */
const ENDINGS: Readonly<Record<string, (running: Running) => unknown>> = {
  completed: ({ end }) => end(),
  failed: ({ end }) => end(new PermanentError('never')),
  cancelled: ({ queue, id }) => queue.cancelJob(id),
};

/** What a job that waits becomes, by policy. */
const whileWaiting: Checks = {
  'a job whose key one has that waits is that one, with return': unique(async (t, engine) => {
    const queue = await engine.open(t);
    const first = await queue.add('work', 'a', KEY);
    assert.equal(first.outcome, 'added');
    assert.deepEqual(await queue.add('work', 'b', KEY), { id: first.id, outcome: 'existing' });
    assert.equal(await queue.enqueue('work', 'c', { ...KEY, onDuplicate: RETURN }), first.id);
    assert.deepEqual(await jobs(queue), ['a pending']);
    assert.deepEqual(await fields(queue, first.id, 'dedupeKey'), ['k']);
    assert.deepEqual(
      (await queue.listJobs({ dedupeKey: 'k' })).map(({ id }) => id),
      [first.id],
    );
  }),

  'a job whose key one has that waits is refused with its id, with reject': unique(async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work', 'a', KEY);
    const again = queue.enqueue('work', 'b', { ...KEY, onDuplicate: REJECT });
    const { existing } = await rejects(again, 'DUPLICATE_JOB', id);
    assert.deepEqual(existing, [id]);
    assert.deepEqual(await jobs(queue), ['a pending']);
    assert.equal(await outcome(queue, 'a', { dedupeKey: 'other', onDuplicate: REJECT }), 'added');
  }),

  'a job that waits takes over payload, options and start, with replace': unique(async (t, engine) => {
    const queue = await engine.open(t);
    const old = { ...KEY, delay: '1h', priority: 1, maxAttempts: 9 } as const;
    const id = await queue.enqueue('work', 'a', old);
    const next = { ...KEY, delay: '2h', priority: 5, timeout: '9s', onDuplicate: REPLACE } as const;
    const before = Date.now();
    assert.deepEqual(await queue.add('work', 'b', next), { id, outcome: 'replaced' });
    const { payload, runAt, priority, maxAttempts, timeout } = await look(queue, id);
    assert.deepEqual([payload, priority, maxAttempts, timeout], ['b', 5, undefined, 9000]);
    assert.ok(Number(runAt) >= before + 7_200_000);
    assert.equal((await queue.listJobs()).length, 1);
  }),

  'a job that waits takes over payload and options, and keeps its start, with update': unique(
    async (t, engine) => {
      const queue = await engine.open(t);
      const id = await queue.enqueue('work', 'a', { ...KEY, delay: '1h' });
      const { runAt } = await look(queue, id);
      const next = { ...KEY, delay: '2h', priority: 5, onDuplicate: UPDATE } as const;
      assert.deepEqual(await queue.add('work', 'b', next), { id, outcome: 'updated' });
      assert.deepEqual(await fields(queue, id, 'payload', 'priority', 'runAt'), ['b', 5, runAt]);
      assert.equal((await queue.listJobs()).length, 1);
    },
  ),

  'a job that is replaced again and again starts within maxDelay of its creation': unique(
    async (t, engine) => {
      const queue = await engine.open(t);
      const debounce = { ...KEY, delay: '1h', onDuplicate: REPLACE, maxDelay: '90m' } as const;
      const id = await queue.enqueue('work', 1, debounce);
      const { createdAt } = await look(queue, id);
      await queue.enqueue('work', 2, { ...debounce, delay: '2h' });
      const job = await look(queue, id);
      assert.deepEqual([job.payload, Number(job.runAt) - Number(createdAt)], [2, 5_400_000]);
    },
  ),

  'a job between two attempts has its key, and all its attempts again once it is replaced': unique(
    async (t, engine) => {
      const queue = await engine.open(t);
      const options = { ...KEY, maxAttempts: 2 };
      const id = await queue.enqueue('work', 'a', options);
      const fail = (): never => {
        throw new Error('not yet');
      };
      await drain(queue, { work: fail }, { backoff: ['1h'] });
      assert.equal(await outcome(queue, 'b'), 'existing');
      assert.equal((await queue.add('work', 'c', { ...options, onDuplicate: REPLACE })).id, id);
      await drain(queue, { work: fail }, { backoff: ['1h'] });
      assert.deepEqual(await fields(queue, id, 'status', 'payload', 'attempts'), ['pending', 'c', 2]);
    },
  ),
};

const scopes: Checks = {
  'a job that runs counts, unless the scope is queued': unique(async (t, engine) => {
    const { queue, id, end, over } = await running(t, engine);
    for (const dedupe of [undefined, 'active', 'kept'] as const)
      assert.deepEqual(await queue.add('work', 'b', { ...KEY, dedupe }), { id, outcome: 'existing' });
    await rejects(queue.add('work', 'b', { ...KEY, onDuplicate: REJECT }), 'DUPLICATE_JOB', id);
    const later = { dedupe: 'queued', delay: '1h' } as const;
    assert.equal(await outcome(queue, 'b', later), 'added');
    assert.equal(await outcome(queue, 'c', later), 'existing');
    assert.deepEqual(await jobs(queue), ['a processing', 'b pending']);
    end();
    await over();
  }),

  'a finished job counts with kept only, and is neither replaced nor updated': unique(async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work', 'a', KEY);
    await drain(queue, { work: () => {} });
    const kept = { ...KEY, dedupe: 'kept' } as const;
    assert.deepEqual(await queue.add('work', 'b', kept), { id, outcome: 'existing' });
    await rejects(queue.add('work', 'b', { ...kept, onDuplicate: REJECT }), 'DUPLICATE_JOB', id);
    assert.equal(await outcome(queue, 'b', { ...kept, onDuplicate: REPLACE }), 'added');
    assert.deepEqual(await jobs(queue), ['a completed', 'b pending']);
  }),

  'a key belongs to its type, and jobs without a key are not unique': unique(async (t, engine) => {
    const queue = await engine.open(t);
    const added = [
      await queue.add('work', 1, KEY),
      await queue.add('other', 1, KEY),
      await queue.add('work', 1, { dedupeKey: 'K' }),
      await queue.add('work', 1),
      await queue.add('work', 1),
    ];
    assert.equal(new Set(added.map(({ id }) => id)).size, 5);
    assert.ok(added.every((each) => each.outcome === 'added'));
  }),

  'the payload is the key, whatever the order of its names, with dedupeKey: true': unique(
    async (t, engine) => {
      const queue = await engine.open(t);
      const own = { dedupeKey: true } as const;
      const id = await queue.enqueue('work', { a: 1, b: [{ c: 2, d: 3 }] }, own);
      assert.equal(await queue.enqueue('work', { b: [{ d: 3, c: 2 }], a: 1 }, own), id);
      assert.notEqual(await queue.enqueue('work', { a: 1, b: [{ c: 2, d: 4 }] }, own), id);
    },
  ),

  'a key that can not be one is refused, and so is what makes sense with a key only': unique(
    async (t, engine) => {
      const queue = await engine.open(t);
      assert.equal(await outcome(queue, 1, { dedupeKey: '👍'.repeat(200) }), 'added');
      const wrong: readonly (readonly [options: object, named: string])[] = [
        [{ dedupeKey: '' }, 'dedupeKey'],
        [{ dedupeKey: '@own' }, 'dedupeKey'],
        [{ dedupeKey: 'a\tb' }, 'dedupeKey'],
        [{ dedupeKey: 'k'.repeat(201) }, 'dedupeKey'],
        [{ dedupeKey: false }, 'dedupeKey'],
        [{ ...KEY, dedupe: 'all' }, 'dedupe'],
        [{ ...KEY, onDuplicate: 'ignore' }, 'onDuplicate'],
        [{ ...KEY, maxDelay: '1h' }, 'maxDelay'],
        [{ dedupe: 'kept' }, 'dedupe'],
        [{ onDuplicate: REJECT }, 'onDuplicate'],
        [{ maxDelay: '1h' }, 'maxDelay'],
      ];
      for (const [options, named] of wrong)
        await rejects(queue.enqueue('work', 1, options as EnqueueOptions), 'INVALID_ARGUMENT', named);
      assert.equal((await queue.listJobs()).length, 1);
    },
  ),
};

/** Checks that the job behind a running one starts after its end, and not before. */
const behind: Checks = Object.fromEntries(
  Object.entries(ENDINGS).map(([status, finish]) => [
    `a job behind a running one with its key waits, and runs once that one is ${status}`,
    unique(async (t, engine: Engine) => {
      const run = await running(t, engine);
      const { queue, id, begun } = run;
      const next = await queue.add('work', 'b', { ...KEY, onDuplicate: REPLACE });
      assert.equal(next.outcome, 'added');
      assert.deepEqual(await fields(queue, next.id, 'status', 'after'), ['waiting', [id]]);
      // The last of many counts, and there is only one behind.
      for (const payload of ['c', 'd'])
        assert.deepEqual(await queue.add('work', payload, { ...KEY, onDuplicate: REPLACE }), {
          id: next.id,
          outcome: 'replaced',
        });
      assert.deepEqual(await queue.add('work', 'e', { ...KEY, onDuplicate: UPDATE }), {
        id: next.id,
        outcome: 'updated',
      });
      assert.deepEqual(await queue.add('work', 'f', KEY), { id: next.id, outcome: 'existing' });
      assert.deepEqual([await jobs(queue), begun], [['a processing', 'e waiting'], ['a']]);
      assert.equal((await queue.stats()).waiting, 1);
      await finish(run);
      await isOver(queue, next.id);
      await run.over();
      assert.deepEqual(await jobs(queue), [`a ${status}`, 'e completed']);
      assert.deepEqual(begun, ['a', 'e']);
    }),
  ]),
);

const freed: Checks = {
  'a job that waits can be cancelled, and no longer has the key': unique(async (t, engine) => {
    const { queue, end, over } = await running(t, engine);
    const waiting = await queue.enqueue('work', 'b', { ...KEY, onDuplicate: REPLACE });
    assert.equal(await queue.cancelJob(waiting), true);
    const next = await queue.add('work', 'c', { ...KEY, onDuplicate: REPLACE });
    assert.equal(next.outcome, 'added');
    end();
    await isOver(queue, next.id);
    await over();
    assert.deepEqual(await jobs(queue), ['a completed', 'b cancelled', 'c completed']);
  }),

  'a job that completed, failed for good or was cancelled no longer has its key': unique(
    async (t, engine) => {
      const queue = await engine.open(t);
      for (const ending of ['completes', 'fails', 'cancelled']) {
        const id = await queue.enqueue('work', ending, { ...KEY, onDuplicate: REJECT });
        if (ending === 'cancelled') await queue.cancelJob(id);
        else
          await drain(queue, {
            work: (how) => {
              if (how === 'fails') throw new PermanentError('never');
            },
          });
      }
      assert.deepEqual(await jobs(queue), ['cancelled cancelled', 'completes completed', 'fails failed']);
    },
  ),

  'a retry is refused while another job has the key, and not afterwards': unique(async (t, engine) => {
    const queue = await engine.open(t);
    const failed = await queue.enqueue('work', 'a', KEY);
    await queue.cancelJob(failed);
    const holder = await queue.enqueue('work', 'b', KEY);
    const { existing }: TsvqError = await rejects(queue.retryJob(failed), 'DUPLICATE_JOB', failed, holder);
    assert.deepEqual([existing, await jobs(queue)], [[holder], ['a cancelled', 'b pending']]);
    await queue.cancelJob(holder);
    assert.equal(await queue.retryJob(failed), true);
    assert.deepEqual(await queue.add('work', 'c', KEY), { id: failed, outcome: 'existing' });
  }),
};

const together: Checks = {
  'of jobs with one key in one call, the first is added, and the others are duplicates of it': unique(
    async (t, engine) => {
      const queue = await engine.open(t);
      const waiting = await queue.enqueue('work', 'a', KEY);
      const added = await queue.addMany([
        { type: 'work', payload: 'b', options: { dedupeKey: 'new' } },
        { type: 'work', payload: 'c', options: { dedupeKey: 'new' } },
        { type: 'work', payload: 'd', options: { dedupeKey: 'new', onDuplicate: REPLACE } },
        { type: 'work', payload: 'e', options: KEY },
        { type: 'work', payload: 'f' },
      ]);
      assert.deepEqual(
        added.map((each) => each.outcome),
        ['added', 'existing', 'replaced', 'existing', 'added'],
      );
      const [first, second, third, fourth] = added.map(({ id }) => id);
      assert.deepEqual([second, third, fourth], [first, first, waiting]);
      assert.deepEqual(await jobs(queue), ['a pending', 'd pending', 'f pending']);
    },
  ),

  'one rejected duplicate refuses the whole call': unique(async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work', 'a', KEY);
    const calls = [
      { type: 'work', payload: 'b' },
      { type: 'work', payload: 'c', options: { ...KEY, onDuplicate: REJECT } },
    ];
    for (const call of [queue.addMany(calls), queue.enqueueMany(calls)]) {
      const { existing } = await rejects(call, 'DUPLICATE_JOB', id);
      assert.deepEqual(existing, [id]);
    }
    assert.deepEqual(await jobs(queue), ['a pending']);
  }),

  'calls at the same time, by two handles, add one job of a key': unique(async (t, engine) => {
    const queue = await engine.open(t);
    const other = await engine.reopen(t, queue);
    const calls = Array.from({ length: 20 }, (_, i) => (i % 2 ? other : queue).add('work', 'a', KEY));
    const added = await Promise.all(calls);
    assert.equal(new Set(added.map(({ id }) => id)).size, 1);
    assert.equal(added.filter((each) => each.outcome === 'added').length, 1);
    assert.deepEqual(await jobs(queue), ['a pending']);
  }),

  'a follow-up is left out if another job has its key when its parent completes': unique(
    async (t, engine) => {
      const queue = await engine.open(t);
      await queue.enqueue('work', 'held', { dedupeKey: 'held' });
      await queue.enqueue('parent', 'p', KEY);
      const given: unknown[] = [];
      await drain(queue, {
        parent: (_, { enqueue }) => {
          for (const [payload, dedupeKey] of [
            ['left out', 'held'],
            ['first', 'free'],
            ['second', 'free'],
          ] as const)
            given.push(enqueue('work', payload, { dedupeKey }));
          enqueue('parent', 'like its parent', { ...KEY, delay: '1h' });
        },
      });
      assert.deepEqual(given, [undefined, undefined, undefined]);
      const isThere = (job: Job): boolean => job.payload === 'first';
      await until('the follow-up exists', async () => (await queue.listJobs()).some(isThere));
      assert.deepEqual(await jobs(queue), [
        'first pending',
        'held pending',
        'like its parent pending',
        'p completed',
      ]);
    },
  ),
};

export const uniqueJobs: Checks = { ...whileWaiting, ...scopes, ...behind, ...freed, ...together };
