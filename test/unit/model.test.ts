import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Queue } from '../../lib/queue.js';
import { SEED } from '../sim/input/seed.js';
import { FakeClock } from '../support/fake-clock.js';
import { temporaryFolder } from '../support/folders.js';
import { linesOf, rowsOf, text } from '../support/queue-file.js';
import { openTest } from '../support/queues.js';
import { settle } from '../support/waiting.js';
import { step, Walk } from './model-walk.js';

/*
 * Random histories run on a queue and on a model of a few lines. Both must agree, whichever handle acted, with any
 * edits, crashes and compactions in between.
 */

for (const durability of ['sync', 'os'] as const) {
  test(`random histories agree with a model, with durability '${durability}'`, async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const walk = new Walk(t, durability);
        for (const step of steps) {
          await walk.take(step);
          await walk.check();
        }
        await walk.close();
      }),
      { numRuns: 12, seed: SEED },
    );
  });
}

test('the file has one row a job after a compaction, and every one-liner is true of it', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      const walk = new Walk(t, 'sync');
      await walk.take({ do: 'enqueue', jobs: [{ endings: [], delay: 0, maxAttempts: undefined }], by: 0 });
      for (const step of steps) await walk.take(step);
      await walk.take({ do: 'compact', by: 0 });
      await walk.check();
      const rows = rowsOf(walk.file).filter(({ id = '' }) => walk.jobs.has(id) && !/\t#torn\r?$/.test(id));
      const whole = rows.filter(({ version }) => version !== undefined && /^\d+\s*$/.test(version));
      assert.equal(new Set(whole.map(({ id }) => id)).size, whole.length, text(walk.file));
      for (const { id = '', status } of whole) assert.equal(status, walk.jobs.get(id)?.status);
      assert.ok(linesOf(walk.file).length >= whole.length);
      await walk.close();
    }),
    { numRuns: 15, seed: SEED },
  );
});

test('each run happens once, each answer is true, and nothing is lost, whatever many handles do at once', async (t) => {
  const action = fc.record({
    do: fc.constantFrom('enqueue', 'enqueue', 'cancel', 'retry', 'work', 'work', 'compact', 'list', 'linger'),
    by: fc.integer({ min: 0, max: 2 }),
    pick: fc.nat(),
    fails: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(action, { maxLength: 8 }), { maxLength: 8 }), async (rounds) => {
      const clock = new FakeClock();
      const file = join(temporaryFolder(t), 'queue.tsv');
      const handles = [0, 1, 2].map(() => openTest(t, { file, clock }).queue);
      const acknowledged: string[] = [];
      const cancelled = new Map<string, number>();
      const retried = new Map<string, number>();
      const runs = new Map<string, number>();
      const running = new Set<string>();
      const stop = new AbortController();
      const lingering: Promise<unknown>[] = [];
      const count = (map: Map<string, number>, id: string): void => void map.set(id, (map.get(id) ?? 0) + 1);
      const handlers = {
        email: async (fails: boolean, { job }: { job: { id: string; attempts: number } }) => {
          const run = `${job.id}:${job.attempts}`;
          count(runs, run);
          assert.ok(!running.has(job.id), `${job.id} runs twice at the same time`);
          running.add(job.id);
          await settle();
          running.delete(job.id);
          if (fails && job.attempts < 2) throw new Error('no');
          return run;
        },
      };
      const options = { concurrency: 2, maxWorkers: 100, backoff: [1000], logger: () => {} };
      const act = async ({
        do: what,
        by,
        pick,
        fails,
      }: {
        do: string;
        by: number;
        pick: number;
        fails: boolean;
      }): Promise<void> => {
        const queue = handles[by] as Queue;
        const id = acknowledged[pick % Math.max(acknowledged.length, 1)] ?? 'nobody';
        if (what === 'enqueue') {
          acknowledged.push(
            ...(await queue.enqueueMany([
              { type: 'email', payload: fails },
              { type: 'email', payload: fails, options: { delay: 1500 } },
            ])),
          );
        }
        if (what === 'cancel' && (await queue.cancelJob(id))) count(cancelled, id);
        if (what === 'retry' && (await queue.retryJob(id))) count(retried, id);
        if (what === 'work') await queue.processJobs(handlers, options);
        if (what === 'compact') await queue.compact();
        if (what === 'list') await queue.listJobs();
        if (what === 'linger')
          lingering.push(queue.processJobs(handlers, { ...options, linger: '1h', signal: stop.signal }));
      };
      for (const round of rounds) {
        let over = false;
        const acting = Promise.all(round.map(act)).finally(() => {
          over = true;
        });
        // It is waited for below; until then a failure is no unhandled one.
        acting.catch(() => {});
        await clock.advanceUntil('the round is over', () => over);
        await acting;
      }
      stop.abort();
      let over = false;
      const ending = Promise.all(lingering).finally(() => {
        over = true;
      });
      ending.catch(() => {});
      await clock.advanceUntil('the workers have gone', () => over);
      await ending;
      for (let n = 0; n < 4; n++) {
        clock.advance(60_000);
        await handles[0]?.processJobs(handlers, options);
      }

      assert.deepEqual(
        [...runs].filter(([, times]) => times > 1),
        [],
      );
      const jobs = await openTest(t, { file, clock }).queue.listJobs();
      assert.deepEqual(jobs.map(({ id }) => id).sort(), [...acknowledged].sort());
      for (const { id, status, result, attempts } of jobs) {
        const stopped = (cancelled.get(id) ?? 0) - (retried.get(id) ?? 0);
        assert.ok(
          stopped === 0 || stopped === 1,
          `${id}: cancelled ${cancelled.get(id)}, retried ${retried.get(id)}`,
        );
        assert.equal(status, stopped === 1 ? 'cancelled' : 'completed', id);
        if (status === 'completed')
          assert.deepEqual([result, runs.get(`${id}:${attempts}`)], [`${id}:${attempts}`, 1]);
      }
    }),
    { numRuns: 12, seed: SEED },
  );
});
