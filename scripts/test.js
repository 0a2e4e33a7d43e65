// Runs the tests: node scripts/test.js [--cron] [FILE|FOLDER …]
//
// Without --cron all but test/cron/, which need a real cron daemon; with it, only those. Files or folders under
// test/ limit it further. The exit code is the test runner's.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const cronOnly = process.argv.includes('--cron');
const wanted = process.argv
  .slice(2)
  .filter((argument) => argument !== '--cron')
  .map((path) => relative(root, resolve(path)));

// Found here: the globs of `node --test` came with Node 21.
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

// Two at a time: the tests measure nothing, but some wait for real processes.
const runner = spawn(process.execPath, ['--import', 'tsx', '--test', '--test-concurrency=2', ...files], {
  cwd: root,
  stdio: 'inherit',
});
// Ctrl-C reaches the runner by itself; whoever stops this script means the tests.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => runner.kill('SIGTERM'));
runner.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1);
});
