// Tries bad input, guided by coverage: Jazzer.js (libFuzzer) changes queue files, and keeps files that reach new code
// in lib/. guided/target.ts has the checks. Afterwards the kept files go through the whole walk of the reader's test,
// which is too slow to be guided.
//
//   npx tsx scripts/nightly/guided.ts [--minutes 10] [--seed N] [--libc FOLDER]
//
// The fuzzer is fetched into a temporary folder. If it can't be fetched or doesn't run, the script says so, and ends
// with 0.
// Its binary needs glibc 2.38 or later. On an older Linux, --libc names a folder with a newer loader, libc and
// libstdc++ (of Debian 13, say, unpacked there), and Node is started with those.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import fc from 'fast-check';
import { anyFile } from '../../test/sim/input/queue-files.js';
import { checkFile } from '../../test/sim/input/reader-property.js';

const FUZZER = '@jazzer.js/core@4.0.0';
/** How many valid and damaged files the fuzzer begins with. */
const SEEDS = 300;
const LONGEST = 2048;
/** How many kept files are walked through. More would take longer than the fuzzing. */
const MOST_WALKED = 1000;
/** The words that the fuzzer is not likely to find by itself. */
const WORDS = [
  '\tpending\t',
  '\tprocessing\t',
  '\tcompleted\t',
  '\tfailed\t',
  '\tcancelled\t',
  '\t#torn\n',
  '#',
];

const { values } = parseArgs({
  options: { minutes: { type: 'string' }, seed: { type: 'string' }, libc: { type: 'string' } },
});
const minutes = Number(values.minutes ?? 10);
const seed = Number(values.seed ?? Date.now() % 1_000_000_000);
if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
  console.error('guided: --minutes and --seed are numbers');
  process.exit(2);
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'tsvq-guided-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const skip = (why: string): never => {
  console.log(`guided: skipped, because ${why}`);
  process.exit(0);
};

/** Returns Node with its arguments, started by another loader if there is one. */
function node(args: readonly string[]): [program: string, args: string[]] {
  if (values.libc === undefined) return [process.execPath, [...args]];
  const loader = readdirSync(values.libc).find((name) => name.startsWith('ld-linux'));
  if (loader === undefined) return skip(`there is no loader in ${values.libc}`);
  return [join(values.libc, loader), ['--library-path', values.libc, process.execPath, ...args]];
}

/** Fetches the fuzzer. @returns the path of its command */
function fetchFuzzer(): string {
  const tool = join(folder, 'tool');
  mkdirSync(tool);
  try {
    execFileSync('npm', ['install', '--no-save', '--ignore-scripts', '--prefix', tool, FUZZER], {
      stdio: 'ignore',
    });
  } catch {
    return skip(`${FUZZER} could not be fetched`);
  }
  const modules = join(tool, 'node_modules/@jazzer.js');
  const [program, args] = node(['-e', `require(${JSON.stringify(join(modules, 'fuzzer'))})`]);
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) return skip(`${FUZZER} does not run here: ${/Error: .*/.exec(stderr)?.[0] ?? stderr}`);
  return join(modules, 'core/dist/cli.js');
}

/** Translates each file by itself, so that the fuzzer can tell lib/ from the rest. @returns the path of the target */
async function translate(): Promise<string> {
  const out = join(folder, 'build');
  const lib = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' });
  const entryPoints = [
    ...lib.filter((name) => name.endsWith('.ts') && !name.startsWith('cli')).map((name) => `lib/${name}`),
    ...[
      'input/in-short.ts',
      'input/kept-lines.ts',
      'input/oracle.ts',
      'open-flags.ts',
      'power/disk.ts',
      'power/snapshot.ts',
    ].map((name) => `test/sim/${name}`),
    'scripts/nightly/guided/target.ts',
  ].map((name) => join(root, name));
  await build({
    entryPoints,
    outdir: out,
    outbase: root,
    format: 'esm',
    target: 'node20',
    logLevel: 'warning',
  });
  writeFileSync(join(out, 'package.json'), '{"type":"module"}');
  symlinkSync(join(root, 'node_modules'), join(out, 'node_modules'));
  return join(out, 'scripts/nightly/guided/target.js');
}

const command = fetchFuzzer();
const target = await translate();
const corpus = join(folder, 'corpus');
mkdirSync(corpus);
for (const [i, file] of fc.sample(anyFile, { numRuns: SEEDS, seed }).entries())
  writeFileSync(join(corpus, `seed-${i}`), Buffer.from(file, 'latin1').subarray(0, LONGEST));
const hex = (word: string): string =>
  [...Buffer.from(word)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
writeFileSync(join(folder, 'words'), WORDS.map((word) => `"${hex(word)}"\n`).join(''));

const [program, args] = node([
  command,
  target,
  corpus,
  ...['-i', join(folder, 'build/lib/'), '--disableBugDetectors', '.*', '--timeout', '60000', '--'],
  ...[`-max_total_time=${Math.round(minutes * 60)}`, `-seed=${(seed % 2 ** 31) + 1}`, `-max_len=${LONGEST}`],
  ...[`-dict=${join(folder, 'words')}`, `-artifact_prefix=${folder}/finding-`],
]);
const { status, stderr } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 2 ** 30, cwd: folder });
const lines = stderr.split('\n');
const progress = lines.filter((line) => /^#\d+\t/.test(line));
console.log(progress.filter((line) => line.includes('INITED')).join('\n'));
console.log(progress.at(-1) ?? stderr.slice(-2000));
const finding = readdirSync(folder).find((name) => name.startsWith('finding-'));
if (status !== 0 || finding !== undefined) {
  console.error(
    lines
      .filter((line) => !/^(#\d|INFO)/.test(line))
      .slice(0, 60)
      .join('\n'),
  );
  if (finding !== undefined)
    console.error(`guided: found, in base64: ${readFileSync(join(folder, finding)).toString('base64')}`);
  process.exit(1);
}

const kept = readdirSync(corpus).filter((name) => !name.startsWith('seed-'));
const walked = kept.slice(0, MOST_WALKED);
for (const name of walked) {
  const file = readFileSync(join(corpus, name), 'latin1');
  await checkFile(file).catch((error: unknown) => {
    console.error(`guided: the walk through ${JSON.stringify(file)} failed:`, error);
    process.exit(1);
  });
}
console.log(
  `guided: no violation; seed ${seed}, ${kept.length} inputs kept, ${walked.length} of them walked through`,
);
