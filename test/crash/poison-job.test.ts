import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openQueue } from 'tsvq';
import { journaled, repeated, startChild, workFolder } from '../fixtures/children.js';

describe('a job that takes its worker with it fails in the end, and all others complete', () => {
  for (const [how, concurrency] of [
    ['kill', 1],
    ['kill', 5],
    ['exit', 5],
    ['abort', 1],
  ] as const)
    test(`by ${how}, with ${concurrency} at a time`, { timeout: 120_000 }, async (t) => {
      const folder = workFolder(t);
      const file = join(folder, 'queue.tsv');
      const journal = join(folder, 'journal');
      const queue = openQueue(file);
      // None of them has an attempt to spare: one death that is counted against it would fail it.
      const innocent = (length: number) =>
        Array.from({ length }, () => ({ type: 'work', options: { maxAttempts: 1 } }));
      const ids = await queue.enqueueMany(innocent(20));
      const poison = await queue.enqueue('poison', { how }, { maxAttempts: 3 });
      ids.push(...(await queue.enqueueMany(innocent(30))));

      // As cron would, one worker after another, until nothing is due.
      let deaths = 0;
      for (let starts = 0; ; starts++) {
        const worker = startChild(t, 'worker.js', { file, journal, options: { concurrency } });
        const { code, signal } = await worker.ended;
        if (code === 0) break;
        assert.equal(signal ?? code, { kill: 'SIGKILL', exit: 3, abort: 'SIGABRT' }[how], worker.output());
        deaths++;
        assert.ok(starts < 10, 'it goes on for ever');
      }
      const { due, processing } = await queue.stats();
      assert.deepEqual({ due, processing }, { due: 0, processing: 0 });

      const job = await queue.getJob(poison);
      assert.equal(job?.status, 'failed');
      assert.match(job?.error ?? '', /^worker died/);
      // Three deaths are its own; one more at the most came while others were claimed beside it.
      assert.equal(job?.attempts, deaths);
      assert.equal(job.attempts - job.forgiven, 3);
      assert.ok(job.forgiven <= 1, `${job.forgiven} of its attempts were forgiven`);
      for (const id of ids) {
        const other = await queue.getJob(id);
        assert.equal(other?.status, 'completed', `${other?.error}`);
      }
      assert.deepEqual(repeated(journaled(journal, 'start')), []);
    });
});
