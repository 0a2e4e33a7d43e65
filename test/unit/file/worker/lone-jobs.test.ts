import assert from 'node:assert/strict';
import { test } from 'node:test';
import { over } from '../../../support/claims.js';
import { jobId, line } from '../../../support/queue-file.js';
import { deferred } from '../../../support/waiting.js';

/*
 * Jobs that may have killed their worker run alone.
 */

/** A job whose last worker died with it. */
const suspect = (n: number): string =>
  line({
    id: jobId(n),
    attempts: 1,
    version: 3,
    error: 'worker died during attempt 1; it was x',
    meta: '{"@lone":true}',
    payload: n,
  });

test('a lone job delays no other job while others run', async (t) => {
  const { queue, clock } = over(t, line({ id: jobId(1), type: 'slow' }), suspect(2));
  const ran: unknown[] = [];
  const gate = deferred();
  const begun = deferred();
  const slow = (): Promise<void> => {
    begun.resolve();
    return gate.promise;
  };
  const working = queue.processJobs(
    { slow, email: (n) => void ran.push(n) },
    { concurrency: 3, linger: '1h', logger: () => {} },
  );
  await begun.promise;
  await queue.enqueueMany([5, 6, 7].map((n) => ({ type: 'email', payload: n })));
  await clock.advanceUntil('the others ran', () => ran.length === 3);
  assert.deepEqual(ran, [5, 6, 7]);
  gate.resolve();
  await clock.advanceUntil('it ran as well', () => ran.length === 4);
  assert.deepEqual(ran, [5, 6, 7, 2]);
  await clock.pass(3_600_000, 60_000);
  assert.equal((await working).completed, 5);
});

test('a lone job waits a minute for a moment alone, and then others wait for it', async (t) => {
  const { queue, clock } = over(t, line({ id: jobId(1), type: 'slow' }), suspect(2));
  const ran: unknown[] = [];
  const gates = [deferred(), deferred()];
  let slows = 0;
  const slow = (): Promise<void> | undefined => gates[slows++]?.promise;
  const stop = new AbortController();
  const working = queue.processJobs(
    { slow, email: (n) => void ran.push(n) },
    { concurrency: 2, linger: Number.POSITIVE_INFINITY, signal: stop.signal, logger: () => {} },
  );
  await clock.advanceUntil('the first slow one runs', () => slows === 1);
  await clock.pass(30_000);
  await queue.enqueue('slow');
  await clock.advanceUntil('the second slow one runs', () => slows === 2);
  await clock.pass(31_000);
  await queue.enqueue('email', 3);
  await clock.pass(5_000);
  gates[0]?.resolve();
  await clock.pass(5_000);
  assert.deepEqual(ran, []);
  gates[1]?.resolve();
  await clock.advanceUntil('both ran', () => ran.length === 2);
  assert.deepEqual(ran, [2, 3]);
  stop.abort();
  await working;
});

test('a lone job that was cancelled meanwhile delays no other job', async (t) => {
  const { queue, clock } = over(t, line({ id: jobId(1), type: 'slow' }), suspect(2));
  const ran: unknown[] = [];
  const gate = deferred();
  const begun = deferred();
  const stop = new AbortController();
  const slow = (): Promise<void> => {
    begun.resolve();
    return gate.promise;
  };
  const working = queue.processJobs(
    { slow, email: (n) => void ran.push(n) },
    { concurrency: 4, linger: Number.POSITIVE_INFINITY, signal: stop.signal, logger: () => {} },
  );
  await begun.promise;
  await clock.pass(2_000);
  assert.equal(await queue.cancelJob(jobId(2)), true);
  await clock.pass(61_000);
  await queue.enqueue('email', 3);
  await clock.advanceUntil('the next one ran', () => ran.length === 1);
  assert.deepEqual(ran, [3]);
  gate.resolve();
  stop.abort();
  await working;
});

test('a job with a higher priority goes before lone jobs until their minute is over', async (t) => {
  const { queue, clock } = over(t, ...[2, 3, 4].map(suspect));
  const ran: unknown[] = [];
  const gate = deferred();
  const working = queue.processJobs(
    {
      email: (n) => {
        ran.push(n);
        return n === 2 ? gate.promise : undefined;
      },
    },
    { concurrency: 2, logger: () => {} },
  );
  await clock.advanceUntil('the first runs', () => ran.length === 1);
  await queue.enqueue('email', 'urgent', { priority: 100 });
  gate.resolve();
  assert.equal((await working).completed, 4);
  assert.deepEqual(ran, [2, 'urgent', 3, 4]);
});

test('a worker that is never idle runs a lone job as well', async (t) => {
  // It comes second, and is set aside.
  const { queue, clock } = over(t, line({ id: jobId(1), type: 'quick', run_at: 1 }), suspect(2));
  await queue.enqueueMany(Array.from({ length: 9999 }, (_, n) => ({ type: 'quick', payload: n })));
  let before = 0;
  let quick = 0;
  const { completed } = await queue.processJobs(
    {
      quick: () => {
        // A minute and a bit in a thousand of them.
        if (++quick % 100 === 0) clock.advance(6_500);
      },
      email: () => {
        before = quick;
      },
    },
    { logger: () => {} },
  );
  assert.equal(completed, 10_001);
  assert.ok(before > 900 && before < 8000, `${before} went before it`);
});
