// Power cuts on real file systems: ext4, xfs and btrfs on a loop device with direct I/O.
//
//     tsx scripts/nightly/power-cuts.ts [--cuts N] [--only NAME] [--seed N]
//
// Producers, workers, cancels and compactions run on one queue. At random moments the disk is copied; then the processes
// are killed. Each copy is put in the disk's place and mounted. A worker does what is left, and the journals of the
// processes, kept elsewhere, are held against the queue. N cuts a file system (default 500). A seed decides what is
// asked for and when power goes; what the kernel is doing at that moment differs each time.
//
// Before that, the same with durability 'os', which syncs nothing: it has to lose jobs, otherwise the cuts cut nothing.
//
// Needs root and loop devices. What is missing is named, and the file system skipped. Exit code 1 if a promise was broken
// or the control lost nothing, 77 if everything was skipped. While it runs, the kernel's periodic write-back is off on
// this machine.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { FILE_SYSTEMS, thisMachine, whyNot } from './power-cuts/file-systems.js';

const { values } = parseArgs({
  options: {
    cuts: { type: 'string', default: '500' },
    only: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const { cuts, only, seed } = values;
const SKIPPED = 77;

const wanted = FILE_SYSTEMS.map(({ name }) => name).filter((name) => only === undefined || name === only);
if (wanted.length === 0) {
  console.error(
    `no file system is called ${only}; there are ${FILE_SYSTEMS.map(({ name }) => name).join(', ')}`,
  );
  process.exit(2);
}
const machine = thisMachine(existsSync('/dev/loop-control'));
const possible = FILE_SYSTEMS.filter((fileSystem) => {
  if (!wanted.includes(fileSystem.name)) return false;
  const why = whyNot(fileSystem, machine);
  if (why !== undefined) console.log(`${fileSystem.name}: skipped, ${why}`);
  return why === undefined;
}).map(({ name }) => name);
if (possible.length === 0) {
  console.log('power cuts: nothing was tried, all of it was skipped');
  process.exit(SKIPPED);
}

// Its mounts are its own. A namespace that another process makes meanwhile would keep them mounted, and write to the
// disks after they were unmounted here. Also, what is left of a killed run is unmounted by the kernel.
const script = fileURLToPath(new URL('./power-cuts/run.ts', import.meta.url));
const args = [...process.execArgv, script, '--cuts', cuts, '--seed', seed, ...possible];
const child = spawn('unshare', ['--mount', '--propagation', 'private', process.execPath, ...args], {
  stdio: 'inherit',
});
// A terminal tells both; all others tell only this process.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
child.on('close', (code) => {
  process.exitCode = code ?? 1;
});
