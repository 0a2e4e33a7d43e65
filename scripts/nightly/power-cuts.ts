// Cuts power under real file systems: ext4, xfs and btrfs on a loop device with direct I/O.
//
//     tsx scripts/nightly/power-cuts.ts [--cuts N] [--only NAME] [--seed N]
//
// Producers, workers, cancels and compactions run on one queue. At random moments the disk is copied; then the
// processes are killed. Each copy is put in the disk's place and mounted. A worker runs the remaining jobs, and the
// journals of the processes, kept elsewhere, are compared with the queue. It makes N cuts on each file system (default
// 500). A seed decides the requests and the moments of the cuts; the kernel's work at such a moment differs each time.
//
// Before that it does the same with durability 'os', which syncs nothing. Jobs have to be lost then; otherwise the cuts
// have no effect.
//
// It needs root and loop devices. If one is missing, it says so and skips the file system. The exit code is 1 if a
// promise was broken or the control lost nothing, 77 if everything was skipped. While it runs, the kernel's periodic
// write-back is off on this machine.
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
  console.log('power cuts: nothing was tried, because all file systems were skipped');
  process.exit(SKIPPED);
}

// The run has a mount namespace of its own. Otherwise a namespace that another process makes meanwhile would keep the
// disks mounted, and write to them after they were unmounted here. Also, the kernel then unmounts the disks of a killed
// run.
const script = fileURLToPath(new URL('./power-cuts/run.ts', import.meta.url));
const args = [...process.execArgv, script, '--cuts', cuts, '--seed', seed, ...possible];
const child = spawn('unshare', ['--mount', '--propagation', 'private', process.execPath, ...args], {
  stdio: 'inherit',
});
// A terminal signals both processes; any other sender signals only this one.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
child.on('close', (code) => {
  process.exitCode = code ?? 1;
});
