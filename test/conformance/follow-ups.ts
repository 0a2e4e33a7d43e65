/* Jobs that a handler enqueues: they exist if, and only if, its job completes. */
import assert from 'node:assert/strict';
import { type Handler, type Job, PermanentError, type Queue, RetryAfterError } from 'tsvq';
import { rejects, throws } from '../support/errors.js';
import { deferred, until } from '../support/waiting.js';
import type { Checks, Engine, Steps } from './engine.js';
import { aborted, drain, fields, look, states } from './tools.js';

/** Completes a job with two follow-ups; calls `seeing` as soon as it can be seen. */
function withFollowUps(seeing: (queue: Queue, ids: readonly string[]) => Promise<unknown>): Steps {
  return async (t, engine: Engine) => {
    const queue = await engine.open(t);
    const parent = await queue.enqueue('parent');
    const ids: string[] = [];
    const early: (Job | undefined)[] = [];
    const handler: Handler = async (_, { enqueue }) => {
      ids.push(enqueue('child', { n: 1 }), enqueue('child', { n: 2 }, { delay: '1h', priority: 2 }));
      for (const id of ids) early.push(await queue.getJob(id));
    };
    await drain(queue, { parent: handler });
    assert.deepEqual(early, [undefined, undefined], 'a follow-up exists before its parent is completed');
    await seeing(queue, ids);
    const [first, second] = (await Promise.all(ids.map((id) => look(queue, id)))) as [Job, Job];
    assert.deepEqual(
      [first.type, first.payload, first.status, first.priority],
      ['child', { n: 1 }, 'pending', 0],
    );
    assert.deepEqual([second.payload, second.priority], [{ n: 2 }, 2]);
    assert.equal(Number(second.runAt) - Number(second.createdAt), 3_600_000);
    assert.deepEqual(await states(queue), ['child pending', 'child pending', 'parent completed']);
    assert.deepEqual(await fields(queue, parent, 'status'), ['completed']);
  };
}

/** Ways in which an attempt doesn't complete. */
const ENDINGS: Readonly<Record<string, (job: Job, signal: AbortSignal, queue: Queue) => unknown>> = {
  throws: () => {
    throw new Error('not today');
  },
  fails: () => {
    throw new PermanentError('never');
  },
  waits: () => {
    throw new RetryAfterError('busy', '1h');
  },
  cancelled: async (job, signal, queue) => {
    await queue.cancelJob(job.id);
    await aborted(signal);
  },
  timeout: async (_, signal) => {
    await aborted(signal);
    throw signal.reason;
  },
};

export const followUps: Checks = {
  'the follow-ups of a job exist once it is completed, and not before': {
    needs: 'follow-ups at once',
    steps: withFollowUps(async () => {}),
    weaker: withFollowUps((queue, ids) =>
      until('the follow-ups exist', async () =>
        (await Promise.all(ids.map((id) => queue.getJob(id)))).every((job) => job !== undefined),
      ),
    ),
  },

  'an attempt that does not complete leaves no follow-ups, however it ends': async (t, engine) => {
    const queue = await engine.open(t);
    for (const name of Object.keys(ENDINGS))
      await queue.enqueue('parent', name, { timeout: name === 'timeout' ? 50 : '1h' });
    const statuses = new Map<string, string>();
    const parent: Handler = async (name: string, { job, signal, enqueue }) => {
      enqueue('child', name);
      await ENDINGS[name]?.(job, signal, queue);
    };
    const { claimed, completed } = await drain(queue, { parent }, { backoff: ['1h'], concurrency: 5 });
    assert.deepEqual([claimed, completed], [5, 0]);
    for (const { type, payload, status } of await queue.listJobs())
      statuses.set(`${type} ${payload}`, status);
    assert.deepEqual(Object.fromEntries(statuses), {
      'parent throws': 'pending',
      'parent fails': 'failed',
      'parent waits': 'pending',
      'parent cancelled': 'cancelled',
      'parent timeout': 'pending',
    });
  },

  'only the attempt that completes a job leaves follow-ups': async (t, engine) => {
    const queue = await engine.open(t);
    await queue.enqueue('parent');
    const ids: string[] = [];
    await drain(queue, {
      parent: (_, { job, enqueue }) => {
        ids.push(enqueue('child', job.attempts));
        if (job.attempts < 3) throw new Error('not yet');
      },
    });
    const [first = '', second = '', third = ''] = ids;
    assert.equal(new Set(ids).size, 3);
    await until('the follow-up exists', () => queue.getJob(third));
    assert.deepEqual(await fields(queue, third, 'payload'), [3]);
    assert.deepEqual([await queue.getJob(first), await queue.getJob(second)], [undefined, undefined]);
    assert.equal((await queue.listJobs({ type: 'child' })).length, 1);
  },

  'follow-ups run, and may have follow-ups of their own': async (t, engine) => {
    const queue = await engine.open(t);
    await queue.enqueue('count', 3);
    const order: number[] = [];
    const done = deferred();
    const shutdown = new AbortController();
    const working = drain(
      queue,
      {
        count: (n: number, { enqueue }) => {
          order.push(n);
          if (n > 0) enqueue('count', n - 1);
          else done.resolve();
        },
      },
      { linger: Number.POSITIVE_INFINITY, signal: shutdown.signal },
    );
    await done.promise;
    shutdown.abort();
    assert.equal((await working).completed, 4);
    assert.deepEqual(order, [3, 2, 1, 0]);
  },

  'a wrong follow-up is refused in the handler, and one of a finished job is CLOSED': async (t, engine) => {
    const queue = await engine.open(t, { maxPayload: 100 });
    await queue.enqueue('parent');
    const caught: unknown[] = [];
    let late: (() => string) | undefined;
    const handler: Handler = (_, { enqueue }) => {
      late = () => enqueue('child');
      const wrong = [
        () => enqueue('child', 1n),
        () => enqueue('#child'),
        () => enqueue('child', null, { delay: -1 }),
        () => enqueue('child', 'x'.repeat(100)),
      ];
      for (const each of wrong) {
        try {
          caught.push(each());
        } catch (error) {
          caught.push(error);
        }
      }
    };
    const { completed } = await drain(queue, { parent: handler });
    assert.equal(completed, 1);
    const codes = ['INVALID_ARGUMENT', 'INVALID_ARGUMENT', 'INVALID_ARGUMENT', 'PAYLOAD_TOO_LARGE'] as const;
    for (const [i, code] of codes.entries()) await rejects(Promise.reject(caught[i]), code);
    throws(late as () => string, 'CLOSED');
    assert.deepEqual(await states(queue), ['parent completed']);
  },
};
