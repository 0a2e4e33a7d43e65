import { test } from 'node:test';
import fc from 'fast-check';
import { SEED } from '../sim/input/seed.js';
import { hostileJobs } from '../sim/input/values-property.js';

test('other jobs are not affected by any value that is enqueued, thrown or returned', async () => {
  await fc.assert(hostileJobs(), {
    seed: SEED,
    numRuns: 100,
    includeErrorInReport: true,
    interruptAfterTimeLimit: 15_000,
  });
});
