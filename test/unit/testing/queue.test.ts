import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import type { HandlerEntries } from 'tsvq';
import { testQueue } from 'tsvq/testing';
import { rejects, throws } from '../../support/errors.js';
import { runScript } from '../../support/processes.js';

interface Jobs {
  email: { to: string; tags?: string[]; from?: { name: string; id: number } };
  report: { month: string };
  sweep: undefined;
}

const handlers: HandlerEntries<Jobs> = {
  email: ({ to }) => to,
  report: ({ month }, { enqueue }) => {
    enqueue('email', { to: month });
    enqueue('email', { to: 'later' }, { delay: '2h' });
  },
  sweep: () => {},
};

test('it is a real queue, in a folder of its own that is gone after close', async () => {
  const one = testQueue<Jobs>({ handlers });
  const two = testQueue<Jobs>({ handlers });
  const id = await one.queue.enqueue('email', { to: 'ann' });
  const { completed, claimed } = await one.drain();
  assert.deepEqual([completed, claimed], [1, 1]);
  assert.equal(await one.queue.waitForJob(id), 'ann');
  assert.deepEqual(await two.enqueued(), []);
  assert.notEqual(dirname(one.queue.file), dirname(two.queue.file));
  assert.equal(existsSync(one.queue.file), true);
  await one.close();
  assert.equal(existsSync(dirname(one.queue.file)), false);
  await rejects(one.queue.stats(), 'CLOSED');
  await two[Symbol.asyncDispose]();
  assert.equal(existsSync(dirname(two.queue.file)), false);
});

test('a folder that was not closed is gone when the process ends', async (t) => {
  const printed = await runScript(
    t,
    `import { testQueue } from 'lib/testing.js';
    const tests = Array.from({ length: 20 }, () => testQueue());
    for (const { queue } of tests) await queue.enqueue('email');
    console.log(tests.map(({ queue }) => queue.file).join(' '));`,
  );
  const files = printed.trim().split(' ');
  assert.equal(files.length, 20);
  for (const file of files) assert.equal(existsSync(dirname(file)), false);
});

test('drain runs what is due, with all that it enqueues, and no more', async (t) => {
  const { queue, drain, enqueued, close } = testQueue<Jobs>();
  t.after(close);
  await queue.enqueue('report', { month: 'may' });
  assert.equal((await drain(handlers)).completed, 2);
  assert.deepEqual(
    (await enqueued()).map(({ type, status }) => [type, status]),
    [
      ['report', 'completed'],
      ['email', 'completed'],
      ['email', 'pending'],
    ],
  );
  assert.equal((await drain(handlers, { advance: '119m' })).completed, 0);
  assert.equal((await drain(handlers, { advance: '2m' })).completed, 1);
});

test('drain moves the time from one due time to the next: retries, sleeps and schedules run', async (t) => {
  const { queue, drain, clock, close } = testQueue();
  t.after(close);
  const start = clock.now();
  const seen: string[] = [];
  const note = (what: string): void =>
    void seen.push(`${what} ${Math.floor((clock.now() - start) / 60_000)}`);
  await queue.enqueue('fails', null, { maxAttempts: 3 });
  await queue.enqueue('sleeps');
  await queue.enqueue('later', null, { delay: '30m' });
  await queue.schedule('hourly', { type: 'tick', every: '1h', startAt: new Date(start + 3_600_000) });
  const summary = await drain(
    {
      fails: () => {
        note('fails');
        throw new Error('no');
      },
      sleeps: async (_, { sleep, job }) => {
        if (job.forgiven === 0) await sleep('45m');
        note('awake');
      },
      later: () => note('later'),
      tick: () => note('tick'),
    },
    { advance: '150m', logger: () => {} },
  );
  assert.deepEqual(seen, ['fails 0', 'fails 2', 'fails 6', 'later 30', 'awake 45', 'tick 60', 'tick 120']);
  const { completed, failed, retried, slept } = summary;
  assert.deepEqual([completed, failed, retried, slept], [4, 1, 2, 1]);
  assert.ok(clock.now() - start >= 150 * 60_000);
});

test('the clock moves time limits and waits, and can be set back', async (t) => {
  const { queue, drain, clock, close } = testQueue();
  t.after(close);
  const id = await queue.enqueue('slow', null, { timeout: '1h', maxAttempts: 1 });
  let started = (): void => {};
  const running = new Promise<void>((resolve) => {
    started = resolve;
  });
  const drained = drain({
    slow: (_, { signal }) => {
      started();
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    },
  });
  const waiting = rejects(queue.waitForJob(id, { timeout: '2d' }), 'JOB_FAILED', 'time limit');
  await running;
  await clock.advance('2h');
  assert.equal((await drained).failed, 1);
  await waiting;
  await clock.set('2040-01-31T09:00:00Z');
  const added = await queue.getJob(await queue.enqueue('a'));
  assert.match(added?.createdAt.toISOString() ?? '', /^2040-01-31T09:00:0/);
  await clock.set(new Date('2030-06-01T00:00:00Z'));
  assert.match(new Date(clock.now()).toISOString(), /^2030-06-01T00:00:0/);
  await rejects(clock.advance(-5), 'INVALID_ARGUMENT', 'by');
  await rejects(clock.set('tomorrow'), 'INVALID_ARGUMENT', 'to');
});

test('jobs are listed in the order in which they were enqueued, whatever has run since', async (t) => {
  const { queue, drain, enqueued, close } = testQueue<Jobs>();
  t.after(close);
  const types = ['sweep', 'report', 'sweep', 'report', 'sweep'] as const;
  for (const type of types)
    await (type === 'report' ? queue.enqueue(type, { month: 'may' }) : queue.enqueue(type));
  await drain({ report: () => {} }, { logger: () => {} });
  await queue.compact();
  assert.deepEqual(
    (await enqueued()).map(({ type }) => type),
    [...types],
  );
  assert.equal((await enqueued('sweep')).length, 3);
});

test('assertEnqueued gives the first job that fits, and says what was enqueued otherwise', async (t) => {
  const { queue, assertEnqueued, close } = testQueue<Jobs>();
  t.after(close);
  const failure = async (asserted: Promise<unknown>): Promise<assert.AssertionError> => {
    const error = await asserted.then(
      () => assert.fail('it passed'),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof assert.AssertionError);
    return error;
  };
  assert.equal(
    (await failure(assertEnqueued('sweep'))).message,
    'no job of type sweep was enqueued; none was enqueued at all',
  );
  const payload = { to: 'ann', tags: ['a', 'b'], from: { name: 'bob', id: 5 } };
  const id = await queue.enqueue('email', payload, { priority: 5, meta: { a: 1 } });
  await queue.enqueue('email', { to: 'ann' });
  await queue.enqueue('sweep');
  const job = await assertEnqueued('email', { to: 'ann' });
  assert.deepEqual([job.id, job.priority, job.meta, job.payload.tags?.length], [id, 5, { a: 1 }, 2]);
  assert.equal((await assertEnqueued('email', { from: { id: 5 }, tags: ['a', 'b'] })).id, id);
  assert.notEqual((await assertEnqueued('email', { tags: undefined })).id, id);
  await assertEnqueued('email');
  await assertEnqueued('sweep');
  for (const part of [{ to: 'bob' }, { tags: ['a'] }, { from: { id: 6 } }, { from: {}, to: 'bob' }])
    await failure(assertEnqueued('email', part));
  const error = await failure(assertEnqueued('email', { to: 'eve' }));
  assert.equal(
    error.message,
    [
      'no job of type email with a payload like {"to":"eve"} was enqueued; these were:',
      `  email ${JSON.stringify(payload)}`,
      '  email {"to":"ann"}',
      '  sweep null',
    ].join('\n'),
  );
  assert.deepEqual([error.actual, error.expected], [[payload, { to: 'ann' }], { to: 'eve' }]);
  await queue.enqueueMany(Array.from({ length: 40 }, () => ({ type: 'sweep' })));
  assert.match((await failure(assertEnqueued('report'))).message, /\n {2}and 23 more$/);
});

test('assertNotEnqueued names the jobs that were enqueued', async (t) => {
  const { queue, assertNotEnqueued, close } = testQueue<Jobs>();
  t.after(close);
  await assertNotEnqueued();
  await queue.enqueue('email', { to: 'ann' });
  await assertNotEnqueued('sweep');
  await assertNotEnqueued('email', { to: 'bob' });
  await assert.rejects(assertNotEnqueued('email', { to: 'ann' }), {
    name: 'AssertionError',
    message:
      'no job of type email with a payload like {"to":"ann"} should have been enqueued; these were:\n  email {"to":"ann"}',
  });
  await assert.rejects(assertNotEnqueued(), /no job should have been enqueued; these were:\n {2}email/);
});

test('options are those of a queue, and are checked', async (t) => {
  const { queue, close, drain } = testQueue<Jobs>({ maxPayload: 100, defaults: { sweep: { priority: 3 } } });
  t.after(close);
  await rejects(queue.enqueue('email', { to: 'x'.repeat(100) }), 'PAYLOAD_TOO_LARGE');
  assert.equal((await queue.getJob(await queue.enqueue('sweep')))?.priority, 3);
  throws(() => testQueue({ retnetion: 5 } as object), 'INVALID_ARGUMENT', 'retnetion');
  await rejects(drain(), 'INVALID_ARGUMENT', 'handlers', 'testQueue');
  await rejects(drain(handlers, { advance: 'soon' }), 'INVALID_ARGUMENT', 'advance');
  await rejects(drain(handlers, { until: 5 } as object), 'INVALID_ARGUMENT', 'until');
});

test('a part is compared as JSON has it, and one that JSON can not hold fits nothing', async (t) => {
  const { queue, assertEnqueued, close } = testQueue();
  t.after(close);
  await queue.enqueue('a', { at: new Date(0), d: { x: 1 } });
  await assertEnqueued('a', { at: new Date(0) });
  for (const part of [{ d: new Date(0) }, { d: new Map([[1, 2]]) }, { d: 5n }])
    await assert.rejects(assertEnqueued('a', part), { name: 'AssertionError' });
});

test('many queues in one process listen for its end once', async () => {
  const before = process.listenerCount('exit');
  for (let i = 0; i < 12; i++) await testQueue().close();
  assert.ok(process.listenerCount('exit') <= before + 1);
});

test('the time can not be moved out of all bounds', async (t) => {
  const { clock, close } = testQueue();
  t.after(close);
  await rejects(clock.advance(Number.POSITIVE_INFINITY), 'INVALID_ARGUMENT', 'by is Infinity');
  assert.ok(Number.isFinite(clock.now()));
});
