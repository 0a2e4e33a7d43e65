// Races the real code against itself, with one file-system call per step: tsx scripts/nightly/races.ts [--seed N]
// [--minutes M] [--seeds N] [--mode NAME] [--controls]
//
// Plays schedules from a seed on, for M minutes (default 5) or for N seeds. Ends with code 1 at the first
// violation, with its seed and its last steps; --seed and --seeds 1 play it again. With --controls it plays designs
// that are known to lose jobs, and fails if one of them is not detected within N seeds (default 1200).
import { parseArgs } from 'node:util';
import { CONTROLS, findOut } from '../../test/sim/races/controls.js';
import { MODES } from '../../test/sim/races/modes.js';
import { toText } from '../../test/sim/races/played.js';
import { bundle, Threads } from '../../test/sim/races/program.js';
import { play } from '../../test/sim/races/schedule.js';
import { PATCHES } from '../../test/sim/races/variants.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '5' },
    seeds: { type: 'string' },
    mode: { type: 'string' },
    controls: { type: 'boolean', default: false },
  },
});
const first = Number(values.seed);
const seeds = values.seeds === undefined ? Number.POSITIVE_INFINITY : Number(values.seeds);
const wanted = <T extends { name: string }>(all: readonly T[]): T[] =>
  all.filter(({ name }) => values.mode === undefined || name.startsWith(values.mode));

async function playControls(): Promise<boolean> {
  const threads = await Threads.start(4, await bundle(PATCHES));
  const most = Math.min(seeds, 1200);
  let all = true;
  for (const control of wanted(CONTROLS)) {
    const found = findOut(threads, control, first, most);
    console.log(
      `${control.name}: ${found === undefined ? `NOT FOUND in ${most} seeds` : `seed ${found.seed}, ${found.violation}`}`,
    );
    all &&= found !== undefined;
  }
  await threads.stop();
  return all;
}

async function playModes(): Promise<boolean> {
  const threads = await Threads.start(4, await bundle());
  const began = Date.now();
  const end = began + Number(values.minutes) * 60_000;
  const sum = { schedules: 0, steps: 0, kills: 0, jobs: 0, runs: 0 };
  let bad: string | undefined;
  let seed = first;
  for (; seed < first + seeds && Date.now() < end && bad === undefined; seed++) {
    for (const mode of wanted(MODES)) {
      const played = play(threads, seed, mode);
      sum.schedules++;
      for (const key of ['steps', 'kills', 'jobs', 'runs'] as const) sum[key] += played[key];
      if (played.violation !== undefined) bad ??= toText(played, mode, 200);
    }
  }
  await threads.stop();
  const { schedules, steps, kills, jobs, runs } = sum;
  console.log(
    `Races: seeds ${first} to ${seed - 1}, ${schedules} schedules in ${Math.round((Date.now() - began) / 1000)} s, ` +
      `${steps} steps, ${kills} kills, ${jobs} jobs, ${runs} attempts; ` +
      `${bad === undefined ? 'no violation' : 'a violation'}.`,
  );
  if (bad !== undefined) console.log(bad);
  return bad === undefined;
}

process.exitCode = (await (values.controls ? playControls() : playModes())) ? 0 : 1;
