import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineHandlers } from '../../../lib/index.js';
import { context } from '../../../lib/testing.js';
import { throws } from '../../support/errors.js';
import { openTest } from '../../support/queues.js';

interface Jobs {
  email: { to: string };
  report: { month: string };
}

test('each entry of the result has its handler, whether it was given as a function or as an object', async () => {
  const handlers = defineHandlers<Jobs>({
    email: ({ to }, { enqueue }) => enqueue('report', { month: to }),
    report: { handler: ({ month }) => `report of ${month}`, maxAttempts: 5, timeout: '10m' },
  });
  const test = context<Jobs, 'email'>();
  handlers.email.handler({ to: 'May' }, test);
  assert.deepEqual(test.enqueued, [{ type: 'report', payload: { month: 'May' } }]);
  assert.equal(await handlers.report.handler({ month: 'May' }, context()), 'report of May');
  assert.deepEqual([handlers.report.maxAttempts, handlers.report.timeout], [5, '10m']);
  assert.deepEqual(Object.keys(handlers.email), ['handler']);
});

test('processJobs takes the result, and it may be of some types only', async (t) => {
  const { queue } = openTest<Jobs>(t);
  await queue.enqueueMany([
    { type: 'email', payload: { to: 'ann' } },
    { type: 'report', payload: { month: 'May' } },
  ]);
  const handlers = defineHandlers<Jobs>({ email: { handler: ({ to }) => to }, report: undefined as never });
  assert.deepEqual(Object.keys(handlers), ['email']);
  const { completed, unhandled } = await queue.processJobs(handlers, { logger: () => {} });
  assert.deepEqual([completed, unhandled], [1, { report: 1 }]);
  assert.deepEqual(defineHandlers<Jobs>(handlers), handlers);
});

test('a type may be called like a property of every object', () => {
  const handler = (): void => {};
  for (const type of ['__proto__', 'constructor'])
    assert.deepEqual(Object.entries(defineHandlers(Object.fromEntries([[type, handler]]))), [
      [type, { handler }],
    ]);
});

test('mistakes are refused at once, with the errors of processJobs', () => {
  const handler = (): void => {};
  for (const [handlers, message] of [
    [undefined, 'handlers is undefined'],
    [new Map(), 'handlers is'],
    [{ 'a\tb': handler }, 'the name of a handler is'],
    [{ email: null }, 'handlers.email is null'],
    [{ email: { maxAttempts: 5 } }, 'handlers.email.handler is undefined'],
    [{ email: handler, report: { handler, timeuot: '5s' } }, 'handlers.report.timeuot is "5s"'],
    [{ email: { handler, maxAttempts: 0 } }, 'handlers.email.maxAttempts is 0 (number)'],
  ] as [never, string][])
    throws(() => defineHandlers(handlers), 'INVALID_ARGUMENT', message);
});

test('a list of handlers is refused, because it names no types', () => {
  throws(() => defineHandlers([() => {}] as never), 'INVALID_ARGUMENT', 'handlers is', 'one per job type');
});
