import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isThorough } from '../support/samples.js';
import { CONTROLS, findOut } from './races/controls.js';
import { MODES, type Mode } from './races/modes.js';
import { toText } from './races/played.js';
import { bundle, Threads } from './races/program.js';
import { play } from './races/schedule.js';
import { PATCHES } from './races/variants.js';

/*
 * Several virtual processes run the real code over one file system in memory, a call a step. A seed decides which one
 * goes on next, is killed, is suspended, or finds the clock set. scripts/nightly/races.ts plays many more.
 */

const SEEDS = isThorough ? 10 : 4;
/** A control's own seed finds it; a change of lib/ may move that. */
const MOST_SEEDS = 250;

let threads: Threads;
let wrong: Threads;
before(async () => {
  threads = await Threads.start(4, await bundle());
  wrong = await Threads.start(4, await bundle(PATCHES));
});
after(() => Promise.all([threads.stop(), wrong.stop()]));

for (const mode of MODES) {
  test(`races, ${mode.name}: nothing is lost, run twice or left behind`, () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const played = play(threads, seed, mode);
      assert.equal(played.violation, undefined, toText(played, mode));
    }
  });
}

/** What found something once. */
const FOUND: readonly [mode: string, seed: number, what: string][] = [
  ['power loss', 10, 'a timer of proper-lockfile that throws after 25 days'],
  ['normal', 35, 'an empty new file in the place of acknowledged jobs'],
  [
    'containers',
    53,
    'an empty new file in the place of acknowledged jobs, by a process suspended in another container',
  ],
  ['two in the lock', 120, 'a retry that counts, and the cancel before it does not'],
  ['normal', 194, 'a compaction that ends with an error that is no TsvqError'],
  [
    'power loss',
    7762,
    'an empty new file in the place of acknowledged jobs, by a process passed over just before its rewrite notice',
  ],
  [
    'visitors',
    122,
    'a job held for good (by the judge) whose row was cut, glued to another, and written once more',
  ],
  ['damage', 41119, 'a job (to the judge) whose first row was lost with the power, and its second was not'],
  ['damage', 43058, 'a job (to the judge) whose second row was lost with the power, and its third was not'],
  ['visitors', 50053, 'a file taken for detached that a compaction had just replaced'],
  ['visitors', 92123, 'a compaction that is refused because a look of its own process closed the file'],
  ['visitors', 60142, 'a job that a worker claimed twice in one commit that started over'],
  [
    'visitors',
    63010,
    'a job that a worker claimed twice in one commit that started over, and that was retried between pick and lock',
  ],
  ['scheduled, power loss', 181236, 'a job of a schedule released by the end that cancels it'],
  ['scheduled', 15, 'a queued job of a schedule that starts too early, since one between was cancelled'],
];

for (const [name, seed, what] of FOUND) {
  test(`races, seed ${seed}: does not repeat ${what}`, () => {
    const mode = MODES.find((mode) => mode.name === name);
    assert.ok(mode);
    const played = play(threads, seed, mode);
    assert.equal(played.violation, undefined, toText(played, mode));
  });
}

test('races: a list of the jobs has every one', () => {
  const mode: Mode = { name: 'listing', readers: true, readersList: true };
  // A row that was struck before it was read was left out.
  for (let seed = 27; seed < 40; seed += 4) {
    const played = play(threads, seed, mode);
    assert.equal(played.violation, undefined, toText(played, mode, 1));
  }
});

test('the same seed makes the same schedule', () => {
  for (const mode of MODES) {
    const [first, second] = [play(threads, 5, mode), play(threads, 5, mode)];
    assert.equal(second.fingerprint, first.fingerprint, mode.name);
    assert.deepEqual(second.log, first.log);
  }
});

for (const control of CONTROLS) {
  test(`races find a design that loses jobs: ${control.name}`, () => {
    assert.ok(findOut(wrong, control, control.seed, MOST_SEEDS), `not in ${MOST_SEEDS} seeds`);
  });
}
