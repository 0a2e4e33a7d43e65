// Runs the tests: node scripts/test.js [--cron] [FILE|FOLDER …]
//
// Without --cron it runs all tests except test/cron/, which need a real cron daemon; with --cron, only those. Files or
// folders under test/ limit it further. The exit code is the test runner's.
//
// All code is translated once, at the beginning, because some hundred and forty processes that each load a translator
// would spend a quarter of the whole time on it.
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { transform } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const cronOnly = process.argv.includes('--cron');
const wanted = process.argv
  .slice(2)
  .filter((argument) => argument !== '--cron')
  .map((path) => relative(root, resolve(path)));

// Finds the files here, because the globs of `node --test` came with Node 21.
const files = readdirSync(resolve(root, 'test'), { recursive: true, encoding: 'utf8' })
  .map((name) => `test${sep}${name}`)
  .filter((file) => file.endsWith('.test.ts') && file.startsWith(`test${sep}cron${sep}`) === cronOnly)
  .filter(
    (file) => wanted.length === 0 || wanted.some((path) => file === path || file.startsWith(path + sep)),
  )
  .sort();

if (files.length === 0) {
  console.error(`no tests ${wanted.length > 0 ? `in ${wanted.join(', ')}` : 'found'}`);
  process.exit(1);
}

/**
 * Translates a file into the folder `to`, at the same relative path. `import.meta` still names the original file, so
 * that tests find the files beside it.
 *
 * @param {string} file @param {string} to
 */
async function translate(file, to) {
  const original = resolve(root, file);
  const { code } = await transform(readFileSync(original, 'utf8'), {
    loader: 'ts',
    target: 'node20',
    sourcemap: 'inline',
    sourcefile: original,
    sourcesContent: false,
    define: {
      'import.meta.url': JSON.stringify(pathToFileURL(original).href),
      'import.meta.filename': JSON.stringify(original),
    },
  });
  const path = join(to, file.replace(/\.ts$/, '.js'));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, code);
}

/** Translates all code that tests import. @param {string} to */
async function translateAll(to) {
  const code = ['docs', 'lib', 'scripts', 'test', 'workers'].flatMap((room) =>
    readdirSync(join(root, room), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.[jt]s$/.test(name) && !name.includes('node_modules'))
      .map((name) => join(room, name)),
  );
  await Promise.all(code.map((file) => translate(file, to)));
  const { name, type } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const entries = ['outbox', 'testing', 'web'].map((entry) => [`./${entry}`, `./lib/${entry}.js`]);
  const exports = { '.': './lib/index.js', ...Object.fromEntries(entries) };
  writeFileSync(join(to, 'package.json'), JSON.stringify({ name, type, exports }));
}

/** Returns the arguments that name the files to run, and their translation. */
async function translated() {
  // Coverage of two translations could not be added up, so with coverage tsx translates all; see coverage.js.
  if (process.env.NODE_V8_COVERAGE !== undefined) return ['--import', 'tsx', '--test', ...files];
  const folder = join(root, `dist.test-${process.pid}`);
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  await translateAll(folder);
  const tests = files.map((file) => relative(root, join(folder, file.replace(/\.ts$/, '.js'))));
  return ['--enable-source-maps', '--test', ...tests];
}

// Runs three at a time on two cores, because some wait for real processes, and none measures anything. The reporter
// names the failed tests again at the end.
const args = ['--test-concurrency=3', '--test-reporter=spec', ...(await translated())];
const runner = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' });
// Ctrl-C reaches the runner by itself. Another signal to this script is meant for the tests.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => runner.kill('SIGTERM'));
runner.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1);
});
