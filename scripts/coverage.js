// Line and branch coverage of lib/ by the whole test suite, processes that tests start included:
//
//   node scripts/coverage.js
//
// Node writes the coverage of each process to NODE_V8_COVERAGE, which its children inherit; c8 adds it up. A process
// killed with SIGKILL leaves nothing, so code that only such processes run counts as not run. So does code that runs with
// only cron's environment. A file that has only types is left out, because nothing in it can run. During the
// measurement dist/ leads to lib/, so that a line run by an installed command and by a unit test is the same line.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);
process.chdir(root);

/** Writes a module of dist/ that loads one of lib/, translated when it is loaded. */
const stand = (/** @type {string} */ file, /** @type {string} */ body) =>
  writeFileSync(join('dist', file), `#!/usr/bin/env node\n${body}\n`, { mode: 0o755 });

/** The files of lib/ that have only types. */
const typesOnly = readdirSync('lib', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => join('lib', file))
  .filter((file) => transformSync(readFileSync(file, 'utf8'), { loader: 'ts' }).code.trim() === '');

/** @type {number | null} */
let status = 1;
try {
  const names = Object.keys(await import(join(root, 'dist/index.js')));
  rmSync('dist', { recursive: true, force: true });
  mkdirSync('dist');
  stand('cli.js', `await import(${JSON.stringify(join(root, 'lib/cli/main.ts'))});`);
  stand(
    'index.js',
    `export const { ${names.join(', ')} } = await import(${JSON.stringify(join(root, 'lib/index.ts'))});`,
  );
  const c8 = join(require.resolve('c8/package.json'), '../bin/c8.js');
  // Processes of other users write there as well.
  rmSync('coverage', { recursive: true, force: true });
  mkdirSync('coverage/tmp', { recursive: true });
  chmodSync('coverage/tmp', 0o1777);
  const options = ['--all', '--src', 'lib', '--include', 'lib/**', '--temp-directory', 'coverage/tmp'];
  options.push('--clean=false', ...typesOnly.flatMap((file) => ['--exclude', file]));
  ({ status } = spawnSync(
    process.execPath,
    [
      c8,
      ...options,
      '--reporter',
      'text',
      '--reporter',
      'json',
      'node',
      'scripts/test.js',
      ...process.argv.slice(2),
    ],
    // All processes use the same translation, because the coverage of two translations could not be added up.
    { stdio: 'inherit', env: { ...process.env, NODE_OPTIONS: `--import ${import.meta.resolve('tsx')}` } },
  ));
} finally {
  execFileSync(process.execPath, ['scripts/build.js'], { stdio: 'inherit' });
}
process.exitCode = status ?? 1;
