/* When jobs begin, and in which order. */
import assert from 'node:assert/strict';
import type { EnqueueOptions, Queue } from 'tsvq';
import type { Checks } from './engine.js';
import { between, drain, fields, stay } from './tools.js';

/** Adds jobs of two types, and runs them; in which order they began, as payloads. */
async function orderOfTwoTypes(queue: Queue): Promise<string[]> {
  await queue.enqueue('a', 'a1', { priority: 1 });
  await queue.enqueue('b', 'b2', { priority: 2 });
  await queue.enqueue('a', 'a3', { priority: 3 });
  await queue.enqueue('b', 'b0', { runAt: new Date(Date.now() - 60_000) });
  await queue.enqueue('a', 'a0');
  await queue.enqueue('b', 'b4', { priority: 4 });
  const order: string[] = [];
  const note = (payload: string) => void order.push(payload);
  await drain(queue, { a: note, b: note });
  return order;
}

export const order: Checks = {
  'a delayed job does not start before its time, and a lingering worker starts it soon after': async (
    t,
    engine,
  ) => {
    const queue = await engine.open(t);
    const before = Date.now();
    const id = await queue.enqueue('work', null, { delay: 200 });
    const late = await queue.enqueue('work', null, { delay: '1h' });
    let begun = 0;
    assert.equal((await drain(queue, { work: () => {} })).claimed, 0);
    await new Promise<void>((resolve) => {
      const worker = stay(queue, {
        work: () => {
          begun = Date.now();
          void worker.end().then(() => resolve());
        },
      });
    });
    between(new Date(begun), before + 200, before + 20_000);
    assert.deepEqual(await fields(queue, id, 'status', 'attempts'), ['completed', 1]);
    assert.deepEqual(await fields(queue, late, 'status', 'attempts'), ['pending', 0]);
  },

  'runAt is a Date, an ISO string with its offset, or Unix seconds': async (t, engine) => {
    const queue = await engine.open(t);
    const at = new Date('2130-01-31T09:00:00.250Z');
    for (const runAt of [at, '2130-01-31T10:00:00.250+01:00', Number(at) / 1000]) {
      assert.deepEqual(await fields(queue, await queue.enqueue('work', null, { runAt }), 'runAt'), [at]);
    }
    const past = await queue.enqueue('work', null, { runAt: '2001-01-01T00:00:00Z' });
    assert.equal((await drain(queue, { work: () => {} })).completed, 1);
    assert.deepEqual(await fields(queue, past, 'status'), ['completed']);
  },

  'jobs of one type begin by priority, then by time, then in the order in which they were added': async (
    t,
    engine,
  ) => {
    const queue = await engine.open(t);
    const hour = (n: number): EnqueueOptions => ({ runAt: new Date(Date.now() - n * 3_600_000) });
    const options: readonly EnqueueOptions[] = [
      {},
      { priority: -5 },
      { priority: 1000 },
      hour(1),
      { priority: 5, ...hour(0) },
      hour(2),
      { priority: 5, ...hour(3) },
    ];
    for (const [i, each] of options.entries()) await queue.enqueue('work', i, each);
    await queue.enqueueMany([7, 8, 9].map((payload) => ({ type: 'work', payload })));
    const order: unknown[] = [];
    await drain(queue, { work: (payload) => void order.push(payload) });
    assert.deepEqual(order, [2, 6, 4, 5, 3, 0, 7, 8, 9, 1]);
  },

  'a priority may have a fraction': {
    needs: 'fractional priority',
    steps: async (t, engine) => {
      const queue = await engine.open(t);
      for (const priority of [0.25, 0.5, -0.5]) await queue.enqueue('work', priority, { priority });
      const order: unknown[] = [];
      await drain(queue, {
        work: (payload, { job }) => {
          order.push(payload, job.priority);
        },
      });
      assert.deepEqual(order, [0.5, 0.5, 0.25, 0.25, -0.5, -0.5]);
    },
    refused: async (t, engine) => (await engine.open(t)).enqueue('work', null, { priority: 0.5 }),
  },

  'jobs of several types begin in one order': {
    needs: 'order over types',
    steps: async (t, engine) => {
      assert.deepEqual(await orderOfTwoTypes(await engine.open(t)), ['b4', 'a3', 'b2', 'a1', 'b0', 'a0']);
    },
    weaker: async (t, engine) => {
      const order = await orderOfTwoTypes(await engine.open(t));
      const of = (type: string): string[] => order.filter((payload) => payload.startsWith(type));
      assert.deepEqual(
        [of('a'), of('b')],
        [
          ['a3', 'a1', 'a0'],
          ['b4', 'b2', 'b0'],
        ],
      );
    },
  },
};
