// Simulates power loss in memory, at every step of short histories of a queue. It is the long form of
// test/sim/power-loss.test.ts.
//
//     tsx scripts/nightly/power-loss.ts [--states N] [--minutes N] [--seed N]
//
// It plays all histories again and again, each time with another seed, until N states (default 100,000) have been
// built, opened, used and judged, or the time is over. Exit code 1 if a promise was broken.
import { parseArgs } from 'node:util';
import { losePower, type Violation } from '../../test/sim/power/campaign.js';
import { KEYED_SCENARIOS } from '../../test/sim/power/keyed-scenarios.js';
import { SCENARIOS } from '../../test/sim/power/scenarios.js';
import { SCHEDULED_SCENARIOS } from '../../test/sim/power/scheduled-scenarios.js';
import { filesOf } from '../../test/sim/power/snapshot.js';

const { values } = parseArgs({
  options: {
    states: { type: 'string', default: '100000' },
    minutes: { type: 'string', default: 'Infinity' },
    seed: { type: 'string', default: '1' },
  },
});
const wanted = Number(values.states);
let seed = Number(values.seed);

const HISTORIES = [...SCENARIOS, ...KEYED_SCENARIOS, ...SCHEDULED_SCENARIOS];

/** The number of violations after which it is clear that something is wrong. */
const ENOUGH = 5;
const started = performance.now();
const until = started + Number(values.minutes) * 60_000;
const isOver = (): boolean => states >= wanted || performance.now() >= until;
const violations: Violation[] = [];
let [states, holes, operations, kills] = [0, 0, 0, 0];
const seeds: number[] = [];

console.log(`power loss: ${HISTORIES.length} histories, at least ${wanted} states, from seed ${seed}`);
while (!isOver() && violations.length < ENOUGH) {
  seeds.push(seed);
  for (const scenario of HISTORIES) {
    if (isOver()) break;
    const result = await losePower(scenario, {
      seed,
      everyNthCut: 17,
      samples: 12,
      everyNthAgain: 25,
      enough: ENOUGH,
    });
    states += result.states;
    holes += result.holes;
    kills += result.kills;
    operations += result.operations;
    violations.push(...result.violations);
    for (const violation of result.violations) report(violation);
  }
  seed++;
}
const seconds = (performance.now() - started) / 1000;
console.log(
  `${states} states after power loss in ${seeds.length} rounds of ${HISTORIES.length} histories (${operations} operations; ` +
    `seeds ${seeds[0]} to ${seeds.at(-1)}), ${kills} of them after a kill; in ${holes} a line had lost a part of itself; ` +
    `${violations.length} violations; ${seconds.toFixed(0)} s`,
);
if (violations.length > 0) process.exitCode = 1;

function report({ scenario, crash, what, disk }: Violation): void {
  console.log(`VIOLATION, seed ${seed}: ${scenario}, ${crash}`);
  for (const line of what) console.log(`  ${line}`);
  for (const [path, data] of filesOf(disk))
    console.log(`  ${path}: ${JSON.stringify(data.toString('utf8').slice(0, 4000))}`);
}
