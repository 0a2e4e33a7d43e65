import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openQueue } from 'tsvq';
import { systemClock } from '../../lib/job/clock.js';
import { journaled, repeated, startChild, workFolder } from '../fixtures/children.js';
import { faultyFs } from '../support/faulty-fs.js';
import { openTest } from '../support/queues.js';
import { deferred } from '../support/waiting.js';

type Totals = Record<'claimed' | 'completed' | 'released' | 'failed' | 'retried', number>;

describe('a worker that is told to stop in the middle of a job', () => {
  test('lets the job finish within the grace time, and starts no other', { timeout: 60_000 }, async (t) => {
    const folder = workFolder(t);
    const file = join(folder, 'queue.tsv');
    const journal = join(folder, 'journal');
    const queue = openQueue(file);
    const [running, ...others] = await queue.enqueueMany([
      { type: 'wait', options: { priority: 1 } },
      ...Array.from({ length: 5 }, () => ({ type: 'work' })),
    ]);
    const worker = startChild(t, 'worker.js', { file, journal, options: { grace: '1h' } });
    assert.equal(await worker.said('started'), running);
    worker.process.kill('SIGTERM');
    await worker.said('stopping');
    worker.tell('go');
    const summary = (await worker.said('summary')) as Totals;
    await worker.done();

    assert.deepEqual([summary.claimed, summary.completed, summary.released], [1, 1, 0]);
    const job = await queue.getJob(running as string);
    assert.deepEqual(
      [job?.status, job?.result],
      ['completed', { by: worker.pid, attempt: 1, aborted: false }],
    );
    for (const id of others) {
      const job = await queue.getJob(id);
      assert.deepEqual([job?.status, job?.attempts], ['pending', 0]);
    }
  });

  for (const type of ['wait', 'obedient'] as const) {
    const reaction = type === 'wait' ? 'ignores' : 'obeys';
    test(`aborts the job when the grace time is over, and gives it back, if the handler ${reaction} the abort`, {
      timeout: 60_000,
    }, async (t) => {
      const folder = workFolder(t);
      const file = join(folder, 'queue.tsv');
      const journal = join(folder, 'journal');
      const queue = openQueue(file);
      // With but one attempt: what is given back is none.
      const id = await queue.enqueue(type, {}, { maxAttempts: 1, priority: 1 });
      const other = await queue.enqueue('work');
      const worker = startChild(t, 'worker.js', { file, journal, options: { grace: 100 } });
      assert.equal(await worker.said('started'), id);
      const before = Date.now();
      worker.process.kill('SIGTERM');
      if (type === 'wait') assert.equal(await worker.said('aborted'), id);
      const summary = (await worker.said('summary')) as Totals;

      assert.deepEqual([summary.claimed, summary.released, summary.failed, summary.retried], [1, 1, 0, 0]);
      const job = await queue.getJob(id);
      assert.deepEqual(
        [job?.status, job?.attempts, job?.forgiven, job?.lockedBy],
        ['pending', 1, 1, undefined],
        'it is as if it had not been tried',
      );
      assert.ok((job?.runAt.getTime() ?? Number.POSITIVE_INFINITY) <= before, 'it is due at once');
      assert.deepEqual((await queue.getJob(other))?.attempts, 0);

      // A handler that ignores its abort may still be at it: what it comes to is nobody's business any more.
      worker.tell('go');
      await worker.done();
      const late = await queue.getJob(id);
      assert.deepEqual([late?.status, late?.result], ['pending', undefined]);

      const next = startChild(t, 'worker.js', { file, journal, options: { grace: 100 } });
      assert.equal(await next.said('started'), id);
      if (type === 'wait') {
        next.tell('go');
        await next.done();
        assert.deepEqual((await queue.getJob(id))?.result, { by: next.pid, attempt: 2, aborted: false });
      } else {
        next.process.kill('SIGTERM');
        await next.done();
      }
      assert.deepEqual(
        journaled(journal, 'start').filter((run) => run.startsWith(id)),
        [`${id}:1`, `${id}:2`],
      );
    });
  }

  test('gives back jobs that it had claimed and not started', { timeout: 60_000 }, async (t) => {
    const folder = workFolder(t);
    const file = join(folder, 'queue.tsv');
    const journal = join(folder, 'journal');
    const queue = openQueue(file);
    // Fast jobs first: a worker that has seen many of them claims several at a time, the slow ones behind them too.
    const work = await queue.enqueueMany(Array.from({ length: 2000 }, () => ({ type: 'work' })));
    const slow = await queue.enqueueMany(Array.from({ length: 500 }, () => ({ type: 'wait' })));
    const worker = startChild(t, 'worker.js', { file, journal, options: { grace: '1h', maxAttempts: 1 } });
    await worker.said('started');
    worker.process.kill('SIGTERM');
    await worker.said('stopping');
    worker.tell('go');
    const summary = (await worker.said('summary')) as Totals;
    await worker.done();

    t.diagnostic(`${summary.released} were given back`);
    assert.equal(summary.completed, work.length + 1);
    assert.equal(summary.claimed, summary.completed + summary.released);
    assert.ok(summary.released > 0, 'it had claimed none in advance, and the test shows nothing');
    const { processing, pending } = await queue.stats();
    assert.deepEqual([processing, pending], [0, slow.length - 1]);

    const next = startChild(t, 'worker.js', { file, journal, options: { maxAttempts: 1 } });
    next.tell('go');
    await next.done();
    assert.equal((await queue.stats()).completed, work.length + slow.length);
    assert.deepEqual(repeated(journaled(journal, 'start')), []);
  });

  test('starts no job that it was just claiming', { timeout: 60_000 }, async (t) => {
    const { fs, fault } = faultyFs();
    const { queue } = openTest(t, { fs, clock: systemClock as never });
    const id = await queue.enqueue('work');
    const claiming = deferred();
    const disk = deferred();
    fault.do = (call, real) => {
      if (call.name !== 'fdatasync') return real();
      claiming.resolve();
      return disk.promise.then(real);
    };
    const shutdown = new AbortController();
    let starts = 0;
    const summary = queue.processJobs(
      { work: () => void starts++ },
      { signal: shutdown.signal, maxAttempts: 1 },
    );
    await claiming.promise;
    shutdown.abort();
    disk.resolve();

    const { completed } = await summary;
    assert.deepEqual({ starts, completed }, { starts: 0, completed: 0 });
    const job = await queue.getJob(id);
    assert.deepEqual([job?.status, (job?.attempts ?? 0) - (job?.forgiven ?? 0)], ['pending', 0]);
  });
});
