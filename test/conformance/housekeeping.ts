/* Cleaning up: promoteJob, dismissJob, purge, and the retention of each state. */
import assert from 'node:assert/strict';
import { PermanentError, type PurgeOptions } from 'tsvq';
import { rejects } from '../support/errors.js';
import type { Checks } from './engine.js';
import { between, drain, fields, look, states } from './tools.js';

const fail = (): never => {
  throw new PermanentError('no good');
};

export const housekeeping: Checks = {
  'a promoted job is due now, and keeps its attempts': async (t, engine) => {
    const queue = await engine.open(t);
    const before = Date.now();
    const delayed = await queue.enqueue('work', null, { delay: '1h' });
    const failing = await queue.enqueue('flaky');
    let runs = 0;
    const handlers = {
      work: () => {},
      flaky: () => {
        if (runs++ === 0) throw new Error('not yet');
      },
    };
    await drain(queue, handlers, { backoff: ['1h'] });
    for (const id of [delayed, failing]) {
      assert.equal(await queue.promoteJob(id), true);
      assert.equal(await queue.promoteJob(id), true, 'due already');
      between((await look(queue, id)).runAt, before, Date.now());
    }
    assert.deepEqual(await fields(queue, failing, 'status', 'attempts', 'forgiven'), ['pending', 1, 0]);
    assert.equal((await drain(queue, handlers)).completed, 2);
    assert.deepEqual(await fields(queue, failing, 'status', 'attempts'), ['completed', 2]);
  },

  'a job that runs or has ended cannot be promoted': async (t, engine) => {
    const queue = await engine.open(t);
    const ids = await queue.enqueueMany([{ type: 'good' }, { type: 'bad' }, { type: 'other' }]);
    await queue.cancelJob(ids[2] as string);
    const other = await engine.reopen(t, queue);
    const told: boolean[] = [];
    await drain(queue, {
      good: async (_, { job }) => void told.push(await other.promoteJob(job.id)),
      bad: fail,
    });
    for (const id of [...ids, '0'.repeat(16)]) told.push(await queue.promoteJob(id));
    assert.deepEqual(told, Array(5).fill(false));
    assert.deepEqual(await states(queue), ['bad failed', 'good completed', 'other cancelled']);
  },

  'a dismissed job stays failed, is counted apart, and counts again once it is retried': async (
    t,
    engine,
  ) => {
    const queue = await engine.open(t);
    const [one, two] = (await queue.enqueueMany([{ type: 'bad' }, { type: 'bad' }])) as [string, string];
    await drain(queue, { bad: fail });
    const counts = async () => {
      const { failed, dismissed, total, types } = await queue.stats();
      return [failed, dismissed, total, types.bad?.failed, types.bad?.dismissed];
    };
    assert.deepEqual(await counts(), [2, 0, 2, 2, 0]);
    const before = await look(queue, one);
    assert.equal(before.dismissed, false);
    assert.equal(await queue.dismissJob(one), true);
    assert.equal(await queue.dismissJob(one), true, 'dismissed already');
    assert.deepEqual(await look(queue, one), { ...before, dismissed: true });
    assert.deepEqual(await counts(), [2, 1, 2, 2, 1]);
    assert.equal(await queue.retryJob(one), true);
    await drain(queue, { bad: fail });
    assert.deepEqual(await fields(queue, one, 'status', 'dismissed'), ['failed', false]);
    assert.deepEqual(await counts(), [2, 0, 2, 2, 0]);
    assert.deepEqual(await fields(queue, two, 'status', 'dismissed'), ['failed', false]);
  },

  'only a failed job can be dismissed': async (t, engine) => {
    const queue = await engine.open(t);
    const ids = await queue.enqueueMany([{ type: 'good' }, { type: 'waits' }, { type: 'other' }]);
    await queue.cancelJob(ids[2] as string);
    await drain(queue, { good: () => {} });
    for (const id of [...ids, '0'.repeat(16)]) assert.equal(await queue.dismissJob(id), false);
    assert.deepEqual(await states(queue), ['good completed', 'other cancelled', 'waits pending']);
  },

  'a purge takes out pending jobs if it is asked to, and no job that has just ended': async (t, engine) => {
    const queue = await engine.open(t);
    const jobs = ['good', 'bad', 'waits', 'waits', 'other'].map((type) => ({ type }));
    const ids = await queue.enqueueMany(jobs);
    await drain(queue, { good: () => {}, bad: fail });
    assert.deepEqual(await queue.purge(), { purged: 0 });
    assert.deepEqual(await queue.purge({ status: 'pending', olderThan: '1h' }), { purged: 0 });
    assert.deepEqual(await queue.purge({ status: ['failed', 'pending'], type: 'waits' }), { purged: 2 });
    assert.deepEqual(await states(queue), ['bad failed', 'good completed', 'other pending']);
    assert.equal(await queue.getJob(ids[2] as string), undefined);
    assert.equal((await queue.stats()).total, 3);
    for (const status of ['processing', 'waiting', 'recurring', 'done'])
      await rejects(queue.purge({ status } as unknown as PurgeOptions), 'INVALID_ARGUMENT', status);
    assert.equal((await drain(queue, { waits: fail, other: () => {} })).completed, 1);
  },

  'each state has its own retention time': {
    needs: 'archive',
    steps: async (t, engine) => {
      const queue = await engine.open(t, { retention: { completed: 0, failed: '1h' } });
      const [good, bad, other] = (await queue.enqueueMany(
        ['good', 'bad', 'other'].map((type) => ({ type })),
      )) as [string, string, string];
      await queue.cancelJob(other);
      await drain(queue, { good: () => {}, bad: fail });
      await queue.compact();
      assert.equal(await queue.getJob(good), undefined);
      assert.equal((await queue.getJob(good, { archive: true }))?.status, 'completed');
      assert.deepEqual(await states(queue), ['bad failed', 'other cancelled']);
      assert.equal((await look(queue, bad)).status, 'failed');
    },
    refused: async (t, engine) => (await engine.open(t)).getJob('0'.repeat(16), { archive: true }),
  },
};
