// A worker that serves the schedules of slots.ts until it is killed.
import { openQueue } from 'tsvq';

const [file = ''] = process.argv.slice(2);
const queue = openQueue(file, { durability: 'os' });
await queue.processJobs(
  { beat: () => {} },
  { linger: Number.POSITIVE_INFINITY, maxWorkers: 100, maxAttempts: 1_000_000, logger: () => {} },
);
