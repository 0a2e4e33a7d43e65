// Enqueues jobs at random moments, and notes when it asked for each.
import { setTimeout as sleep } from 'node:timers/promises';
import { openQueue } from 'tsvq';
import { payload, report, request } from './common.js';

/** @type {{ file: string, jobs: number, gapMs: number }} */
const { file, jobs, gapMs } = request;
const WARM_UP = 20;

const queue = openQueue(file);
/** @type {[n: number, at: number][]} */
const asked = [];
for (let n = -WARM_UP; n < jobs; n++) {
  // As web requests come: independent of each other, close together now and then.
  await sleep(-Math.log(1 - Math.random()) * gapMs);
  const at = Number(process.hrtime.bigint());
  const id = await queue.enqueue('bench', { n, ...payload(n) });
  if (n >= 0) asked.push([n, at]);
  if (n === -1) while ((await queue.getJob(id))?.status !== 'completed') await sleep(10);
}
await queue.enqueue('stop', null, { priority: -1 });
await queue.close();
report({ asked });
