// Power cuts on real file systems: ext4, xfs and btrfs on a loop device with direct I/O.
//
//     tsx scripts/nightly/power-cuts.ts [--cuts N] [--only NAME] [--seed N]
//
// Producers, workers, cancels and compactions run on one queue. At a random moment the disk is copied, the processes are
// killed, the copy is put in the disk's place and mounted. A worker does what is left, and the journals of the processes,
// kept elsewhere, are held against the queue. N cuts a file system (default 500). What the kernel and the disk make of a
// seed differs each time.
//
// Before that, the same with durability 'os', which syncs nothing: it has to lose jobs, otherwise the cuts cut nothing.
//
// Needs root and loop devices. What is missing is named, and the file system skipped. Exit code 1 if a promise was broken,
// 77 if everything was skipped. While it runs, the kernel's periodic write-back is off on this machine.
import { cpSync, existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Campaign, type Cut } from './power-cuts/campaign.js';
import { Disk } from './power-cuts/disk.js';
import { FILE_SYSTEMS, type FileSystem, thisMachine, whyNot } from './power-cuts/file-systems.js';
import { run } from './power-cuts/programs.js';
import { Stage } from './power-cuts/stage.js';

const { values } = parseArgs({
  options: {
    cuts: { type: 'string', default: '500' },
    only: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const cuts = Number(values.cuts);
const seed = Number(values.seed);

/** After so many cuts that broke a promise it is clear that something is wrong. */
const ENOUGH = 3;
/** So many cuts without a loss show that the control is none. */
const CONTROLS = 10;
const SKIPPED = 77;

const wanted = FILE_SYSTEMS.filter(({ name }) => values.only === undefined || name === values.only);
if (wanted.length === 0) {
  console.error(
    `no file system is called ${values.only}; there are ${FILE_SYSTEMS.map(({ name }) => name).join(', ')}`,
  );
  process.exit(2);
}
const machine = thisMachine(existsSync('/dev/loop-control'));
const possible = wanted.filter((fileSystem) => {
  const why = whyNot(fileSystem, machine);
  if (why !== undefined) console.log(`${fileSystem.name}: skipped, ${why}`);
  return why === undefined;
});
if (possible.length === 0) {
  console.log('power cuts: nothing was tried, all of it was skipped');
  process.exit(SKIPPED);
}

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

/** The cuts of a campaign; after one that broke a promise, on a new disk. */
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

/** Durability 'os' has to lose acknowledged jobs. */
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

/** Numbers from 0 to 1, always those of the seed. */
function seeded(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
