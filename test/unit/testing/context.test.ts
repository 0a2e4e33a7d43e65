import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Handlers, openQueue } from 'tsvq';
import { context } from 'tsvq/testing';
import { rejects, throws } from '../../support/errors.js';
import { temporaryFolder } from '../../support/folders.js';
import { openTest } from '../../support/queues.js';

interface Jobs {
  charge: { order: number; cents: number };
  receipt: { order: number };
  sweep: undefined;
}

const handlers: Handlers<Jobs> = {
  charge: ({ order }, { enqueue, job, signal }) => {
    signal.throwIfAborted();
    enqueue('receipt', { order });
    enqueue('sweep', undefined, { delay: '1d' });
    return `${job.id}:${job.attempts}`;
  },
  receipt: ({ order }) => order,
  sweep: () => {},
};

test('a context has a job in its first attempt, and a signal that is not aborted', () => {
  const { job, signal, enqueued } = context();
  assert.match(job.id, /^[0-9a-f]{16}$/);
  const { type, payload, status, attempts, forgiven, createdAt, startedAt } = job;
  assert.deepEqual(
    { type, payload, status, attempts, forgiven },
    { type: 'test', payload: null, status: 'processing', attempts: 1, forgiven: 0 },
  );
  for (const date of [createdAt, startedAt]) assert.ok(Math.abs(Date.now() - Number(date)) < 60_000);
  assert.equal(signal.aborted, false);
  assert.deepEqual(enqueued, []);
  assert.notEqual(context().job.id, job.id);
});

test('a context has the same fields of a job as that of a worker', async (t) => {
  const { queue } = openTest<Jobs>(t);
  await queue.enqueue('receipt', { order: 1 });
  let real: string[] = [];
  await queue.processJobs({
    receipt: (_, { job }) => {
      real = Object.keys(job);
    },
  });
  assert.deepEqual(Object.keys(context().job).sort(), real.sort());
});

test('a handler can be called with a context, which shows what it enqueued', async () => {
  const made = context<Jobs, 'charge'>({ job: { id: 'a1', attempts: 2 } });
  assert.equal(await handlers.charge({ order: 7, cents: 100 }, made), 'a1:2');
  assert.deepEqual(made.enqueued, [
    { type: 'receipt', payload: { order: 7 } },
    { type: 'sweep', payload: null, options: { delay: '1d' } },
  ]);
  assert.equal(await handlers.receipt({ order: 7 }, context()), 7);
});

test('a follow-up has the id that the worker would give it', async (t) => {
  const { queue } = openTest<Jobs>(t);
  await queue.enqueue('charge', { order: 1, cents: 1 });
  let ids: string[] = [];
  let job = {};
  await queue.processJobs({
    charge: (_, real) => {
      ids = [real.enqueue('sweep'), real.enqueue('sweep')];
      job = { ...real.job };
    },
    sweep: () => {},
  });
  const made = context<Jobs, 'charge'>({ job });
  assert.deepEqual([made.enqueue('sweep'), made.enqueue('sweep')], ids);
});

test('the enqueue of a context refuses what that of a worker refuses, and remembers none of it', () => {
  const made = context();
  throws(() => made.enqueue(''), 'INVALID_ARGUMENT', 'type');
  throws(() => made.enqueue('a', { at: () => {} }), 'INVALID_ARGUMENT', 'payload.at');
  throws(() => made.enqueue('a', null, { delay: 'soon' }), 'INVALID_ARGUMENT', 'delay');
  throws(() => made.enqueue('a', 'x'.repeat(2 ** 20)), 'PAYLOAD_TOO_LARGE');
  assert.deepEqual(made.enqueued, []);
});

test('a payload is remembered as JSON returns it, without later changes', () => {
  const made = context();
  const payload = { at: new Date(0), gone: undefined, list: [1] };
  made.enqueue('a', payload);
  payload.list.push(2);
  assert.deepEqual(made.enqueued, [{ type: 'a', payload: { at: '1970-01-01T00:00:00.000Z', list: [1] } }]);
});

test('a signal may be given, and unknown overrides are refused', async () => {
  const signal = AbortSignal.abort(new Error('stopped'));
  const aborted = async () => handlers.charge({ order: 1, cents: 1 }, context({ signal }));
  await assert.rejects(aborted, /stopped/);
  throws(() => context({ sginal: signal } as object), 'INVALID_ARGUMENT', 'overrides.sginal');
  throws(() => context({ job: { attempt: 2 } as object }), 'INVALID_ARGUMENT', 'overrides.job.attempt');
});

test('a copy of a context works like it, in a test and in a worker', async (t) => {
  const made = context<Jobs, 'charge'>();
  await handlers.charge({ order: 7, cents: 100 }, { ...made });
  assert.equal(made.enqueued.length, 2);

  const queue = openQueue<Jobs>(join(temporaryFolder(t), 'queue.tsv'));
  const id = await queue.enqueue('charge', { order: 7, cents: 100 });
  await queue.processJobs({
    charge: async (payload, real) => {
      assert.deepEqual(Object.keys(real).sort(), [
        'enqueue',
        'job',
        'log',
        'progress',
        'signal',
        'sleep',
        'sleepUntil',
        'step',
      ]);
      const copy = { ...real };
      const result = handlers.charge(payload, copy);
      assert.equal(await queue.cancelJob(id), true);
      await new Promise((resolve) => copy.signal.addEventListener('abort', resolve));
      return result;
    },
  });
  assert.equal((await queue.getJob(id))?.status, 'cancelled');
  await queue.close();
});

test('steps run, sleeps end at once, and what the handler says of itself is remembered', async () => {
  const made = context();
  const { step, sleep, sleepUntil, progress, log } = made;
  let runs = 0;
  assert.deepEqual(await step('charge', ({ key }) => ({ key, run: ++runs, at: new Date(0) })), {
    key: `${made.job.id}:charge`,
    run: 1,
    at: '1970-01-01T00:00:00.000Z',
  });
  await sleep('3d');
  await sleepUntil('2030-01-31T09:00:00Z');
  progress(150, 'page 2');
  log('one\ntwo');
  assert.ok(Math.abs(Number(made.slept[0]) - Date.now() - 3 * 86_400_000) < 60_000);
  assert.equal(made.slept[1]?.toISOString(), '2030-01-31T09:00:00.000Z');
  assert.deepEqual(made.progressed, [{ percent: 100, message: 'page 2' }]);
  assert.deepEqual(made.logged, ['one', 'two']);
  for (const wrong of [step('', () => 1), step('a', () => 1n), sleep('soon'), sleepUntil('soon')])
    await rejects(wrong, 'INVALID_ARGUMENT');
  throws(() => progress(Number.NaN), 'INVALID_ARGUMENT');
  throws(() => log(5 as unknown as string), 'INVALID_ARGUMENT');
});

test('a context refuses what a worker refuses in a step and of a sleep', async () => {
  const { step, sleep, enqueue } = context();
  await rejects(sleep(Number.POSITIVE_INFINITY), 'INVALID_ARGUMENT', 'year 5138');
  await rejects(
    step('a', () => enqueue('x')),
    'INVALID_ARGUMENT',
    'step "a"',
  );
  await rejects(
    step('b', () => sleep('1d')),
    'INVALID_ARGUMENT',
    'step "b"',
  );
});
