// Fills a queue with jobs; with `finished`, runs them as well.
import { closeSync, fsyncSync, openSync } from 'node:fs';
import { openQueue } from 'tsvq';
import { payload, report, request } from './common.js';

/** @type {{ file: string, jobs: number, finished?: boolean }} */
const { file, jobs, finished } = request;
const AT_ONCE = 50_000;

const queue = openQueue(file, { durability: 'os' });
for (let from = 0; from < jobs; from += AT_ONCE) {
  const length = Math.min(AT_ONCE, jobs - from);
  await queue.enqueueMany(Array.from({ length }, (_, i) => ({ type: 'bench', payload: payload(from + i) })));
}
if (finished) await queue.processJobs({ bench: () => {} });
await queue.close();
// Jobs that wait have been on the disk for long; writing them there is not what the next sync is measured for.
const fd = openSync(file, 'r+');
fsyncSync(fd);
closeSync(fd);
report({});
