/*
 * What the options of a type of job do, and that they count before the worker's.
 */
import assert from 'node:assert/strict';
import { defineHandlers, type HandlerEntry, type Policy, type StandardSchema, TsvqError } from 'tsvq';
import type { Checks } from './engine.js';
import { aborted, between, drain, fields, look } from './tools.js';

const fail = (): never => {
  throw new Error('not today');
};

/** Refuses what has no `to`, and returns the rest in capitals. */
const schema: StandardSchema<{ to: string }> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: async (value) => {
      const { to } = value as { to?: unknown };
      if (typeof to !== 'string') return { issues: [{ message: 'Required', path: ['to'] }] };
      return { value: { to: to.toUpperCase() } };
    },
  },
};

export const policies: Checks = {
  "a type's limit of attempts counts before the worker's, and a job's own before both": async (t, engine) => {
    const queue = await engine.open(t);
    const ids = await queue.enqueueMany([
      { type: 'work' },
      { type: 'work', options: { maxAttempts: 3 } },
      { type: 'plain' },
    ]);
    const work: HandlerEntry = { handler: fail, maxAttempts: 2 };
    await drain(queue, { work, plain: fail }, { maxAttempts: 4 });
    const attempts = ids.map((id) => fields(queue, id, 'status', 'attempts', 'maxAttempts'));
    assert.deepEqual(await Promise.all(attempts), [
      ['failed', 2, undefined],
      ['failed', 3, 3],
      ['failed', 4, undefined],
    ]);
  },

  "a type's backoff counts before the worker's, of each kind": async (t, engine) => {
    const waits: [Policy['backoff'], number][] = [
      [{ kind: 'fixed', delay: '7m' }, 420_000],
      [{ kind: 'polynomial', plus: '1h' }, 3_601_000],
      [{ kind: 'exponential', base: '1m', factor: 3 }, 180_000],
      [['9m'], 540_000],
      [() => '11m', 660_000],
    ];
    const check = async ([backoff, wait]: (typeof waits)[number]): Promise<void> => {
      const queue = await engine.open(t);
      const id = await queue.enqueue('work');
      const before = Date.now();
      await drain(queue, { work: { handler: fail, backoff } }, { backoff: ['2h'] });
      between((await look(queue, id)).runAt, before + wait, Date.now() + wait);
    };
    await Promise.all(waits.map(check));
  },

  "a type's time limit counts before the worker's": async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work');
    const handler: HandlerEntry = async (_, { signal }) => {
      await aborted(signal);
      throw signal.reason;
    };
    const options = { timeout: '1h', backoff: ['1h'] };
    assert.equal((await drain(queue, { work: { handler, timeout: 50 } }, options)).retried, 1);
    assert.match((await look(queue, id)).error ?? '', /time limit/);
  },

  'retryIf fails a job for good with false, and its own failure costs nothing': async (t, engine) => {
    const answers: Record<string, [Policy['retryIf'], string, number]> = {
      false: [() => false, 'failed', 1],
      true: [() => true, 'failed', 2],
      throws: [fail, 'failed', 2],
      promise: [(async () => false) as never, 'failed', 2],
    };
    const check = async ([retryIf, ...outcome]: (typeof answers)[string] & object): Promise<void> => {
      const queue = await engine.open(t);
      const id = await queue.enqueue('work');
      await drain(queue, { work: { handler: fail, retryIf, maxAttempts: 2 } });
      assert.deepEqual(await fields(queue, id, 'status', 'attempts'), outcome);
      assert.match((await look(queue, id)).error ?? '', /^Error: not today/);
    };
    await Promise.all(Object.values(answers).map(check));
  },

  'a schema is asked before the handler, which gets the value that it returns': async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work', { to: 'ann' });
    const bad = await queue.enqueue('work', { cc: 'ann' });
    const { completed, failed } = await drain(queue, { work: { handler: ({ to }) => to, schema } });
    assert.deepEqual([completed, failed], [1, 1]);
    assert.equal((await look(queue, id)).result, 'ANN');
    assert.deepEqual(await fields(queue, bad, 'status', 'attempts'), ['failed', 1]);
    assert.match(
      (await look(queue, bad)).error ?? '',
      /payload doesn't fit the schema of work: to: Required/,
    );
  },

  'a policy that can not be used is refused at the start, also by defineHandlers': async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work');
    const entries: [string, object][] = [
      ['handlers.work.maxAttempts is 0 (number)', { handler: fail, maxAttempts: 0 }],
      ['handlers.work.maxAttemps is 2 (number)', { handler: fail, maxAttemps: 2 }],
      ['handlers.work.handler is undefined', { maxAttempts: 2 }],
    ];
    const isRefused = (message: string) => (error: unknown) =>
      error instanceof TsvqError && error.code === 'INVALID_ARGUMENT' && error.message.startsWith(message);
    for (const [message, work] of entries) {
      await assert.rejects(drain(queue, { work: work as HandlerEntry }), isRefused(message));
      assert.throws(() => defineHandlers({ work: work as HandlerEntry }), isRefused(message));
    }
    assert.deepEqual(await fields(queue, id, 'status', 'attempts'), ['pending', 0]);
  },

  'handlers that defineHandlers returns are taken, and can be called': async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work', 5);
    const handlers = defineHandlers({ work: (n) => n * 2, other: { handler: fail, maxAttempts: 2 } });
    await drain(queue, handlers);
    assert.equal((await look(queue, id)).result, 10);
    assert.equal(handlers.work.handler(6, undefined as never), 12);
  },
};
