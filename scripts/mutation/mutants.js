// Changes lib/file in one small place after another, and sees whether a unit test notices:
//
//   node scripts/mutation/mutants.js                          all of it, an hour or more
//   node scripts/mutation/mutants.js lib/file/operations FILE …         some of it
//   node scripts/mutation/mutants.js --minutes 10 [--seed N]  one file after another, in a random order, for so long
//
// A part of the nightly form. Stryker makes the changes; it is installed here, the first time, because no other script needs
// it. What it reports is printed, and kept in coverage/mutation/ for looking at. The exit code is 1 if so few were found
// that something must be wrong with the tests: of the mutants of a file, up to a quarter change nothing.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = resolve(here, '../..');
const report = join(root, 'coverage/mutation');

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: 'string' }, seed: { type: 'string' } },
});

/** The tests that run what they test in their own process, nearly all of them in milliseconds. */
const TESTS = ['test/unit/file'];
const LEAST = 70;

/** Of this package, which need not be there. */
async function loadStryker() {
  if (!existsSync(join(here, 'node_modules/@stryker-mutator/core'))) {
    console.log('installing Stryker in scripts/mutation');
    try {
      execFileSync('npm', ['ci', '--no-audit', '--no-fund'], {
        cwd: here,
        stdio: ['ignore', 'ignore', 'inherit'],
      });
    } catch {
      console.error(
        'Stryker could not be installed (npm ci in scripts/mutation failed): no mutant was tried',
      );
      process.exit(1);
    }
  }
  return (await import('@stryker-mutator/core')).Stryker;
}

const sourcesOf = (path) =>
  path.endsWith('.ts')
    ? [path]
    : readdirSync(path)
        .map((name) => join(path, name))
        .filter((name) => name.endsWith('.ts'));

/** In an order that the seed gives. */
function shuffled(files, seed) {
  let state = seed;
  const random = () => {
    // Park and Miller's generator: which files come first need not be unforeseeable.
    state = (state * 48271) % 0x7fffffff;
    return state;
  };
  return files
    .map((file) => [random(), file])
    .sort(([a], [b]) => a - b)
    .map(([, file]) => file);
}

async function tryMutants(Stryker, files, deadline) {
  const name = files.length === 1 ? files[0].replaceAll('/', '-') : 'all';
  return new Stryker({
    mutate: files,
    // What messages and comments say is for tests to hold that are about it; status words and columns are types.
    mutator: { excludedMutations: ['StringLiteral'] },
    plugins: [join(here, 'runner.js')],
    testRunner: 'node-test',
    testRunnerNodeArgs: ['--import', 'tsx'],
    nodeTest: { folders: TESTS, end: deadline },
    warnings: { unknownOptions: false },
    coverageAnalysis: 'perTest',
    concurrency: 1,
    // What hangs counts as found, but the watchdog is quicker to see it.
    timeoutMS: 60_000,
    timeoutFactor: 4,
    disableTypeChecks: false,
    ignorePatterns: ['coverage', 'data', 'dist', 'scripts'],
    reporters: ['json'],
    jsonReporter: { fileName: join(report, `${name}.json`) },
    logLevel: 'error',
    allowConsoleColors: false,
    allowEmpty: true,
  }).runMutationTest();
}

/** What stood there and what stood there instead, on one line. */
function change({ fileName, location: { start, end }, replacement }) {
  const lines = readFileSync(fileName, 'utf8')
    .split('\n')
    .slice(start.line - 1, end.line);
  lines[lines.length - 1] = lines.at(-1).slice(0, end.column - 1);
  lines[0] = lines[0].slice(start.column - 1);
  const short = (text) => {
    const line = text.replace(/\s+/g, ' ');
    return line.length > 60 ? `${line.slice(0, 57)}…` : line;
  };
  return `${relative(root, fileName)}:${start.line}:${start.column}  ${short(lines.join(' '))}  →  ${short(replacement)}`;
}

const STATES = { Killed: 'killed', Timeout: 'timed out', Survived: 'survived', NoCoverage: 'not covered' };

function count(results) {
  const counts = Object.keys(STATES).map((state) => results.filter(({ status }) => status === state).length);
  const [killed, timeouts, survived, uncovered] = counts;
  return { counts, score: (100 * (killed + timeouts)) / (killed + timeouts + survived + uncovered) };
}

function print(results) {
  const byFile = new Map();
  for (const result of results) {
    const file = relative(root, result.fileName);
    for (const name of [file, `${dirname(file)}/`]) byFile.set(name, [...(byFile.get(name) ?? []), result]);
  }
  console.log(
    ['file'.padEnd(30), ...Object.values(STATES).map((name) => name.padStart(13)), '   score'].join(''),
  );
  for (const [name, some] of [...byFile].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const { counts, score } = count(some);
    console.log(
      [
        name.padEnd(30),
        ...counts.map((n) => String(n).padStart(13)),
        Number.isNaN(score) ? '       –' : `${score.toFixed(1).padStart(7)}%`,
      ].join(''),
    );
  }
  const untried = results.filter(({ status }) => status === 'RuntimeError').length;
  if (untried > 0) console.log(`\n${untried} were not tried, or kept the tests from being loaded`);
  const left = results.filter(({ status }) => status === 'Survived' || status === 'NoCoverage');
  if (left.length > 0) console.log(`\nnot found:\n${left.map(change).join('\n')}`);
}

process.chdir(root);
const files = (
  positionals.length === 0
    ? [
        'lib/file/operations',
        'lib/file/commit',
        'lib/file/compaction',
        'lib/file/disk',
        'lib/file/lock',
        'lib/file/index',
        'lib/file/doctor',
        'lib/file/store.ts',
      ]
    : positionals.map((path) => relative(root, resolve(path)))
)
  .flatMap(sourcesOf)
  .sort();
const Stryker = await loadStryker();
const results = [];
if (values.minutes === undefined) results.push(...(await tryMutants(Stryker, files)));
else {
  const seed = Number(values.seed ?? (Date.now() % 100_000) + 1);
  const deadline = Date.now() + Number(values.minutes) * 60_000;
  console.log(`seed ${seed}`);
  for (const file of shuffled(files, seed)) {
    if (Date.now() < deadline) results.push(...(await tryMutants(Stryker, [file], deadline)));
  }
}
print(results);
const { score } = count(results);
if (Number.isNaN(score)) console.log('\nthe time was too short to try any');
else if (score < LEAST) {
  console.error(`\nfewer than ${LEAST} % were found`);
  process.exitCode = 1;
}
