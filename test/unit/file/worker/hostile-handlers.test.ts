import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toJson } from '../../../../lib/file/format/json.js';
import { rejects, throws } from '../../../support/errors.js';
import { openTest } from '../../../support/queues.js';

/*
 * A job gets an outcome, and the worker goes on, whatever a handler throws or returns. A worker that died of it would
 * run the job again, and die again.
 */

/** Throws something that has no text at all. */
const refuse = (): never => {
  throw {
    toString: () => {
      throw undefined;
    },
  };
};

/** An error that throws at whoever asks for one of its properties. */
const guarded = (property: string): Error => Object.defineProperty(new Error('x'), property, { get: refuse });

const THROWN: Record<string, unknown> = {
  'an error without a readable name': guarded('name'),
  'an error without a readable message': guarded('message'),
  'an error without a readable stack': guarded('stack'),
  'an error without a readable delay': Object.assign(guarded('delay'), { name: 'RetryAfterError' }),
  'a proxy that refuses everything': new Proxy(new Error('x'), { get: refuse, getPrototypeOf: refuse }),
  'a function that is gone': (() => {
    const { proxy, revoke } = Proxy.revocable(() => {}, {});
    revoke();
    return proxy;
  })(),
  'an object without a prototype': Object.create(null),
  nothing: undefined,
};

const RETURNED: Record<string, () => unknown> = {
  'an object with a getter that throws': () =>
    Object.defineProperty({}, 'a', { get: refuse, enumerable: true }),
  'an object whose toJSON throws': () => ({ toJSON: refuse }),
  'an object whose toJSON returns nothing': () => ({ toJSON: () => undefined }),
  'an object whose toJSON returns a BigInt': () => ({ toJSON: () => 1n }),
  'a proxy that refuses everything': () => new Proxy({}, { ownKeys: refuse, getPrototypeOf: refuse }),
  'a promise without a readable constructor': () =>
    Object.defineProperty(Promise.resolve(1), 'constructor', { get: refuse }),
  'a thenable that throws': () => Object.defineProperty({}, 'then', { value: refuse }),
};

for (const [what, thrown] of Object.entries(THROWN)) {
  for (const how of ['at once', 'later'] as const) {
    test(`a handler that throws ${what} ${how} fails that attempt, and the next job runs`, async (t) => {
      const { queue } = openTest(t);
      const [first = '', second = ''] = await queue.enqueueMany([{ type: 'bad' }, { type: 'good' }]);
      const summary = await queue.processJobs({
        bad: () => {
          if (how === 'later') return Promise.reject(thrown);
          throw thrown;
        },
        good: () => 'done',
      });
      assert.deepEqual([summary.retried, summary.completed], [1, 1]);
      const job = await queue.getJob(first);
      assert.deepEqual([job?.status, typeof job?.error], ['pending', 'string']);
      assert.equal((await queue.getJob(second))?.result, 'done');
    });
  }
}

for (const [what, make] of Object.entries(RETURNED)) {
  test(`a handler that returns ${what} ends, and the next job runs`, async (t) => {
    const { queue } = openTest(t);
    const [first = ''] = await queue.enqueueMany([{ type: 'bad' }, { type: 'good' }]);
    const summary = await queue.processJobs({ bad: make, good: () => 'done' }, { logger: () => {} });
    assert.equal(summary.claimed, 2);
    assert.equal(summary.completed + summary.retried, 2);
    assert.notEqual((await queue.getJob(first))?.status, 'processing');
  });
}

test('an error without a text, thrown when the time is up, is a timeout like any other', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('bad', null, { timeout: '1s' });
  const working = queue.processJobs({
    bad: (_, { signal }) =>
      new Promise((_, reject) =>
        signal.addEventListener('abort', () => reject(THROWN['a proxy that refuses everything'])),
      ),
  });
  let over = false;
  const ended = working.finally(() => {
    over = true;
  });
  await clock.advanceUntil('the worker has ended', () => over);
  assert.equal((await ended).retried, 1);
  assert.match((await queue.getJob(id))?.error ?? '', /time limit/);
});

test('a name that throws when it is read is refused with a TsvqError', async (t) => {
  const { queue } = openTest(t);
  for (const name of [THROWN['a proxy that refuses everything'], THROWN['an object without a prototype']])
    await rejects(queue.enqueue(name as string), 'INVALID_ARGUMENT', 'type');
});

test('a payload that throws something without a text is refused with a TsvqError', () => {
  for (const make of Object.values(RETURNED).slice(0, 5))
    throws(() => toJson(make(), 'payload'), 'INVALID_ARGUMENT', 'payload');
});
