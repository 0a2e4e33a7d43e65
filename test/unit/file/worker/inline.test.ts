import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { JobFailedError, PermanentError, RetryAfterError } from 'tsvq';
import { rejects } from '../../../support/errors.js';
import { stubborn } from '../../../support/handlers.js';
import { openTest } from '../../../support/queues.js';
import { settle } from '../../../support/waiting.js';

/** Notes how a promise is settled. */
function watched<T>(promise: Promise<T>): { isSettled: () => boolean; end: Promise<unknown> } {
  let settled = false;
  const note = (value: unknown): unknown => {
    settled = true;
    return value;
  };
  return { isSettled: () => settled, end: promise.then(note, note) };
}

test('a job runs at once, and nothing of it is in the file', async (t) => {
  const { queue, file } = openTest(t);
  const seen: unknown[] = [];
  const result = await queue.runInline(
    'sum',
    { of: [1, 2], left: undefined },
    {
      sum: (payload, { job, signal }) => {
        const { id, status, attempts, type, meta, group, maxAttempts } = job;
        seen.push(payload, id.length, status, attempts, type, meta, group, maxAttempts, signal.aborted);
        return { total: 3, at: new Date(0) };
      },
    },
    { meta: { a: 1 }, group: 'ann', maxAttempts: 7 },
  );
  assert.deepEqual(result, { total: 3, at: '1970-01-01T00:00:00.000Z' }, 'as a worker would record it');
  assert.deepEqual(seen, [{ of: [1, 2] }, 16, 'processing', 1, 'sum', { a: 1 }, 'ann', 7, false]);
  assert.equal(existsSync(file), false);
});

test('a failed attempt is tried again after the wait of its type, with its steps', async (t) => {
  const { queue, clock } = openTest(t);
  const start = clock.now();
  let attempts = 0;
  let charged = 0;
  const running = watched(
    queue.runInline('charge', null, {
      charge: {
        backoff: ['5m', '10m'],
        handler: async (_, { job, step, log, progress }) => {
          log('a line');
          progress(50);
          const charge = await step('charge', () => ++charged);
          if (++attempts < 3) throw new Error('not yet');
          return [charge, job.attempts];
        },
      },
    }),
  );
  await clock.advanceUntil('it ends', running.isSettled, 60_000);
  assert.deepEqual(await running.end, [1, 3]);
  assert.ok(clock.now() - start >= 15 * 60_000);
});

test('a sleep passes, and costs no attempt', async (t) => {
  const { queue, clock } = openTest(t);
  const running = watched(
    queue.runInline(
      'nap',
      null,
      {
        nap: async (_, { sleep, job }) => {
          await sleep('1h');
          return job.attempts - job.forgiven;
        },
      },
      { maxAttempts: 1 },
    ),
  );
  await settle();
  assert.equal(running.isSettled(), false);
  await clock.advanceUntil('it ends', running.isSettled, 600_000);
  assert.equal(await running.end, 1);
});

for (const [what, error, options, attempts] of [
  ['the last attempt', new RangeError('no'), { maxAttempts: 2 }, 2],
  ['a PermanentError', new PermanentError('never'), {}, 1],
  ['an error that retryIf refuses', new TypeError('refused'), {}, 1],
] as const) {
  test(`a job fails for good by ${what}`, async (t) => {
    const { queue, clock } = openTest(t);
    const fail = { handler: () => Promise.reject(error), retryIf: (e: unknown) => !(e instanceof TypeError) };
    const running = watched(queue.runInline('charge', null, { charge: fail }, options));
    await clock.advanceUntil('it ends', running.isSettled, 60_000);
    const failed = await running.end;
    assert.ok(failed instanceof JobFailedError, String(failed));
    assert.equal(failed.cause, error);
    assert.deepEqual([failed.code, failed.type, failed.attempts], ['JOB_FAILED', 'charge', attempts]);
    assert.match(failed.lastError as string, new RegExp(error.message));
  });
}

test('RetryAfterError sets the wait, and costs no attempt', async (t) => {
  const { queue, clock } = openTest(t);
  let calls = 0;
  const busy = (): number => {
    if (++calls === 1) throw new RetryAfterError('busy', '1m');
    return calls;
  };
  const running = watched(queue.runInline('charge', null, { charge: busy }, { maxAttempts: 1 }));
  await clock.advanceUntil('it ends', running.isSettled, 1000);
  assert.equal(await running.end, 2);
});

test("the job's time limit wins over its type's", async (t) => {
  const { queue, clock } = openTest(t);
  const wait = (_: unknown, { signal }: { signal: AbortSignal }) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  const once = { handler: wait, maxAttempts: 1, timeout: '1h' } as const;
  const running = watched(queue.runInline('slow', null, { slow: once }, { timeout: '10s' }));
  const start = clock.now();
  await clock.advanceUntil('it ends', running.isSettled, 1000);
  assert.match(((await running.end) as JobFailedError).message, /stopped after 10000 ms, its time limit/);
  assert.ok(clock.now() - start < 12_000);
});

test('a payload that does not fit the schema fails for good', async (t) => {
  const { queue } = openTest(t);
  const schema = {
    '~standard': { version: 1, vendor: 'test', validate: () => ({ issues: [{ message: 'no order' }] }) },
  } as const;
  const error = await queue
    .runInline('charge', {}, { charge: { handler: () => assert.fail('it ran'), schema } })
    .catch((thrown: unknown) => thrown);
  assert.ok(error instanceof JobFailedError);
  assert.match(error.message, /payload doesn't fit the schema of charge: no order/);
});

test('follow-ups are enqueued once the job has completed, under the ids that the handler was told', async (t) => {
  const { queue, clock } = openTest(t);
  const told: unknown[] = [];
  let attempts = 0;
  const running = watched(
    queue.runInline('order', null, {
      order: (_, { enqueue }) => {
        const id = enqueue('receipt', { attempt: ++attempts });
        if (attempts === 1) throw new Error('not yet');
        told.push(id, enqueue('sync', null, { dedupeKey: 'one' }));
        enqueue('sync', null, { dedupeKey: 'one' });
      },
    }),
  );
  await settle();
  assert.deepEqual(await queue.listJobs(), []);
  await clock.advanceUntil('it ends', running.isSettled, 60_000);
  const jobs = await queue.listJobs();
  assert.deepEqual(
    jobs.map(({ type, payload }) => [type, payload]),
    [
      ['receipt', { attempt: 2 }],
      ['sync', null],
    ],
  );
  assert.deepEqual(told, [jobs[0]?.id, undefined]);
});

test('an abort stops the handler and the waits, and rejects with its reason', async (t) => {
  const { queue } = openTest(t);
  const { handler, started, end } = stubborn();
  let told: AbortSignal | undefined;
  const controller = new AbortController();
  const reason = new Error('the request is gone');
  const running = queue.runInline(
    'slow',
    null,
    {
      slow: (_, context) => {
        told = context.signal;
        return handler();
      },
    },
    { signal: controller.signal },
  );
  await started;
  controller.abort(reason);
  await assert.rejects(running, reason);
  assert.equal(told?.aborted, true);
  end.resolve(undefined);
  await assert.rejects(
    queue.runInline('slow', null, { slow: () => {} }, { signal: controller.signal }),
    reason,
  );
  const waiting = new AbortController();
  const failing = () => Promise.reject(new Error('no'));
  const between = queue.runInline('slow', null, { slow: failing }, { signal: waiting.signal });
  await settle();
  waiting.abort(reason);
  await assert.rejects(between, reason);
});

test('closing the queue ends the run', async (t) => {
  const { queue } = openTest(t);
  const { handler, started, end } = stubborn();
  const running = rejects(queue.runInline('slow', null, { slow: handler }), 'CLOSED', 'slow');
  await started;
  await queue.close();
  await running;
  end.resolve(undefined);
  await rejects(queue.runInline('slow', null, { slow: () => {} }), 'CLOSED');
});

test('what can not be used is refused before the handler runs', async (t) => {
  const { queue } = openTest(t, { maxPayload: 100 });
  const handlers = { sum: () => assert.fail('it ran') };
  await rejects(queue.runInline('other', null, handlers), 'INVALID_ARGUMENT', 'handler', 'other');
  await rejects(queue.runInline('', null, handlers), 'INVALID_ARGUMENT');
  await rejects(queue.runInline('sum', 1n, handlers), 'INVALID_ARGUMENT', 'payload');
  await rejects(queue.runInline('sum', 'x'.repeat(100), handlers), 'PAYLOAD_TOO_LARGE');
  for (const options of [{ maxAttempts: 0 }, { timeout: 0 }, { delay: 5 }, { signal: 5 }])
    await rejects(queue.runInline('sum', null, handlers, options as object), 'INVALID_ARGUMENT');
});

test('the hooks of the type are called, and its failureJob is enqueued', async (t) => {
  const { queue } = openTest(t);
  const calls: unknown[] = [];
  const entry = (handler: () => unknown) => ({
    ...{ handler, maxAttempts: 1, failureJob: 'notify' },
    onSuccess: (_: unknown, result: unknown) => calls.push(result),
    onFailure: (_: unknown, error: unknown) => calls.push((error as Error).message),
  });
  const bad = () => {
    throw new Error('no');
  };
  await queue.runInline('good', null, { good: entry(() => 7) });
  await rejects(queue.runInline('bad', null, { bad: entry(bad) }), 'JOB_FAILED');
  assert.deepEqual(calls, [7, 'no']);
  const jobs = await queue.listJobs();
  assert.deepEqual(
    jobs.map(({ type, payload }) => [type, (payload as { type: string }).type]),
    [['notify', 'bad']],
  );
});
