/* Labels: what a caller gives a job as `meta`. */
import assert from 'node:assert/strict';
import { type Job, PermanentError, RetryAfterError } from 'tsvq';
import { rejects } from '../support/errors.js';
import { until } from '../support/waiting.js';
import type { Checks, DeclarableCheck, Steps } from './engine.js';
import { drain, fields } from './tools.js';

const META = { team: 'billing', n: 3, 'tab\t': { deep: [1, null, { on: true }] } };

const labelled = (steps: Steps): DeclarableCheck => ({
  needs: 'labels',
  steps,
  refused: async (t, engine) => (await engine.open(t)).enqueue('work', 1, { meta: { team: 'billing' } }),
});

export const labels: Checks = {
  'labels are shown by getJob and to the handler, and a job without them has none': labelled(
    async (t, engine) => {
      const queue = await engine.open(t);
      const id = await queue.enqueue('work', 1, { meta: META });
      const plain = await queue.enqueue('work', 2);
      assert.deepEqual(await fields(await engine.reopen(t, queue), id, 'meta'), [META]);
      const shown = new Map<string, unknown>();
      await drain(queue, { work: (_, { job }) => void shown.set(job.id, job.meta) });
      assert.deepEqual([shown.get(id), shown.get(plain)], [META, {}]);
    },
  ),

  'labels stay through waits, failures and a retry': labelled(async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work', 1, { meta: META });
    const errors = [new RetryAfterError('busy', 0), new Error('not yet'), new PermanentError('never')];
    const shown: unknown[] = [];
    const attempt = (): Promise<unknown> =>
      drain(
        queue,
        {
          work: (_, { job }) => {
            shown.push(job.meta);
            const error = errors.shift();
            if (error !== undefined) throw error;
          },
        },
        { linger: 100 },
      );
    await until('the job has failed', async () => {
      await attempt();
      return (await queue.getJob(id))?.status === 'failed';
    });
    assert.equal(await queue.retryJob(id), true);
    await attempt();
    assert.deepEqual(await fields(queue, id, 'status', 'meta'), ['completed', META]);
    assert.deepEqual(shown, [META, META, META, META]);
  }),

  'a list has the jobs that have each of the labels, with the same value': labelled(async (t, engine) => {
    const queue = await engine.open(t);
    const metas = [META, { team: 'billing', n: '3' }, { n: 3 }, undefined];
    for (const [payload, meta] of metas.entries()) await queue.enqueue('work', payload, { meta });
    const found = async (meta: object): Promise<unknown[]> =>
      (await queue.listJobs({ meta: { ...meta } })).map(({ payload }: Job) => payload).sort();
    assert.deepEqual(await found({}), [0, 1, 2, 3]);
    assert.deepEqual(await found({ team: 'billing' }), [0, 1]);
    assert.deepEqual(await found({ n: 3 }), [0, 2]);
    assert.deepEqual(await found({ team: 'billing', n: 3 }), [0]);
    assert.deepEqual(await found({ 'tab\t': META['tab\t'] }), [0]);
    assert.deepEqual(await found({ team: 'sales' }), []);
  }),

  'a follow-up has labels of its own, and none of its parent': labelled(async (t, engine) => {
    const queue = await engine.open(t);
    await queue.enqueue('parent', 1, { meta: META });
    await drain(queue, {
      parent: (_, { enqueue }) => {
        enqueue('child', 'labelled', { meta: { n: 4 } });
        enqueue('child', 'plain');
      },
    });
    await until('both exist', async () => (await queue.listJobs({ type: 'child' })).length === 2);
    const children = await queue.listJobs({ type: 'child' });
    assert.deepEqual(Object.fromEntries(children.map(({ payload, meta }) => [payload, meta])), {
      labelled: { n: 4 },
      plain: {},
    });
  }),

  'labels that can not be kept are refused, and nothing is added': labelled(async (t, engine) => {
    const queue = await engine.open(t);
    await queue.enqueue('work', 1, { meta: { a: 'x'.repeat(3064) } });
    const wrong: readonly unknown[] = [
      { '@x': 1 },
      ['a'],
      'team=billing',
      null,
      { a: Number.NaN },
      { a: () => 1 },
      { a: 'x'.repeat(3065) },
    ];
    for (const meta of wrong)
      await rejects(queue.enqueue('work', 1, { meta: meta as never }), 'INVALID_ARGUMENT', 'meta');
    assert.equal((await queue.listJobs()).length, 1);
  }),
};
