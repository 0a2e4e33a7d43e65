import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openQueue, PermanentError } from 'tsvq';
import { Store } from '../../lib/file/store.js';
import { resolveQueueOptions } from '../../lib/job/queue-options.js';
import { startChild, workFolder } from '../fixtures/children.js';
import { CHECKS, checkOneLiners, oneLiners, type Truth } from '../fixtures/one-liners.js';
import { linesOf } from '../support/queue-file.js';
import { until } from '../support/waiting.js';

describe('the one-liners of the README', () => {
  const commands = oneLiners();

  const checkAll = (truth: Truth): void => checkOneLiners(commands, truth);

  test('are those that are checked here', () => {
    assert.deepEqual(commands.map(({ meaning }) => meaning).sort(), Object.keys(CHECKS).sort());
  });

  for (const durability of ['sync', 'os'] as const)
    test(`tell the truth of a file at rest (durability ${durability})`, { timeout: 60_000 }, async (t) => {
      const file = join(workFolder(t), 'queue.tsv');
      const queue = openQueue(file, { durability });
      const check = async (): Promise<void> => {
        const jobs = await queue.listJobs();
        const schedules = (await queue.listSchedules()).length;
        for (const { id } of [jobs[0], jobs[Math.floor(jobs.length / 2)], jobs.at(-1)] as { id: string }[])
          checkAll({ jobs, schedules, id, file });
      };
      await queue.schedule('nightly', { type: 'work', every: '1d' });
      const [first] = await queue.enqueueMany(
        Array.from({ length: 20 }, (_, i) => ({ type: i % 3 === 0 ? 'e-mail' : 'webhook', payload: { i } })),
      );
      await queue.enqueue('work', 'a "quoted"\ttext\nwith pending\tand # and 日本', {
        delay: '1d',
        priority: 3,
      });
      await queue.enqueue('webhook', { about: first, status: '\tpending\t' });
      const cancelled = await queue.enqueue('work', {}, { delay: '2d' });
      await check();

      await queue.processJobs(
        {
          'e-mail': () => 'sent',
          webhook: ({ i }) => {
            if (i % 4 === 1) throw new Error('busy:\n\tpending\t');
            if (i % 4 === 2) throw new PermanentError('gone:\n\tC:\\new\tpending\t\r\n');
          },
        },
        { backoff: ['1h'], concurrency: 3 },
      );
      await check();
      await queue.cancelJob(cancelled);
      // Without a sync, nothing is crossed out in place; only the end of a tick or a compaction makes the file tidy.
      if (durability === 'os') await queue.compact();
      await check();
      const [failed] = await queue.listJobs({ status: 'failed', limit: 1 });
      await queue.retryJob((failed as { id: string }).id);
      if (durability === 'os') await queue.compact();
      await check();
    });

  test('tell the truth between the commits of running workers', { timeout: 120_000 }, async (t) => {
    const folder = workFolder(t);
    const file = join(folder, 'queue.tsv');
    const queue = openQueue(file);
    // Large enough that no tick compacts it at its end: what is crossed out, the commits have crossed out.
    const padding = 'x'.repeat(2_000);
    const enqueue = (): Promise<string[]> =>
      queue.enqueueMany([
        ...Array.from({ length: 150 }, () => ({ type: 'work', payload: { padding } })),
        ...Array.from({ length: 30 }, (_, i) => ({ type: 'flaky', payload: { failures: i % 4, padding } })),
      ]);
    await enqueue();
    const workers = Array.from({ length: 2 }, (_, i) =>
      startChild(t, 'worker.js', {
        file,
        journal: join(folder, 'journal'),
        ticks: 'until told',
        options: { concurrency: 1 + 2 * i },
      }),
    );
    await Promise.all(workers.map((worker) => worker.said('ready')));

    // Whoever holds the lock looks at a file that nobody appends to. What the commit before superseded is crossed out as
    // soon as its sync is done, for which it holds no lock.
    const isTidy = (): boolean => {
      // A large append that was seen by half has been closed, which left a line of its own.
      const rows = linesOf(file).filter((line) => !line.startsWith('#') && line !== '\t#torn');
      const ids = rows.map((line) => line.split('\t', 1)[0]);
      return new Set(ids).size === ids.length;
    };
    const store = new Store(file, resolveQueueOptions({}));
    let inMidWork = 0;
    let done = 0;
    for (let round = 0; round < 8 || inMidWork < 3; round++) {
      if (round > 200) assert.fail('the workers were never seen at work');
      await store.exclusively(async () => {
        const jobs = await queue.listJobs();
        const running = jobs.filter(({ status }) => status === 'processing');
        if (running.length > 0) inMidWork++;
        done = jobs.filter(({ status }) => status === 'completed').length;
        await until('what is superseded is crossed out', isTidy);
        const some = running[0] ?? jobs[round % jobs.length];
        checkAll({ jobs, id: (some as { id: string }).id, file });
      });
      const { due } = await queue.stats();
      if (due < 50) await enqueue();
    }
    t.diagnostic(`${done} jobs were done meanwhile; in ${inMidWork} looks some were running`);
    for (const worker of workers) worker.tell('stop');
    await Promise.all(workers.map((worker) => worker.done()));
    const jobs = await queue.listJobs();
    checkAll({ jobs, id: (jobs[0] as { id: string }).id, file });
    await store.close();
  });
});
