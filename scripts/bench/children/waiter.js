// Enqueues jobs at random moments, and waits for each; with a worker in this process, or in another one.
import { setTimeout as sleep } from 'node:timers/promises';
import { openQueue } from 'tsvq';
import { payload, report, request } from './common.js';

/** @type {{ file: string, jobs: number, gapMs: number, works: boolean }} */
const { file, jobs, gapMs, works } = request;
const WARM_UP = 20;

const queue = openQueue(file);
const stop = new AbortController();
const working = works
  ? queue.processJobs(
      { bench: () => Number(process.hrtime.bigint()), stop: () => stop.abort() },
      { linger: Number.POSITIVE_INFINITY, signal: stop.signal },
    )
  : undefined;
/** @type {number[]} */
const delays = [];
for (let n = -WARM_UP; n < jobs; n++) {
  await sleep(-Math.log(1 - Math.random()) * gapMs);
  const ended = Number(await queue.waitForJob(await queue.enqueue('bench', payload(n))));
  if (n >= 0) delays.push((Number(process.hrtime.bigint()) - ended) / 1e6);
}
await queue.enqueue('stop', null, { priority: -1 });
await working;
await queue.close();
report({ delays });
