// Builds dist/: the library and the command, each bundled into few files because a tick of cron starts Node anew and
// every module that it opens costs it time; dependencies stay outside, and load when first used.
import { execFileSync } from 'node:child_process';
import { chmodSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
// Beside the old one until it is whole: a build that fails, or that somebody's worker overtakes, breaks nothing.
const fresh = `dist.${process.pid}`;

/** @type {import('esbuild').BuildOptions} */
const common = {
  outdir: fresh,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  logLevel: 'warning',
};
try {
  // One after another, not together: what both share would be cut into a dozen files, each of which a tick opens.
  await build({ ...common, entryPoints: { index: 'lib/index.ts' } });
  await build({ ...common, entryPoints: { cli: 'lib/cli/main.ts' } });
  chmodSync(`${fresh}/cli.js`, 0o755);
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', `${fresh}/types`], {
    stdio: 'inherit',
  });
  rmSync('dist', { recursive: true, force: true });
  renameSync(fresh, 'dist');
} finally {
  rmSync(fresh, { recursive: true, force: true });
}
