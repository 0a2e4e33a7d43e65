/*
 * The package works inside a bundle: one file, without any node_modules within reach.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type BuildOptions, build } from 'esbuild';
import { root, temporaryFolder } from '../support/folders.js';
import { bareEnvironment } from '../support/processes.js';

/** Needs each of the dependencies, a follow-up, and errors that are known by their class. */
const PROGRAM = `
async function main() {
  const events = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGXFSZ', 'SIGALRM'];
  const listeners = () => events.map((name) => process.listenerCount(name)).join();
  const before = listeners();
  const queue = openQueue('queue.tsv', { retention: '7d' });
  const id = await queue.enqueue('double', { n: 21 }, { timeout: '10s' });
  await queue.enqueue('refused', null, { delay: '0s' });
  await queue.processJobs({
    double: ({ n }, { enqueue }) => (enqueue('after'), n * 2),
    after: () => 'too',
    refused: () => { throw new PermanentError('no'); },
  });
  const refused = await queue.enqueue('').catch((error) => error instanceof TsvqError && error.code);
  const test = context();
  test.enqueue('one', { at: 1 });
  const { types } = await queue.stats();
  const { result } = await queue.getJob(id);
  await queue.close();
  const isQuiet = listeners() === before;
  const [due] = nextRuns({ cron: '0 6 * * *', timezone: 'Asia/Tokyo' }, 1, 0);
  console.log(JSON.stringify({ result, after: types.after.completed, failed: types.refused.failed, refused, test: test.enqueued, due, isQuiet }));
}
main();
`;

const PRINTED = {
  result: 42,
  after: 1,
  failed: 1,
  refused: 'INVALID_ARGUMENT',
  test: [{ type: 'one', payload: { at: 1 } }],
  due: '1970-01-01T21:00:00.000Z',
  isQuiet: true,
};

const LOADED = {
  import: `import { nextRuns, openQueue, PermanentError, TsvqError } from 'tsvq';
import { context } from 'tsvq/testing';`,
  require: `const { nextRuns, openQueue, PermanentError, TsvqError } = require('tsvq');
const { context } = require('tsvq/testing');`,
};

/** @returns a folder with a project, and an empty one beside it */
function project(t: TestContext): string {
  const folder = temporaryFolder(t);
  for (const name of ['package.json', 'dist']) {
    cpSync(join(root, name), join(folder, 'source/node_modules/tsvq', name), { recursive: true });
  }
  for (const name of ['croner', 'ms', 'papaparse', 'proper-lockfile', 'tinyqueue']) {
    cpSync(join(root, 'node_modules', name), join(folder, 'source/node_modules', name), { recursive: true });
  }
  mkdirSync(join(folder, 'elsewhere'));
  return folder;
}

for (const format of ['cjs', 'esm'] as const) {
  for (const [how, loading] of Object.entries(LOADED)) {
    // The file of an ES module has no require of Node's own modules: a known limit of esbuild.
    const options: BuildOptions =
      format === 'esm' && how === 'require'
        ? {
            banner: {
              js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
            },
          }
        : {};
    for (const minify of [false, true]) {
      test(`a ${minify ? 'minified ' : ''}bundle of format ${format} that began with ${how} works by itself`, async (t) => {
        const folder = project(t);
        const entry = join(folder, 'source/program.js');
        writeFileSync(entry, loading + PROGRAM);
        const outfile = join(folder, 'elsewhere', format === 'esm' ? 'program.mjs' : 'program.cjs');
        const { warnings } = await build({
          ...options,
          entryPoints: [entry],
          outfile,
          bundle: true,
          format,
          minify,
          platform: 'node',
          target: 'node20',
          logLevel: 'silent',
        });
        assert.deepEqual(warnings, []);
        const printed = execFileSync(process.execPath, [outfile], {
          cwd: join(folder, 'elsewhere'),
          env: bareEnvironment,
          encoding: 'utf8',
        });
        assert.deepEqual(JSON.parse(printed), PRINTED);
      });
    }
  }
}

test('a bundle that can not find a dependency names it, and says what to do', async (t) => {
  const folder = project(t);
  const outfile = join(folder, 'elsewhere/program.mjs');
  await build({
    stdin: {
      contents: `import { openQueue } from 'tsvq';
        try { openQueue('queue.tsv', { retention: '7d' }); }
        catch ({ name, code, message }) { console.log(name, code, message); }`,
      resolveDir: join(folder, 'source'),
    },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    external: ['ms'],
  });
  const printed = execFileSync(process.execPath, [outfile], { env: bareEnvironment, encoding: 'utf8' });
  assert.match(
    printed,
    /^TsvqError NOT_INSTALLED ms, which tsvq needs, .*elsewhere\/program\.mjs.*Otherwise install tsvq with its dependencies/s,
  );
});
