/*
 * Who may work when `maxWorkers` others do. The other workers are rows: claims of processes that live.
 */
import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemProcesses } from '../../../../lib/file/lock/process-id.js';
import type { WorkerEvent } from '../../../../lib/job/options.js';
import { temporaryFolder } from '../../../support/folders.js';
import { jobId, line, text, writeQueue } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

const NOW = Date.UTC(2030, 0, 1) / 1000;

/** A job that another living worker runs. */
const running = (n: number, type: string): string =>
  line({
    id: jobId(n),
    type,
    status: 'processing',
    version: 2,
    attempts: 1,
    started_at: NOW - 10,
    locked_by: `${systemProcesses.self()}${n}`,
  });

/** Jobs that are due. */
const due = (type: string, ...numbers: number[]): string[] =>
  numbers.map((n) => line({ id: jobId(n), type }));

const fourHung = [1, 2, 3, 4].map((n) => running(n, 'hung'));

function over(t: TestContext, ...lines: string[]) {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(file, ...lines);
  return openTest(t, { file });
}

/** A worker without a place for some jobs warns of nothing: cron would mail it each minute. */
const QUIET = { logger: ({ event }: WorkerEvent) => assert.notEqual(event, 'warning') };

test('one more is let in for jobs of a type that none of the others runs', async (t) => {
  const { queue } = over(t, ...fourHung, ...due('webhook', 11, 12));
  const { completed } = await queue.processJobs({ webhook: () => {} }, QUIET);
  assert.equal(completed, 2);
});

test('a worker that serves both types leaves the type that others run', async (t) => {
  const hung = Array.from({ length: 50 }, (_, n) => 100 + n);
  const { queue } = over(t, ...fourHung, ...due('hung', ...hung), ...due('webhook', 11, 12, 13));
  const ran: string[] = [];
  const run = (_: unknown, { job }: { job: { type: string } }): void => void ran.push(job.type);
  const options = { concurrency: 1, ...QUIET };
  const { claimed } = await queue.processJobs({ hung: run, webhook: run }, options);
  assert.deepEqual([claimed, ran], [3, ['webhook', 'webhook', 'webhook']]);
});

test('while it works, it claims only what it was let in for, until there is a place', async (t) => {
  const { queue, file } = over(t, ...fourHung, ...due('webhook', 11, 12), ...due('hung', 21));
  const ran: string[] = [];
  await queue.processJobs(
    {
      webhook: (_, { job }) => {
        ran.push(job.id);
        // One of the others ends, when the second of the new worker's jobs begins.
        const ended = {
          id: jobId(1),
          type: 'hung',
          status: 'completed',
          version: 3,
          finished_at: NOW,
        } as const;
        if (job.id === jobId(12)) appendFileSync(file, line(ended));
      },
      hung: (_, { job }) => void ran.push(job.id),
    },
    { concurrency: 1, logger: () => {} },
  );
  assert.deepEqual(ran, [jobId(11), jobId(12), jobId(21)]);
});

test('a fifth worker counts as well: the sixth gets in for a third type only', async (t) => {
  const { queue } = over(
    t,
    ...fourHung,
    running(5, 'webhook'),
    ...due('webhook', 11),
    ...due('hung', 12),
    ...due('report', 13),
  );
  const handlers = { webhook: () => {}, hung: () => {}, report: () => {} };
  const { completed } = await queue.processJobs(handlers, QUIET);
  assert.equal(completed, 1);
  assert.equal((await queue.getJob(jobId(13)))?.status, 'completed');
});

test('a worker that leaves due jobs says so in its heartbeat and in stats, and logs nothing', async (t) => {
  const { queue, file, clock } = over(t, ...fourHung, ...due('hung', 11));
  assert.equal((await queue.processJobs({ hung: () => {} }, QUIET)).claimed, 0);
  assert.match(text(`${file}.tick`), /^no place\t1893456000\.000$/m);
  assert.equal((await queue.stats()).crowdedOutAt?.getTime(), NOW * 1000);
  // Another worker's heartbeat keeps the note, for a minute and a half.
  clock.advance(80_000);
  await queue.processJobs({});
  assert.equal((await queue.stats()).crowdedOutAt?.getTime(), NOW * 1000);
  clock.advance(11_000);
  assert.equal((await queue.stats()).crowdedOutAt, undefined);
  await queue.processJobs({});
  assert.doesNotMatch(text(`${file}.tick`), /no place/);
});

test('where nothing is due any more, stats says nothing of it', async (t) => {
  const { queue } = over(t, ...fourHung, ...due('hung', 11));
  await queue.processJobs({ hung: () => {} });
  await queue.cancelJob(jobId(11));
  assert.equal((await queue.stats()).crowdedOutAt, undefined);
});
