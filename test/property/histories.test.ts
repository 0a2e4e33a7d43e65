import { test } from 'node:test';
import fc from 'fast-check';
import { histories } from '../sim/input/histories.js';
import { SEED } from '../sim/input/seed.js';

test('every operation, in any order, from any of three handles, does and returns what the model says', async () => {
  await fc.assert(histories(), {
    seed: SEED,
    numRuns: 10,
    includeErrorInReport: true,
    interruptAfterTimeLimit: 15_000,
  });
});
