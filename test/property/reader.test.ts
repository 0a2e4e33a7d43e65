import { test } from 'node:test';
import fc from 'fast-check';
import { anyFile } from '../sim/input/queue-files.js';
import { checkFile } from '../sim/input/reader-property.js';

test('whatever bytes stand in place of a queue, no row that can be read is lost, and nothing else runs', async () => {
  await fc.assert(fc.asyncProperty(anyFile, checkFile), {
    numRuns: 60,
    includeErrorInReport: true,
    interruptAfterTimeLimit: 15_000,
  });
});
