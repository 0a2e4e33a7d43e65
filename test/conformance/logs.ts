/* Progress and logs: what a handler says of its job while it runs. */
import assert from 'node:assert/strict';
import type { HandlerContext } from 'tsvq';
import { deferred, until } from '../support/waiting.js';
import type { Checks, DeclarableCheck, Steps } from './engine.js';
import { drain, fields } from './tools.js';

const logged = (steps: Steps): DeclarableCheck => ({
  needs: 'logs',
  steps,
  refused: async (t, engine) => (await engine.open(t)).readLog('0000000000000001'),
});

/** The kinds and texts of a log's lines. */
const said = (log: string): string[] =>
  log
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split('\t').slice(1).join(' '));

export const logs: Checks = {
  'while a job runs its progress and log can be read by another handle': logged(async (t, engine) => {
    const queue = await engine.open(t);
    const other = await engine.reopen(t, queue);
    const id = await queue.enqueue('work', 1);
    const go = deferred();
    const working = drain(queue, {
      work: async (_: unknown, { progress, log }: HandlerContext) => {
        progress(10, 'page 1');
        progress(20, 'page 2');
        log('two pages');
        await go.promise;
      },
    });
    await until('the last progress is there', async () => (await other.getJob(id))?.progress?.percent === 20);
    assert.deepEqual((await other.getJob(id))?.progress, { percent: 20, message: 'page 2' });
    assert.deepEqual(said(await other.readLog(id)).slice(0, 2), ['1 start ', '1 progress 10 page 1']);
    go.resolve();
    await working;
    assert.deepEqual(await fields(other, id, 'status', 'progress'), [
      'completed',
      { percent: 20, message: 'page 2' },
    ]);
    assert.equal(said(await other.readLog(id)).at(-1), '1 end completed');
  }),

  'progress stays after a failure, and begins again with the next attempt': logged(async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work', 1);
    const seen: unknown[] = [];
    await drain(queue, {
      work: async (_: unknown, { progress, job }: HandlerContext) => {
        seen.push((await queue.getJob(id))?.progress);
        if (job.attempts > 1) return;
        progress(70);
        throw new Error('not yet');
      },
    });
    assert.deepEqual(seen, [undefined, undefined]);
    assert.deepEqual(await fields(queue, id, 'status', 'progress'), ['completed', undefined]);
    const failing = await queue.enqueue('work', 2);
    await drain(
      queue,
      {
        work: (_: unknown, { progress }: HandlerContext) => {
          progress(999);
          throw new Error('never');
        },
      },
      { maxAttempts: 1 },
    );
    assert.deepEqual(await fields(queue, failing, 'status', 'progress'), ['failed', { percent: 100 }]);
    assert.deepEqual(said(await queue.readLog(failing)), ['1 start ', '1 progress 100', '1 end failed']);
  }),

  'a job that says nothing has no log, and an unknown one has none': logged(async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work', 1);
    await drain(queue, { work: () => 1 });
    assert.equal(await queue.readLog(id), '');
    assert.equal(await queue.readLog('0000000000000001'), '');
    assert.deepEqual(await fields(queue, id, 'progress'), [undefined]);
  }),

  'the newest bytes of a log are whole lines': logged(async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work', 1);
    await drain(queue, {
      work: (_: unknown, { log }: HandlerContext) => {
        for (let i = 0; i < 1000; i++) log(`line ${i}`);
      },
    });
    const all = await queue.readLog(id);
    assert.equal(said(all).length, 1002);
    const some = await queue.readLog(id, { bytes: 100 });
    assert.ok(some.length <= 100 && all.endsWith(`\n${some}`), some);
  }),

  'a text of a log that looks like a job is none': logged(async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work', 1);
    const row = `00000000000000ff\twork\tnull\tpending\t1\t1\t0\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t1`;
    await drain(queue, {
      work: (_: unknown, { log, progress }: HandlerContext) => {
        log(row);
        progress(1, row);
      },
    });
    await queue.compact();
    assert.deepEqual(
      (await queue.listJobs()).map((job) => job.id),
      [id],
    );
  }),

  'a handler that goes on after its end says nothing more': logged(async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work', 1);
    const go = deferred();
    let said: HandlerContext | undefined;
    await drain(
      queue,
      {
        work: async (_: unknown, context: HandlerContext) => {
          said = context;
          await go.promise;
        },
      },
      { timeout: 50, grace: 0, maxAttempts: 1 },
    );
    said?.log('late');
    said?.progress(50);
    go.resolve();
    assert.equal(await queue.readLog(id), '');
  }),
};
