// A worker of jobs with steps, which is killed at a random moment. Each step adds a line to a ledger before it returns:
// job, step, value. It says on stdout that a job has begun.
//
// arguments: queue file, ledger
import { appendFileSync } from 'node:fs';
import { openQueue } from 'tsvq';

const [file = '', ledger = ''] = process.argv.slice(2);
/** @type {import('tsvq').Queue<{ order: { steps: number, sleeps: boolean } }>} */
const queue = openQueue(file);

/** @type {import('tsvq').Handlers<{ order: { steps: number, sleeps: boolean } }>} */
const handlers = {
  order: async ({ steps, sleeps }, { job, step, sleep }) => {
    process.stdout.write('begun\n');
    const values = [];
    for (let i = 0; i < steps; i++) {
      if (sleeps && i === steps / 2) await sleep(1);
      const value = await step(`step ${i}`, () => {
        const value = Math.random().toString(36).slice(2);
        appendFileSync(ledger, `${job.id}\t${i}\t${value}\n`);
        return value;
      });
      values.push(value);
    }
    return values;
  },
};
await queue.processJobs(handlers, {
  concurrency: 2,
  maxWorkers: 100,
  maxAttempts: 1_000_000,
  backoff: [0],
  linger: 200,
  logger: () => {},
});
await queue.close();
