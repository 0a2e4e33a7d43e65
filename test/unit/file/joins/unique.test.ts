import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EnqueueOptions } from '../../../../lib/job/job-options.js';
import type { Queue } from '../../../../lib/queue.js';
import { rejects } from '../../../support/errors.js';
import { faultyFs } from '../../../support/faulty-fs.js';
import { rowsOf } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';
import { deferred } from '../../../support/waiting.js';

/* What comes of a job whose key another one has: each place in the table of docs/api.md. */

const KEY: EnqueueOptions = { dedupeKey: 'k' };
const POLICIES = ['return', 'reject', 'replace', 'update'] as const;

/** Brings a queue into a state, in which jobs a, b … of type `job` have the key. */
const SITUATIONS: Readonly<Record<string, (queue: Queue, running: () => Promise<void>) => Promise<void>>> = {
  'a delayed one': async (queue) => void (await queue.enqueue('job', 'a', { ...KEY, delay: '1h' })),
  'one between two attempts': async (queue) => {
    await queue.enqueue('job', 'a', KEY);
    await queue.processJobs({
      job: () => {
        throw new Error('not yet');
      },
    });
  },
  'one that runs': async (queue, running) => {
    await queue.enqueue('job', 'a', KEY);
    await running();
  },
  'one that runs and one behind it': async (queue, running) => {
    await queue.enqueue('job', 'a', KEY);
    await running();
    await queue.enqueue('job', 'b', { ...KEY, onDuplicate: 'replace' });
  },
  'a finished one': async (queue) => {
    await queue.enqueue('job', 'a', KEY);
    await queue.processJobs({ job: () => {} });
  },
};

/** What is there after one more with payload `new`, by scope, situation and policy: payload and status of each job. */
const EXPECTED: readonly (readonly [scope: string, situation: string, ...outcomes: string[]])[] = [
  ['active', 'a delayed one', 'existing a pending', 'reject', 'replaced new pending', 'updated new pending'],
  [
    'active',
    'one between two attempts',
    'existing a pending',
    'reject',
    'replaced new pending',
    'updated new pending',
  ],
  [
    'active',
    'one that runs',
    'existing a processing',
    'reject',
    'added a processing, new waiting',
    'added a processing, new waiting',
  ],
  [
    'active',
    'one that runs and one behind it',
    'existing a processing, b waiting',
    'reject',
    'replaced a processing, new waiting',
    'updated a processing, new waiting',
  ],
  ['active', 'a finished one', ...Array(4).fill('added a completed, new pending')],
  ['queued', 'a delayed one', 'existing a pending', 'reject', 'replaced new pending', 'updated new pending'],
  [
    'queued',
    'one between two attempts',
    'existing a pending',
    'reject',
    'replaced new pending',
    'updated new pending',
  ],
  ['queued', 'one that runs', ...Array(4).fill('added a processing, new pending')],
  [
    'queued',
    'one that runs and one behind it',
    'existing a processing, b waiting',
    'reject',
    'replaced a processing, new waiting',
    'updated a processing, new waiting',
  ],
  ['kept', 'a delayed one', 'existing a pending', 'reject', 'replaced new pending', 'updated new pending'],
  [
    'kept',
    'one that runs',
    'existing a processing',
    'reject',
    'added a processing, new waiting',
    'added a processing, new waiting',
  ],
  [
    'kept',
    'a finished one',
    'existing a completed',
    'reject',
    'added a completed, new pending',
    'added a completed, new pending',
  ],
];

for (const [scope, situation, ...outcomes] of EXPECTED) {
  for (const [i, onDuplicate] of POLICIES.entries()) {
    test(`${scope}, ${situation}: ${onDuplicate}`, async (t) => {
      const { queue, clock } = openTest(t);
      const end = deferred();
      const begun = deferred();
      let working: Promise<unknown> | undefined;
      const before = SITUATIONS[situation] as (typeof SITUATIONS)[string];
      await before(queue, () => {
        working = queue.processJobs({
          job: () => {
            begun.resolve();
            return end.promise;
          },
        });
        return begun.promise;
      });
      const jobs = await queue.listJobs();
      clock.advance(1000);
      const options = { dedupeKey: 'k', dedupe: scope, onDuplicate } as EnqueueOptions;
      const states = async (): Promise<string> =>
        (await queue.listJobs())
          .map(({ payload, status }) => `${payload} ${status}`)
          .sort()
          .join(', ');
      if (outcomes[i] === 'reject') {
        const was = await states();
        await assert.rejects(queue.add('job', 'new', options), { code: 'DUPLICATE_JOB' });
        assert.equal(await states(), was);
      } else {
        const { id, outcome } = await queue.add('job', 'new', options);
        assert.equal(`${outcome} ${await states()}`, outcomes[i]);
        // The id is that of the job which the outcome is about.
        const known = jobs.some((job) => job.id === id);
        assert.equal(known, outcome !== 'added');
        if (outcome === 'replaced' || outcome === 'updated')
          assert.equal((await queue.getJob(id))?.payload, 'new');
      }
      end.resolve();
      await working;
    });
  }
}

test('a replaced job gets the new start, options and labels, and all its attempts; an updated one keeps its start', async (t) => {
  for (const onDuplicate of ['replace', 'update'] as const) {
    const { queue, clock } = openTest(t);
    const first = { delay: '1h', priority: 1, maxAttempts: 2, timeout: '1m', meta: { by: 'ann', old: 1 } };
    const id = await queue.enqueue('job', 1, { ...KEY, ...first });
    const { createdAt, runAt } = (await queue.getJob(id)) ?? {};
    clock.advance(60_000);
    await queue.enqueue('job', 2, { ...KEY, onDuplicate, delay: '2h', priority: 5, meta: { by: 'bob' } });
    const job = await queue.getJob(id);
    assert.deepEqual([job?.payload, job?.priority, job?.meta], [2, 5, { by: 'bob' }]);
    assert.deepEqual([job?.maxAttempts, job?.timeout], [undefined, undefined]);
    assert.equal(Number(job?.createdAt), Number(createdAt));
    const expected = onDuplicate === 'update' ? Number(runAt) : clock.now() + 7_200_000;
    assert.equal(Number(job?.runAt), expected);
  }
});

test('a job replaced between two attempts has all its attempts again', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('job', 1, { ...KEY, maxAttempts: 2 });
  const ran: unknown[] = [];
  const handlers = {
    job: (payload: unknown) => {
      ran.push(payload);
      throw new Error('no');
    },
  };
  const options = { backoff: [1000] };
  await queue.processJobs(handlers, options);
  await queue.enqueue('job', 2, { ...KEY, onDuplicate: 'replace', maxAttempts: 2 });
  for (let i = 0; i < 3; i++) {
    await queue.processJobs(handlers, options);
    clock.advance(2000);
  }
  const job = await queue.getJob(id);
  assert.deepEqual([ran, job?.status, job?.attempts, job?.forgiven], [[1, 2, 2], 'failed', 3, 1]);
});

test('debounced every four seconds for an hour with maxDelay 5 minutes, a job runs twelve times', async (t) => {
  const { queue, clock } = openTest(t, { durability: 'os' });
  const ran: number[] = [];
  for (let second = 4; second <= 3600; second += 4) {
    await queue.enqueue('job', second, { ...KEY, delay: '10s', onDuplicate: 'replace', maxDelay: '5m' });
    clock.advance(4000);
    // As cron would.
    if (second % 60 === 0) await queue.processJobs({ job: (payload: number) => void ran.push(payload) });
  }
  assert.deepEqual(
    ran,
    Array.from({ length: 12 }, (_, n) => 300 * (n + 1)),
  );
});

test('of jobs with one key in one call, the first is added, and the others are as their policy says', async (t) => {
  const { queue, file } = openTest(t);
  const job = (payload: string, onDuplicate?: 'replace' | 'update' | 'reject') => ({
    type: 'job',
    payload,
    options: { dedupeKey: 'k', onDuplicate, delay: payload === 'a' ? '1h' : '2h' },
  });
  const added = await queue.addMany([
    job('a'),
    { type: 'plain' },
    job('b'),
    job('c', 'update'),
    job('d', 'replace'),
  ]);
  assert.deepEqual(
    added.map(({ outcome }) => outcome),
    ['added', 'added', 'existing', 'updated', 'replaced'],
  );
  assert.deepEqual(new Set(added.map(({ id }) => id)).size, 2);
  const rows = rowsOf(file);
  assert.deepEqual(
    rows.map(({ type, payload, version }) => [type, payload, version]),
    [
      ['job', '"d"', '1'],
      ['plain', 'null', '1'],
    ],
  );
  // And of one that is in the file, which gets one row more.
  const more = await queue.enqueueMany([job('e', 'replace'), job('f', 'update'), job('g')]);
  assert.deepEqual(new Set(more).size, 1);
  const [kept] = rowsOf(file).slice(-1);
  assert.deepEqual([kept?.payload, kept?.version], ['"f"', '2']);
});

test('a call with a rejected duplicate adds nothing, and names all conflicts', async (t) => {
  const { queue } = openTest(t);
  const ids = await queue.enqueueMany(
    ['a', 'b'].map((dedupeKey) => ({ type: 'job', options: { dedupeKey } })),
  );
  const again = ['a', 'new', 'b'].map((dedupeKey) => ({
    type: 'job',
    options: { dedupeKey, onDuplicate: 'reject' as const },
  }));
  const error = await rejects(queue.addMany(again), 'DUPLICATE_JOB', 'the key "a" is pending', '1 more');
  assert.deepEqual(error.existing, ids);
  await rejects(
    queue.addMany([again[1], again[1]] as typeof again),
    'DUPLICATE_JOB',
    'two jobs of type job in this call have the key "new"',
  );
  assert.equal((await queue.listJobs()).length, 2);
});

test('a key belongs to its type', async (t) => {
  const { queue } = openTest(t);
  const outcomes = [];
  for (const type of ['one', 'two', 'one']) outcomes.push((await queue.add(type, 1, KEY)).outcome);
  assert.deepEqual(outcomes, ['added', 'added', 'existing']);
});

test('a key that a field or a person could not hold is refused, and 200 characters of four bytes are not', async (t) => {
  const { queue, file } = openTest(t);
  const longest = '😀'.repeat(200);
  const id = await queue.enqueue('job', 1, { dedupeKey: longest });
  assert.equal(await queue.enqueue('job', 1, { dedupeKey: longest }), id);
  assert.equal(rowsOf(file)[0]?.dedupe_key, longest);
  for (const dedupeKey of ['', 'a\tb', 'a\nb', '@mine', 'x'.repeat(201), '\u200b', 7, false, null]) {
    await rejects(
      queue.enqueue('job', 1, { dedupeKey: dedupeKey as string }),
      'INVALID_ARGUMENT',
      'dedupeKey',
      '1 to 200 characters',
    );
  }
  await rejects(queue.enqueue('job', 1, { dedupe: 'kept' }), 'INVALID_ARGUMENT', 'dedupe', 'no dedupeKey');
  await rejects(
    queue.enqueue('job', 1, { ...KEY, maxDelay: '1h' }),
    'INVALID_ARGUMENT',
    'maxDelay',
    'replace',
  );
  await rejects(
    queue.enqueue('job', 1, { ...KEY, dedupe: 'all' as 'kept' }),
    'INVALID_ARGUMENT',
    'dedupe is "all"',
  );
  await rejects(
    queue.enqueue('job', 1, { ...KEY, onDuplicate: 'merge' as 'update' }),
    'INVALID_ARGUMENT',
    'onDuplicate is "merge"',
  );
});

test('the payload is the key, whatever the order of its names, with dedupeKey: true', async (t) => {
  const { queue, file } = openTest(t);
  const key = { dedupeKey: true } as const;
  const id = await queue.enqueue('job', { a: 1, b: [{ c: 2, d: new Date(0) }] }, key);
  assert.equal(await queue.enqueue('job', { b: [{ d: new Date(0), c: 2 }], a: 1 }, key), id);
  assert.notEqual(await queue.enqueue('job', { b: [{ d: new Date(1), c: 2 }], a: 1 }, key), id);
  assert.match(rowsOf(file)[0]?.dedupe_key ?? '', /^[0-9a-f]{64}$/);
});

test('a job that failed for good, completed or was cancelled gives its key free', async (t) => {
  const { queue } = openTest(t);
  for (const how of ['fail', 'complete', 'cancel']) {
    const id = await queue.enqueue('job', how, KEY);
    if (how === 'cancel') await queue.cancelJob(id);
    await queue.processJobs(
      {
        job: (payload: string) => {
          if (payload === 'fail') throw new Error('no');
        },
      },
      { maxAttempts: 1 },
    );
    assert.equal((await queue.add('job', 'next', KEY)).outcome, 'added', how);
    await queue.processJobs({ job: () => {} });
  }
});

test('a retry of a job whose key another one has is refused, with its id', async (t) => {
  const { queue } = openTest(t);
  const id = await queue.enqueue('job', 1, KEY);
  await queue.cancelJob(id);
  const other = await queue.enqueue('job', 2, { ...KEY, delay: '1h' });
  const error = await rejects(queue.retryJob(id), 'DUPLICATE_JOB', id, other, 'is pending');
  assert.deepEqual(error.existing, [other]);
  await queue.cancelJob(other);
  assert.equal(await queue.retryJob(id), true);
  assert.equal((await queue.add('job', 3, KEY)).id, id, 'a retried job has its key again');
});

test('many jobs with one key read the job that has it only once', async (t) => {
  const { fs, calls } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  await queue.enqueue('job', 'x'.repeat(100_000), { ...KEY, delay: '1h' });
  const before = calls.length;
  const many = Array.from({ length: 50 }, (_, n) => ({ type: 'job', payload: n, options: KEY }));
  const added = await queue.addMany(many);
  assert.ok(added.every(({ outcome }) => outcome === 'existing'));
  const reads = calls.slice(before).filter(({ name, path }) => name.startsWith('read') && path === file);
  assert.ok(reads.length < 25, `${reads.length} reads`);
});
