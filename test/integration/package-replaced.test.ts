/*
 * npm install replaces the package under a running web app, so code that is not loaded yet is gone.
 */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { root, temporaryFolder } from '../support/folders.js';
import { runScript } from '../support/processes.js';
import { line, writeQueue } from '../support/queue-file.js';

/** A copy of the package as it is installed, that a process may remove; and a queue with a job that is due. */
function installed(t: TestContext) {
  const folder = temporaryFolder(t);
  const dist = join(folder, 'dist');
  cpSync(join(root, 'dist'), dist, { recursive: true });
  const dependencies = join(folder, 'node_modules');
  mkdirSync(dependencies);
  for (const name of ['croner', 'ms', 'papaparse', 'proper-lockfile'])
    symlinkSync(join(root, 'node_modules', name), join(dependencies, name));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(file, line({ id: 'aa' }));
  return { dist, dependencies, file };
}

/** Runs calls in a process that has loaded the package before it was removed; the code and message of each. */
async function after(t: TestContext, removal: string, file: string, dist: string, ...calls: string[]) {
  const printed = await runScript(
    t,
    `import { readdirSync, rmSync } from 'node:fs';
    import { join } from 'node:path';
    const { openQueue } = await import(${JSON.stringify(join(dist, 'index.js'))});
    const file = ${JSON.stringify(file)};
    const queue = openQueue(file);
    ${removal}
    for (const call of [${calls.map((call) => `() => ${call}`).join(', ')}]) {
      const told = await call().then(() => ['fine', ''], ({ name, code, message }) => [name + ' ' + code, message]);
      console.log(JSON.stringify(told));
    }
    await queue.close();`,
  );
  return printed
    .trimEnd()
    .split('\n')
    .map((told) => JSON.parse(told) as [code: string, message: string]);
}

test('a running process can enqueue after its package was removed; a worker says that its code is gone, and counts as one that never looked', async (t) => {
  const { dist, file } = installed(t);
  const removal = `await new Promise((resolve) => setTimeout(resolve, 1500));
    for (const name of readdirSync(${JSON.stringify(dist)}))
    if (name !== 'index.js') rmSync(join(${JSON.stringify(dist)}, name), { recursive: true });`;
  const [working, adding] = await after(
    t,
    removal,
    file,
    dist,
    'queue.processJobs({ email: () => {} })',
    "queue.enqueue('email')",
  );
  assert.equal(working?.[0], 'TsvqError NOT_INSTALLED');
  assert.ok(working?.[1].includes(dist), working?.[1]);
  assert.match(
    working?.[1] ?? '',
    /^the code of a worker, .*If tsvq was replaced or removed while this process ran .*restart this process/s,
  );
  assert.equal(existsSync(`${file}.tick`), false);
  assert.equal(adding?.[0], 'fine');
});

test('a dependency that is gone when it is needed is named', async (t) => {
  const { dist, dependencies, file } = installed(t);
  const told = await after(
    t,
    `rmSync(${JSON.stringify(dependencies)}, { recursive: true });`,
    file,
    dist,
    "queue.getJob('aa')",
    "queue.enqueue('email', 1, { delay: '1m' })",
    "queue.schedule('nightly', { type: 'email', cron: '@daily' })",
  );
  assert.deepEqual(
    told.map(([code, message]) => [code, message.split(',')[0]]),
    [
      ['TsvqError NOT_INSTALLED', 'papaparse'],
      ['TsvqError NOT_INSTALLED', 'ms'],
      ['TsvqError NOT_INSTALLED', 'croner'],
    ],
  );
});
