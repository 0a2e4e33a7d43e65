import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runScript } from '../../helpers.js';

test('a queue leaves no signal handlers in the process, and node:fs as it was', async (t) => {
  const printed = await runScript(
    t,
    `import fs, { mkdtempSync } from 'node:fs';
    import { createRequire } from 'node:module';
    import { openQueue } from 'lib/index.ts';
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

test('a signal-exit that the program uses itself goes on working', async (t) => {
  const printed = await runScript(
    t,
    `import fs, { mkdtempSync } from 'node:fs';
    import { createRequire } from 'node:module';
    import { openQueue } from 'lib/index.ts';
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
