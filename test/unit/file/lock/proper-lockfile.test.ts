import assert from 'node:assert/strict';
import { rmdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { build } from 'esbuild';
import { systemFs } from '../../../../lib/file/disk/fs.js';
import { Lock } from '../../../../lib/file/lock/lock.js';
import { systemProcesses } from '../../../../lib/file/lock/process-id.js';
import { FakeClock } from '../../../support/fake-clock.js';
import { root, temporaryFolder } from '../../../support/folders.js';
import { runScript } from '../../../support/processes.js';

test('a queue leaves no signal handlers in the process, and node:fs as it was', async (t) => {
  const printed = await runScript(
    t,
    `import fs, { mkdtempSync } from 'node:fs';
    import { createRequire } from 'node:module';
    import { openQueue } from 'lib/index.js';
    const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGXFSZ', 'SIGALRM', 'SIGABRT', 'exit'];
    const listeners = () => SIGNALS.map((signal) => process.listenerCount(signal)).join();
    const before = { listeners: listeners(), close: fs.close, closeSync: fs.closeSync, emit: process.emit, reallyExit: process.reallyExit };
    const folder = mkdtempSync('/tmp/tsvq-signals-');
    const queue = openQueue(folder + '/queue.tsv');
    await queue.enqueue('email', {});
    await queue.processJobs({ email: () => {} });
    await queue.close();
    fs.rmSync(folder, { recursive: true });
    const loaded = Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes('proper-lockfile'));
    console.log(JSON.stringify({
      loaded,
      listeners: listeners() === before.listeners,
      close: fs.close === before.close,
      closeSync: fs.closeSync === before.closeSync,
      emit: process.emit === before.emit,
      reallyExit: process.reallyExit === before.reallyExit,
    }));`,
  );
  assert.deepEqual(JSON.parse(printed), {
    loaded: true,
    listeners: true,
    close: true,
    closeSync: true,
    emit: true,
    reallyExit: true,
  });
});

test('a signal-exit that the program uses itself keeps working', async (t) => {
  const printed = await runScript(
    t,
    `import fs, { mkdtempSync } from 'node:fs';
    import { createRequire } from 'node:module';
    import { openQueue } from 'lib/index.js';
    const require = createRequire(createRequire(${JSON.stringify(import.meta.url)}).resolve('proper-lockfile'));
    require('signal-exit')(() => console.log('the hook of the program ran'));
    const folder = mkdtempSync('/tmp/tsvq-signals-');
    const queue = openQueue(folder + '/queue.tsv');
    await queue.enqueue('email', {});
    await queue.close();
    fs.rmSync(folder, { recursive: true });
    console.log(process.listenerCount('SIGTERM'));`,
  );
  assert.equal(printed, '1\nthe hook of the program ran\n');
});

test('the directory is made although a bundle can not reach proper-lockfile', async (t) => {
  const folder = temporaryFolder(t);
  const outfile = join(folder, 'bundle.cjs');
  const entry = join(root, 'lib/file/lock/proper-lockfile.js');
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    define: { 'import.meta.url': 'undefined' },
  });
  const require = createRequire(outfile);
  assert.throws(() => require.resolve('proper-lockfile'), { code: 'MODULE_NOT_FOUND' });
  const { makeDirectory } = require(outfile) as typeof import('../../../../lib/file/lock/proper-lockfile.js');
  const path = join(folder, 'queue.tsv.lock');
  assert.equal(makeDirectory(systemFs, path, 0o770), true);
  assert.equal(makeDirectory(systemFs, path, 0o770), false);
  assert.throws(() => makeDirectory(systemFs, join(path, 'nothing/here'), 0o770), { code: 'ENOENT' });
});

test('no timer stays that throws weeks later, when another process has removed the directory', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const path = join(temporaryFolder(t), 'queue.tsv.lock');
  const lock = new Lock(path, 1000, { fs: systemFs, clock: new FakeClock(), processes: systemProcesses });
  lock.keepsDirectory = true;
  for (let i = 0; i < 2; i++) {
    await lock.enter();
    lock.leave();
  }
  // A worker leaves the directory where it is.
  rmdirSync(path);
  await lock.enter();
  lock.leave();
  lock.tidy();
  t.mock.timers.tick(2 ** 31);
});
