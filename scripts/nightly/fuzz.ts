// Tries bad input for a given time: damaged queue files, values that no caller should enqueue, and random histories of
// all operations against a model.
//
//   npx tsx scripts/nightly/fuzz.ts [--minutes 10] [--seed N] [--part reader|values|model]
//
// Prints how many cases were tried. Exits with 1 at the first case that fails, and names the seed that makes it again.
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { histories } from '../../test/sim/input/histories.js';
import { anyFile } from '../../test/sim/input/queue-files.js';
import { checkFile } from '../../test/sim/input/reader-property.js';
import { hostileJobs } from '../../test/sim/input/values-property.js';

const { values } = parseArgs({
  options: { minutes: { type: 'string' }, seed: { type: 'string' }, part: { type: 'string' } },
});
const minutes = Number(values.minutes ?? 10);
const firstSeed = Number(values.seed ?? Date.now() % 1_000_000_000);

const PARTS: Record<string, () => fc.IRawProperty<unknown>> = {
  reader: () => fc.asyncProperty(anyFile, checkFile),
  values: hostileJobs,
  model: histories,
};
/** How many cases have one seed; a part's turn has so many. */
const AT_ONCE = 100;

const chosen = Object.entries(PARTS).filter(([name]) => values.part === undefined || name === values.part);
if (chosen.length === 0 || !(minutes > 0) || !Number.isSafeInteger(firstSeed)) {
  console.error(`fuzz: --part is one of ${Object.keys(PARTS).join(', ')}; --minutes and --seed are numbers`);
  process.exit(2);
}

const tried = new Map(chosen.map(([name]) => [name, 0]));
const began = Date.now();
let seed = firstSeed;
for (; Date.now() - began < minutes * 60_000; seed++) {
  for (const [name, property] of chosen) {
    const result = await fc.check(property(), { seed, numRuns: AT_ONCE, includeErrorInReport: true });
    tried.set(name, (tried.get(name) ?? 0) + result.numRuns);
    if (!result.failed) continue;
    console.error(
      `fuzz: ${name} failed; again with --part ${name} --seed ${seed}\n${fc.defaultReportMessage(result)}`,
    );
    process.exit(1);
  }
}
const counts = [...tried].map(([name, cases]) => `${cases} of ${name}`).join(', ');
console.log(
  `fuzz: no violation in ${((Date.now() - began) / 60_000).toFixed(1)} minutes; cases: ${counts}; seeds ${firstSeed} to ${seed - 1}`,
);
