import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WorkerEvent } from '../../../../lib/job/options.js';
import { fails } from '../../../support/handlers.js';
import { rowsOf } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

/*
 * What is kept of a handler that succeeds.
 */

for (const [name, value, kept = value] of [
  ['0', 0],
  ['false', false],
  ['an empty string', ''],
  ['an empty list', []],
  ['an empty object', {}],
  ['null', null],
  ['nothing', undefined],
  ['a text with tabs and line ends', 'a\tb\nc\\'],
  ['a Date, in its form of JSON', new Date(0), '1970-01-01T00:00:00.000Z'],
  ['-0, as JSON has it', -0, 0],
] as [string, unknown, unknown?][]) {
  test(`a completed job keeps its result: ${name}`, async (t) => {
    for (const handler of [() => value, async () => value]) {
      const { queue, file } = openTest(t);
      const id = await queue.enqueue('email', {});
      assert.equal((await queue.processJobs({ email: handler })).completed, 1);
      const job = await queue.getJob(id);
      assert.equal(job?.status, 'completed');
      assert.deepEqual(job?.result, kept);
      assert.equal(rowsOf(file)[0]?.result === '', value === undefined);
    }
  });
}

const cycle: Record<string, unknown> = {};
cycle.self = cycle;
for (const [name, value, why] of [
  ['a BigInt', { total: 5n }, 'result.total is the BigInt 5n'],
  ['a cycle', cycle, 'result.self'],
  ['a function', () => {}, 'function'],
  ['NaN', { rate: Number.NaN }, 'result.rate is NaN'],
  ['a Map', new Map(), 'Map'],
  ['more than the limit', 'x'.repeat(2000), '2002 bytes'],
  [
    'what throws when it is looked at',
    {
      get x() {
        throw null;
      },
    },
    'result',
  ],
] as [string, unknown, string][]) {
  test(`a job that succeeded is not run again for its result: ${name}`, async (t) => {
    const { queue, clock } = openTest(t, { maxPayload: 1000 });
    const id = await queue.enqueue('email', {});
    let runs = 0;
    const events: WorkerEvent[] = [];
    const handlers = {
      email: async () => {
        runs++;
        return value;
      },
    };
    const { completed, failed, retried } = await queue.processJobs(handlers, {
      logger: (event) => events.push(event),
    });
    clock.advance(3_600_000);
    await queue.processJobs(handlers);
    assert.deepEqual({ completed, failed, retried, runs }, { completed: 1, failed: 0, retried: 0, runs: 1 });
    const job = await queue.getJob(id);
    assert.equal(job?.status, 'completed');
    const { warning = '' } = (job?.result ?? {}) as { warning?: string };
    assert.ok(warning.includes(why), warning);
    const warnings = events.filter(({ event }) => event === 'warning');
    assert.equal(warnings.length, 1);
    assert.ok(warnings[0]?.message?.includes(id), warnings[0]?.message);
  });
}

test('a completed job has no error of an earlier attempt, no owner, and its times', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('email', {});
  await queue.processJobs({ email: fails(new Error('first')) });
  clock.advance(120_000);
  await queue.processJobs({ email: () => clock.advance(1500) });
  const job = await queue.getJob(id);
  assert.deepEqual(
    [job?.status, job?.attempts, job?.error, job?.lockedBy, job?.finishedAt?.getTime()],
    ['completed', 2, undefined, undefined, clock.now()],
  );
  assert.equal(job?.startedAt?.getTime(), clock.now() - 1500);
});

test('a handler may return an object that only looks like a promise', async (t) => {
  const { queue } = openTest(t);
  const ids = await queue.enqueueMany(['a', 'b', 'c', 'd'].map((type) => ({ type })));
  const thenable = (
    settle: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => void,
  ): unknown =>
    // biome-ignore lint/suspicious/noThenProperty: that is what this is about.
    ({ then: settle });
  await queue.processJobs({
    a: () => thenable((resolve) => resolve(5)),
    b: () => thenable((_, reject) => reject(new Error('no'))),
    // biome-ignore lint/suspicious/noThenProperty: a field of a result may have any name.
    c: () => ({ then: 'afterwards' }),
    // biome-ignore lint/suspicious/noThenProperty: a function may have one as well.
    d: () => Object.assign(() => {}, { then: (resolve: (value: unknown) => void) => resolve(6) }),
  });
  const [a, b, c, d] = await Promise.all(ids.map((id) => queue.getJob(id)));
  assert.deepEqual(
    [a?.result, b?.status, JSON.stringify(c?.result), d?.result],
    [5, 'pending', '{"then":"afterwards"}', 6],
  );
});
