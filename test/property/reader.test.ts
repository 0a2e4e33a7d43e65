import { test } from 'node:test';
import fc from 'fast-check';
import { COLUMNS } from '../../lib/file/format/columns.js';
import { anyFile } from '../sim/input/queue-files.js';
import { checkFile } from '../sim/input/reader-property.js';
import { SEED } from '../sim/input/seed.js';

const OLD_HEADER = 'id\ttype\tpayload\tstatus\tcreated_at\trun_at\tattempts\terror\tresult';
const ROW = '0000000000000001\temail\tnull\tpending\t0\t0\t0\t\t\t0\t\t0\t\t\t\t\t\t\t\t1';

/** What was broken on once. */
const EXAMPLES = [
  // Of an older file, a row that no handler can take: only the compaction gives it a version.
  `${OLD_HEADER}\n0000000000000001\ta\rb\t[]\tpending\t\t\t\t\t{}`,
  // A NUL where the end of a row should be, and more behind it.
  `${OLD_HEADER}\n0000000000000001\temail\tnull\tpending\t\t\t\t\t\0}`,
  // A row behind something in its line; and a field of a comment that is longer than a pattern can be.
  `${COLUMNS.join('\t')}\n\t${ROW}\n#${'\t'.repeat(3)}${'x'.repeat(20_000)}-${'\t'.repeat(COLUMNS.length - 4)}\n`,
];

test('no readable row is lost, and nothing else runs, whatever bytes the file holds', async () => {
  await fc.assert(fc.asyncProperty(anyFile, checkFile), {
    seed: SEED,
    numRuns: 60,
    examples: EXAMPLES.map((text) => [text]),
    includeErrorInReport: true,
    interruptAfterTimeLimit: 15_000,
  });
});
