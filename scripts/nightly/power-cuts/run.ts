// Makes the power cuts, in a mount namespace of its own: run.ts --cuts N --seed N NAME…; see ../power-cuts.ts.
import { cpSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Campaign, type Cut } from './campaign.js';
import { Disk } from './disk.js';
import { FILE_SYSTEMS, type FileSystem } from './file-systems.js';
import { run } from './programs.js';
import { Stage } from './stage.js';

const { values, positionals } = parseArgs({
  options: { cuts: { type: 'string', default: '1' }, seed: { type: 'string', default: '1' } },
  allowPositionals: true,
});
const cuts = Number(values.cuts);
const seed = Number(values.seed);
const possible = FILE_SYSTEMS.filter(({ name }) => positionals.includes(name));

/** The number of cuts with violations after which it is clear that something is wrong. */
const ENOUGH = 3;
/** The number of cuts without a loss that show that the control doesn't work. */
const CONTROLS = 10;

console.log(`power cuts: ${cuts} on each of ${possible.map(({ name }) => name).join(', ')}; seed ${seed}`);
const stage = new Stage();
const disk = new Disk(stage.disks, join(stage.folder, 'disk'));
let campaign: Campaign | undefined;
process.on('exit', () => {
  campaign?.kill();
  disk.abandon();
  stage.close();
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));
stage.open();

for (const fileSystem of possible) {
  const isFound = await isControlFound(fileSystem);
  const isKept = await isAllKept(fileSystem);
  if (!isFound || !isKept) process.exitCode = 1;
}

function begin(fileSystem: FileSystem, durability: 'sync' | 'os'): Campaign {
  const random = seeded(seed + FILE_SYSTEMS.indexOf(fileSystem));
  campaign = new Campaign({ fileSystem, disk, folder: stage.folder, durability, random });
  return campaign;
}

/** Gives the cuts of a campaign. After a cut that broke a promise, it goes on with a new disk. */
async function* cutsOf(campaign: Campaign): AsyncGenerator<Cut> {
  for (;;) {
    for await (const cut of campaign.live()) {
      yield cut;
      if (cut.violations.length === 0) continue;
      campaign.forget();
      break;
    }
  }
}

/** True if durability 'os' loses acknowledged jobs, as it has to. */
async function isControlFound(fileSystem: FileSystem): Promise<boolean> {
  let n = 0;
  for await (const { violations, acknowledged } of cutsOf(begin(fileSystem, 'os'))) {
    n++;
    const lost = violations.filter((violation) => /acknowledged and is gone/.test(violation)).length;
    if (lost === 0 && n < CONTROLS) continue;
    const what = lost === 0 ? 'NOTHING LOST' : `${lost} acknowledged jobs lost`;
    console.log(
      `${fileSystem.name}, control (durability 'os'): ${what} at cut ${n}, of ${acknowledged} acknowledged`,
    );
    return lost > 0;
  }
  return false;
}

async function isAllKept(fileSystem: FileSystem): Promise<boolean> {
  const began = performance.now();
  const sum = { acknowledged: 0, inWrite: 0, bad: 0 };
  let n = 0;
  for await (const cut of cutsOf(begin(fileSystem, 'sync'))) {
    n++;
    sum.acknowledged += cut.acknowledged;
    if (cut.isInWrite) sum.inWrite++;
    if (cut.violations.length > 0) {
      sum.bad++;
      report(fileSystem, n, cut);
    }
    if (n >= cuts || sum.bad >= ENOUGH) break;
  }
  const seconds = (performance.now() - began) / 1000;
  console.log(
    `${fileSystem.name}: ${n} cuts, ${sum.inWrite} of them while the disk was writing; ${sum.acknowledged} acknowledged; ` +
      `${sum.bad} cuts with violations; ${seconds.toFixed(0)} s, ${(seconds / n).toFixed(2)} s a cut`,
  );
  return sum.bad === 0;
}

function report({ name }: FileSystem, n: number, { violations, copy, journals }: Cut): void {
  const kept = mkdtempSync(join(tmpdir(), `tsvq-power-cut-${name}-`));
  run('cp', '--sparse=always', copy, join(kept, 'disk.img'));
  cpSync(journals, join(kept, 'journals'), { recursive: true });
  console.log(`VIOLATION at cut ${n} on ${name}, seed ${seed}:`);
  for (const violation of violations.slice(0, 20)) console.log(`  ${violation}`);
  if (violations.length > 20) console.log(`  and ${violations.length - 20} more`);
  console.log(`  the disk as the cut left it, and the journals: ${kept} (mount -o loop disk.img FOLDER)`);
}

/** Returns a source of numbers from 0 to 1, which are always the same for a seed. */
function seeded(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
