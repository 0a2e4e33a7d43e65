// Runs the long forms of the tests: power loss, power cuts, races, kill -9, kills of workers with schedules and with
// steps, and of relays of an outbox, bad input
// (random, and guided by coverage), mutants, and the whole suite on other Nodes.
//
//   npm run nightly                    about an hour
//   npm run nightly -- --minutes 2     two minutes for each part that is measured in time
//   npm run nightly -- --only races    one part
//   npm run nightly -- --cuts 500      500 power cuts on each file system
//   npm run nightly -- --libc FOLDER   with a newer C library for the guided fuzzer; see guided.ts
//   npm run nightly -- --node 22       all parts on another Node, fetched from the registry into a temporary folder
//
// Each part prints its seed and its counts; the exit code is 1 if any of them failed. A part that this machine can't run
// names the missing program or right, and counts as skipped.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    states: { type: 'string', default: '100000' },
    cuts: { type: 'string', default: '500' },
    only: { type: 'string' },
    node: { type: 'string' },
    libc: { type: 'string' },
  },
});
const { minutes, states, cuts, only, node, libc } = values;

const folder = mkdtempSync(join(tmpdir(), 'tsvq-nightly-'));
// Some tests run the Node in this folder as another user.
chmodSync(folder, 0o755);
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** @param {string} version @returns the path of its program */
function fetchNode(version) {
  execFileSync('npm', ['install', '--no-save', '--prefix', folder, `node@${version}`], { stdio: 'ignore' });
  const program = join(folder, 'node_modules/node/bin/node');
  console.log(`Node ${execFileSync(program, ['--version'], { encoding: 'utf8' }).trim()}`);
  return program;
}

const program = node === undefined ? process.execPath : fetchNode(node);
const env = {
  ...process.env,
  PATH: [dirname(program), process.env.PATH].join(delimiter),
  // Lets the suite leave nothing out; see isThorough in test/support/samples.ts.
  DEATHS: 'all',
};

/** @type {Record<string, string[]>} */
const parts = {
  suite: ['scripts/test.js'],
  'power-loss': ['--import', 'tsx', 'scripts/nightly/power-loss.ts', '--states', states],
  'power-cuts': ['--import', 'tsx', 'scripts/nightly/power-cuts.ts', '--cuts', cuts],
  races: ['--import', 'tsx', 'scripts/nightly/races.ts', '--minutes', minutes],
  fuzz: ['--import', 'tsx', 'scripts/nightly/fuzz.ts', '--minutes', minutes],
  guided: [
    ...['--import', 'tsx', 'scripts/nightly/guided.ts', '--minutes', minutes],
    ...(libc === undefined ? [] : ['--libc', libc]),
  ],
  torture: ['--import', 'tsx', 'scripts/torture.ts', '--minutes', minutes],
  slots: ['--import', 'tsx', 'scripts/nightly/slots.ts', '--kills', String(600 * Number(minutes))],
  steps: ['--import', 'tsx', 'scripts/nightly/steps.ts', '--kills', '10000', '--minutes', minutes],
  outbox: ['--import', 'tsx', 'scripts/nightly/outbox.ts', '--kills', String(200 * Number(minutes))],
  'outbox-postgres': [
    ...['--import', 'tsx', 'scripts/nightly/outbox.ts', '--postgres'],
    ...['--kills', String(200 * Number(minutes))],
  ],
  mutants: ['scripts/mutation/mutants.js', '--minutes', minutes],
};
if (only !== undefined && !(only in parts)) {
  console.error(`no part is called ${only}; there are ${Object.keys(parts).join(', ')}`);
  process.exit(2);
}

execFileSync(process.execPath, ['scripts/build.js'], { stdio: 'inherit' });
/** The exit code of a part that could try nothing. */
const SKIPPED = 77;

/** @type {string[]} */
const failed = [];
/** @type {string[]} */
const skipped = [];
for (const [name, args] of Object.entries(parts)) {
  if (only !== undefined && name !== only) continue;
  console.log(`\n==> ${name}`);
  const { status } = spawnSync(program, args, { stdio: 'inherit', env });
  if (status === SKIPPED) skipped.push(name);
  else if (status !== 0) failed.push(name);
}
const outcome = failed.length > 0 ? `failed: ${failed.join(', ')}` : 'all passed';
console.log(
  skipped.length === 0
    ? `\n${outcome}`
    : `\n${failed.length > 0 ? `${outcome}; ` : 'nothing failed; '}skipped: ${skipped.join(', ')}`,
);
process.exitCode = failed.length === 0 ? 0 : 1;
