import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { WorkerEvent } from '../../../../lib/job/options.js';
import { obedient, stubborn } from '../../../support/handlers.js';
import { statesOf, text } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';
import { deferred, eventually, settle, until } from '../../../support/waiting.js';

/*
 * What a cancel does to a running job. Time stands still here unless it is moved.
 */

test('cancelling a running job aborts its signal within a second, and drops its result', async (t) => {
  const { queue, clock, file } = openTest(t);
  const id = await queue.enqueue('email', {});
  const { started, stopped, handler } = obedient();
  const events: WorkerEvent[] = [];
  const working = queue.processJobs({ email: handler }, { logger: (event) => events.push(event) });
  await started;
  const before = clock.now();
  assert.equal(await openTest(t, { file, clock }).queue.cancelJob(id), true);
  let over = false;
  working.then(() => {
    over = true;
  });
  await clock.advanceUntil('it is aborted', () => over, 100);
  assert.equal((await stopped).name, 'AbortError');
  assert.match(String((await stopped).reason), /cancelled/);
  assert.ok(clock.now() - before <= 10_000);
  const summary = await working;
  assert.deepEqual([summary.cancelled, summary.failed, summary.retried, summary.completed], [1, 0, 0, 0]);
  assert.deepEqual(
    events.map(({ event }) => event),
    ['cancelled'],
  );
  assert.deepEqual(statesOf(file), [`${id} cancelled`]);
});

test('a cancel aborts within a second of the clock', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('email', {});
  const started = deferred<AbortSignal>();
  const working = queue.processJobs({
    email: async (_, { signal }) => {
      started.resolve(signal);
      await once(signal, 'abort');
    },
  });
  const signal = await started.promise;
  await queue.cancelJob(id);
  clock.advance(1000);
  assert.ok(await eventually(() => signal.aborted));
  await working;
});

test('a handler that returns despite a cancel changes nothing', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('email', {});
  const { started, end, handler } = stubborn();
  const working = queue.processJobs({ email: handler }, { logger: () => {} });
  await started;
  await queue.cancelJob(id);
  // Also before the worker has noticed.
  end.resolve('sent');
  clock.advance(1000);
  assert.equal((await working).completed, 0);
  const job = await queue.getJob(id);
  assert.deepEqual([job?.status, job?.result], ['cancelled', undefined]);
});

test('a job that is cancelled after its claim and before its start does not start', async (t) => {
  const { queue, file, clock } = openTest(t);
  const ids = await queue.enqueueMany(Array.from({ length: 3 }, (_, n) => ({ type: 'email', payload: n })));
  const other = openTest(t, { file, clock }).queue;
  const ran: unknown[] = [];
  await queue.processJobs({
    email: async (n) => {
      ran.push(n);
      if (n === 0) assert.equal(await other.cancelJob(ids[2] as string), true);
    },
  });
  assert.deepEqual(ran, [0, 1]);
  assert.equal((await queue.getJob(ids[2] as string))?.status, 'cancelled');
});

for (const linger of [0, '10s']) {
  test(`the second run counts if a job is cancelled and retried while its first run is stopping, with linger ${linger}`, async (t) => {
    const { queue, clock } = openTest(t);
    const id = await queue.enqueue('email', {});
    const first = stubborn();
    const second = stubborn();
    const runs: number[] = [];
    const ended: number[] = [];
    const overlaps: number[] = [];
    const working = queue.processJobs(
      {
        email: async (_, { job }) => {
          if (ended.length < runs.length) overlaps.push(job.attempts);
          runs.push(job.attempts);
          const result = await (job.attempts === 1 ? first : second).handler();
          ended.push(job.attempts);
          return result;
        },
      },
      { concurrency: 2, linger, logger: () => {} },
    );
    let over = false;
    working.then(() => {
      over = true;
    });
    await first.started;
    assert.equal(await queue.cancelJob(id), true);
    await clock.pass(1000);
    assert.equal(await queue.retryJob(id), true);
    await clock.pass(1000);
    first.end.resolve('of the first');
    await clock.advanceUntil('the second runs', () => runs.length === 2 || over);
    await settle();
    assert.deepEqual([runs, over], [[1, 2], false], 'the worker waits for the second');
    second.end.resolve('of the second');
    await clock.advanceUntil('the worker is done', () => over);
    const job = await queue.getJob(id);
    assert.deepEqual([job?.status, job?.result], ['completed', 'of the second']);
    assert.deepEqual(overlaps, [], 'two runs of one job at once in one process');
  });
}

for (const retention of ['7d', 0] as const) {
  test(`a running job is aborted although the row of its cancel has been archived or sealed, retention ${retention}`, async (t) => {
    const { queue, file, clock } = openTest(t, { retention });
    const other = openTest(t, { file, clock, retention }).queue;
    // So many finished ones that their end is marked.
    await other.enqueueMany(Array.from({ length: 500 }, () => ({ type: 'old', payload: 'x'.repeat(200) })));
    for (const { id } of await other.listJobs()) other.cancelJob(id);
    const id = await other.enqueue('email', {});
    const begun = deferred();
    let reason: unknown;
    const working = queue.processJobs(
      {
        email: async (_, { signal }) => {
          begun.resolve();
          await once(signal, 'abort');
          reason = signal.reason;
        },
      },
      { logger: () => {} },
    );
    await begun.promise;
    await other.cancelJob(id);
    await other.compact();
    await clock.advanceUntil('it is told', () => reason !== undefined);
    assert.match(String(reason), /the job was cancelled/);
    assert.equal((await working).cancelled, 1);
  });
}

test('a look during an edit in place, when jobs are missing for a moment, stops none of them', async (t) => {
  const { queue, file, clock } = openTest(t);
  const editor = openTest(t, { file, clock }).store;
  await queue.enqueueMany([1, 2, 3].map((payload) => ({ type: 'email', payload })));
  const gate = deferred();
  let begun = 0;
  let aborted = 0;
  const working = queue.processJobs(
    {
      email: async (_, { signal }) => {
        begun++;
        signal.addEventListener('abort', () => aborted++);
        await gate.promise;
      },
    },
    { concurrency: 3, logger: () => {} },
  );
  await until('all run', () => begun === 3);
  await editor.edit(async () => {
    const whole = text(file);
    writeFileSync(file, whole.slice(0, whole.indexOf('\n') + 1));
    for (let looks = 0; looks < 4; looks++) {
      clock.advance(600);
      await settle();
    }
    writeFileSync(file, whole);
  });
  gate.resolve();
  assert.equal((await working).completed, 3);
  assert.equal(aborted, 0);
});
