// Installs the packed tarball into small projects of the kinds that users have, and has each of them compile, enqueue,
// work and test a handler: node scripts/check-consumers.js [NAME]... (only projects whose names contain one of these)
//
// The projects use TypeScript in its pairs of module and moduleResolution, Jest without flags, Vitest or esbuild. Their
// packages are installed once, from the registry, into the temporary folder that holds all projects.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { INSIDE, LOADING, PRINT, TESTED, USED, use } from './consumers/program.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'tsvq-consumers-'));

const PACKAGES = ['typescript@5.9', '@types/node@20', 'esbuild@0.28', 'jest@30', 'ts-jest@29', 'vitest@3'];

/** @param {string} cwd @param {string} program @param {...string} args @returns {Promise<string>} its output */
async function run(cwd, program, ...args) {
  // Passes only the variables that programs need, because `npm run` sets others that tell npm where it runs.
  const { PATH, HOME } = process.env;
  try {
    const env = { PATH, HOME, CI: 'true' };
    return (await promisify(execFile)(program, args, { cwd, env, encoding: 'utf8' })).stdout;
  } catch (error) {
    const { stdout, stderr } = /** @type {{ stdout?: string, stderr?: string }} */ (error);
    throw new Error(`in ${cwd}: ${program} ${args.join(' ')} failed\n${stdout ?? ''}${stderr ?? ''}`, {
      cause: error,
    });
  }
}

const bin = (/** @type {string} */ name) => join(folder, 'node_modules/.bin', name);

/** @param {string} name @param {Record<string, string | object>} files @returns {string} the folder of the project */
function project(name, files) {
  for (const [path, content] of Object.entries(files)) {
    const text = typeof content === 'string' ? content : `${JSON.stringify(content, null, 2)}\n`;
    mkdirSync(dirname(join(folder, name, path)), { recursive: true });
    writeFileSync(join(folder, name, path), text);
  }
  return join(folder, name);
}

const isRight = (/** @type {string} */ printed) => assert.deepEqual(JSON.parse(printed), [USED, TESTED]);

/** Compiles a project in TypeScript, and runs it. */
async function typescript(
  /** @type {string} */ module,
  /** @type {string} */ moduleResolution,
  /** @type {'module' | 'commonjs'} */ type,
) {
  const compilerOptions = {
    module,
    moduleResolution,
    target: 'es2022',
    lib: ['es2022'],
    outDir: 'out',
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    // The declarations of each kind stand alone. Each kind is checked once, because that takes long.
    skipLibCheck: module !== 'commonjs' && module !== 'nodenext',
  };
  const at = project(`ts-${module}-${moduleResolution}-${type}`, {
    'package.json': { private: true, type },
    'tsconfig.json': { compilerOptions, files: ['use.ts'] },
    'use.ts': `import type { Handlers } from 'tsvq';\n${LOADING.import}${use(true)}
// @ts-expect-error: the payload of another
void (() => handlers.double({ text: 'a' }, context()));
${PRINT}`,
  });
  await run(at, bin('tsc'));
  isRight(await run(at, process.execPath, 'out/use.js'));
}

/** Runs Jest with neither flags nor a transform, so that it sees a plain require. */
async function jest() {
  // An error of Node isn't an instance of the Error that Jest gives to tests.
  const own = `
test('an error of Node is told as one', async () => {
  const queue = openQueue(__dirname + '/errors.tsv');
  const id = await queue.enqueue('read');
  await queue.processJobs({ read: () => require('node:fs').readFileSync('/nothing/here') }, { maxAttempts: 1 });
  expect((await queue.getJob(id)).error.split('\\n')[0]).toMatch(/^Error: ENOENT: no such file/);
  await queue.close();
});
`;
  const at = project('jest', {
    'package.json': { private: true, jest: { transform: {} } },
    'use.test.js': LOADING.require + use(false) + INSIDE + own,
  });
  await run(at, bin('jest'));
}

async function tsJest() {
  const compilerOptions = {
    module: 'commonjs',
    moduleResolution: 'node',
    target: 'es2022',
    lib: ['es2022'],
    strict: true,
    skipLibCheck: true,
  };
  const at = project('ts-jest', {
    'package.json': { private: true, jest: { preset: 'ts-jest' } },
    'tsconfig.json': { compilerOptions: { ...compilerOptions, types: ['node'] } },
    'use.test.ts': `import type { Handlers } from 'tsvq';\n${LOADING.import}${use(true)}
declare const test: (name: string, run: () => Promise<void>) => void;
declare const expect: (value: unknown) => { toEqual(other: unknown): void };
${INSIDE}`,
    ...exampleOf('@jest/globals'),
  });
  await run(at, bin('jest'));
}

/** Returns an example of docs/testing.md with the code that it tests. */
function exampleOf(/** @type {string} */ runner) {
  const page = readFileSync(join(root, 'docs/testing.md'), 'utf8');
  const blocks = [...page.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, code]) => String(code));
  const found = blocks.find((code) => code.includes(`from '${runner}'`));
  assert.ok(found, `docs/testing.md has no example for ${runner}`);
  return { 'signup.ts': String(blocks[0]), 'signup.test.ts': found };
}

async function vitest() {
  const at = project('vitest', {
    'package.json': { private: true, type: 'module' },
    'use.test.js': `import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
${LOADING.import}const require = createRequire(import.meta.url);
${use(false)}${INSIDE}`,
    ...exampleOf('vitest'),
  });
  await run(at, bin('vitest'), 'run');
}

/** Bundles the package. A bundle with the package inside is run where no node_modules is in reach. */
async function esbuild(/** @type {'cjs' | 'esm'} */ format, /** @type {boolean} */ isInside) {
  const at = project(`esbuild-${format}-${isInside ? 'inside' : 'outside'}`, {
    'package.json': { private: true, type: 'module' },
    'use.js': LOADING.import + use(false) + PRINT,
  });
  const away = mkdtempSync(join(tmpdir(), 'tsvq-bundle-'));
  try {
    const outfile = join(isInside ? away : at, format === 'esm' ? 'use.mjs' : 'use.cjs');
    const options = [
      '--bundle',
      '--platform=node',
      `--format=${format}`,
      '--log-level=warning',
      `--outfile=${outfile}`,
    ];
    await run(at, bin('esbuild'), 'use.js', ...options, ...(isInside ? [] : ['--external:tsvq']));
    isRight(await run(dirname(outfile), process.execPath, outfile));
  } finally {
    rmSync(away, { recursive: true, force: true });
  }
}

/** @type {[string, () => Promise<void>][]} */
const CONSUMERS = [
  ['tsc, commonjs and node10', () => typescript('commonjs', 'node10', 'commonjs')],
  ['tsc, node16, a CommonJS package', () => typescript('node16', 'node16', 'commonjs')],
  ['tsc, node16, an ES module', () => typescript('node16', 'node16', 'module')],
  ['tsc, nodenext', () => typescript('nodenext', 'nodenext', 'module')],
  ['tsc, esnext and bundler', () => typescript('esnext', 'bundler', 'module')],
  ['tsc, preserve and bundler', () => typescript('preserve', 'bundler', 'module')],
  ['Jest', jest],
  ['ts-jest', tsJest],
  ['Vitest', vitest],
  ['esbuild, cjs, inside', () => esbuild('cjs', true)],
  ['esbuild, cjs, outside', () => esbuild('cjs', false)],
  ['esbuild, esm, inside', () => esbuild('esm', true)],
  ['esbuild, esm, outside', () => esbuild('esm', false)],
];

let failures = 0;
try {
  const packed = await run(root, 'npm', 'pack', '--json', '--silent', '--pack-destination', folder);
  const [{ filename, size }] = JSON.parse(packed);
  project('.', { 'package.json': { name: 'consumers', private: true } });
  await run(folder, 'npm', 'install', '--no-audit', '--no-fund', join(folder, filename), ...PACKAGES);
  console.log(`${filename}: ${Math.round(size / 1024)} KiB`);
  const only = process.argv.slice(2);
  const waiting = CONSUMERS.filter(([name]) => only.length === 0 || only.some((part) => name.includes(part)));
  // Runs two projects at a time.
  const next = async () => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      const [name, check] = one;
      const start = Date.now();
      try {
        await check();
        console.log(`ok      ${name} (${Date.now() - start} ms)`);
      } catch (error) {
        failures++;
        console.log(`FAILED  ${name}\n${/** @type {Error} */ (error).message}`);
      }
    }
  };
  await Promise.all([next(), next()]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failures > 0 ? 1 : 0;
