// Runs all jobs of a queue with a handler that does nothing; of several queues one after another, so that all but
// the first meet warm code.
import { openQueue } from 'tsvq';
import { report, request } from './common.js';
import { usage } from './usage.cjs';

/** @type {{ files: string[], durability: 'sync' | 'os' }} */
const { files, durability } = request;

const ms = [];
const completed = [];
for (const file of files) {
  const queue = openQueue(file, { durability });
  const start = performance.now();
  const summary = await queue.processJobs({ bench: () => {} });
  ms.push(performance.now() - start);
  completed.push(summary.completed);
  await queue.close();
}
report({ ms, completed, ...usage() });
