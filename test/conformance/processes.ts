/*
 * Several processes work on one queue, and some of them are killed.
 */
import assert from 'node:assert/strict';
import { deferred } from '../support/waiting.js';
import type { Checks, DeclarableCheck, Steps } from './engine.js';
import { drain, fields, look, startWorker, states, stay } from './tools.js';

interface Over {
  readonly starts: readonly string[];
  readonly completed: number;
  readonly cancelled: number;
}

const withProcesses = (steps: Steps): DeclarableCheck => ({
  needs: 'processes',
  steps,
  refused: async (t, engine) => engine.address(await engine.open(t)),
});

export const processes: Checks = {
  'workers in processes of their own share the jobs, and none runs twice': withProcesses(
    async (t, engine) => {
      const queue = await engine.open(t);
      const children = [startWorker(t, engine, queue), startWorker(t, engine, queue)];
      await Promise.all(children.map((child) => child.said('ready')));
      const ids = await queue.enqueueMany([
        ...Array.from({ length: 2 }, () => ({ type: 'hold', options: { priority: 1 } })),
        ...Array.from({ length: 80 }, () => ({ type: 'work' })),
      ]);
      for (const child of children) child.tell('begin');
      const held = await Promise.all(children.map((child) => child.said('started')));
      assert.deepEqual(held.sort(), ids.slice(0, 2).sort());
      for (const child of children) child.tell('stop');
      for (const child of children) child.tell('go');
      const over = (await Promise.all(children.map((child) => child.said('over')))) as Over[];
      await Promise.all(children.map((child) => child.done()));
      assert.deepEqual(over.flatMap(({ starts }) => starts).sort(), [...ids].sort());
      assert.equal(
        over.reduce((sum, { completed }) => sum + completed, 0),
        ids.length,
      );
      assert.equal((await queue.stats()).completed, ids.length);
    },
  ),

  'a worker in another process begins what is added here, and stops what is cancelled here': withProcesses(
    async (t, engine) => {
      const queue = await engine.open(t);
      const child = startWorker(t, engine, queue);
      await child.said('ready');
      child.tell('begin');
      const id = await queue.enqueue('hold');
      assert.equal(await child.said('started'), id);
      assert.equal(await queue.cancelJob(id), true);
      assert.equal(await child.said('aborted'), id);
      child.tell('stop');
      child.tell('go');
      const { completed, cancelled } = (await child.said('over')) as Over;
      await child.done();
      assert.deepEqual([completed, cancelled], [0, 1]);
      assert.deepEqual(await states(queue), ['hold cancelled']);
    },
  ),

  'a job whose worker is killed runs again in another, and no other job does': withProcesses(
    async (t, engine) => {
      const queue = await engine.open(t);
      const child = startWorker(t, engine, queue);
      await child.said('ready');
      const done = await queue.enqueue('work', null, { priority: 2 });
      const id = await queue.enqueue('hold', 'x', { priority: 1 });
      child.tell('begin');
      assert.equal(await child.said('started'), id);
      child.process.kill('SIGKILL');
      await child.ended;
      assert.deepEqual(await fields(queue, id, 'status', 'attempts'), ['processing', 1]);

      const other = await queue.enqueue('work');
      const begun = deferred();
      const runs: string[] = [];
      const worker = stay(queue, {
        work: (_, { job }) => void runs.push(job.id),
        hold: (_, { job }) => {
          runs.push(job.id);
          begun.resolve();
        },
      });
      await begun.promise;
      assert.equal((await worker.end()).rescued, 1);
      await drain(queue, { work: (_, { job }) => void runs.push(job.id) });
      assert.deepEqual(runs.sort(), [id, other].sort());
      assert.deepEqual(await fields(queue, id, 'status', 'attempts', 'payload'), ['completed', 2, 'x']);
      assert.deepEqual(await fields(queue, done, 'status', 'attempts'), ['completed', 1]);
      // The killed attempt had asked for a follow-up.
      assert.deepEqual(await states(queue), ['hold completed', 'work completed', 'work completed']);
    },
  ),

  'a job that kills each of its workers fails when its attempts are used up': withProcesses(
    async (t, engine) => {
      const queue = await engine.open(t);
      const id = await queue.enqueue('kill', null, { maxAttempts: 2 });
      for (let n = 1; n <= 2; n++) {
        const child = startWorker(t, engine, queue);
        await child.said('ready');
        child.tell('begin');
        assert.deepEqual(await child.ended, { code: null, signal: 'SIGKILL' });
        assert.deepEqual(await fields(queue, id, 'status', 'attempts'), ['processing', n]);
      }
      const failed = deferred();
      let runs = 0;
      const worker = stay(
        queue,
        {
          kill: () => {
            runs++;
            failed.resolve();
          },
        },
        { logger: ({ event }) => void (event === 'failed' && failed.resolve()) },
      );
      await failed.promise;
      const { rescued } = await worker.end();
      assert.deepEqual([runs, rescued], [0, 1]);
      assert.deepEqual(await fields(queue, id, 'status', 'attempts'), ['failed', 2]);
      assert.ok((await look(queue, id)).error);
    },
  ),
};
