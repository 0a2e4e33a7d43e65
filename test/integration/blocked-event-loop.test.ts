import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openQueue } from 'tsvq';
import { journaled, startChild, workFolder } from '../fixtures/children.js';

/** Far more than an enqueue takes even on a busy machine, far less than a worker waits for the lock. */
const LONG = 3_000;

describe('a process that blocks its event loop does not delay others', () => {
  for (const [name, how, acknowledged] of [
    ['right after it asked for a job', 'unawaited', 0],
    ['right after a job was acknowledged', 'awaited', 1],
  ] as const)
    test(name, { timeout: 60_000 }, async (t) => {
      const folder = workFolder(t);
      const file = join(folder, 'queue.tsv');
      const journal = join(folder, 'journal');
      const blocker = startChild(t, 'blocker.js', { file, journal, how });
      await blocker.said('blocked');

      const queue = openQueue(file);
      const started = performance.now();
      const id = await queue.enqueue('work');
      const ran: string[] = [];
      const { completed } = await queue.processJobs({ work: (_, { job }) => void ran.push(job.id) });
      const took = performance.now() - started;
      t.diagnostic(`an enqueue and a tick beside it took ${Math.round(took)} ms`);

      assert.ok(took < LONG, `an enqueue and a tick took ${Math.round(took)} ms`);
      assert.ok(ran.includes(id));
      // It is still there, and still busy: nothing it did since has helped.
      assert.equal(blocker.process.exitCode, null);
      const ids = journaled(journal, 'ack');
      assert.equal(ids.length, acknowledged);
      for (const other of ids) assert.ok(ran.includes(other));
      assert.equal(ran.length, completed);
      blocker.process.kill('SIGKILL');
      await blocker.ended;
    });
});
