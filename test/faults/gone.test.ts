import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../support/folders.js';
import { rowsOf, writeQueue } from '../support/queue-file.js';
import { openTest } from '../support/queues.js';
import { deferred } from '../support/waiting.js';

/*
 * The file or its folder is removed under a running worker. See also "a file that vanished is made again" and "a
 * handler starts once, and only if its claim is in the file" in test/unit/file/commit/file-replaced.test.ts, and
 * "running workers go on in the file that an editor puts in place" in test/integration/between-processes.test.ts.
 */

for (const what of ['file', 'folder'] as const)
  test(`a result is dropped, and later jobs run, if the ${what} is removed while a worker runs a job`, async (t) => {
    const file = join(temporaryFolder(t), 'data', 'queue.tsv');
    const { queue, clock } = openTest(t, { file });
    await queue.enqueue('slow');
    const held = deferred();
    const begun = deferred();
    const events: string[] = [];
    const stop = new AbortController();
    const working = queue.processJobs(
      {
        slow: () => {
          begun.resolve();
          return held.promise;
        },
        email: () => {},
      },
      { linger: Infinity, signal: stop.signal, logger: ({ event }) => void events.push(event) },
    );
    await begun.promise;
    rmSync(what === 'file' ? file : dirname(file), { recursive: true });
    // In another process, as a web app would: the worker doesn't make a folder again that was taken away.
    const id = await openTest(t, { file }).queue.enqueue('email');
    held.resolve();
    await clock.advanceUntil(
      'the result is dropped',
      () => events.includes('dropped') || events.includes('cancelled'),
    );
    await clock.advanceUntil('it has run', async () => (await queue.getJob(id))?.status === 'completed');
    stop.abort();
    await clock.pass(1000);
    await working;
    assert.deepEqual(
      rowsOf(file).map(({ type, status }) => `${type} ${status}`),
      ['email completed'],
    );
  });

test('a lingering worker goes on in the new folder after its folder was replaced', async (t) => {
  const file = join(temporaryFolder(t), 'data', 'queue.tsv');
  const { queue, clock } = openTest(t, { file });
  await queue.enqueue('email', 1);
  const ran: unknown[] = [];
  const stop = new AbortController();
  const working = queue.processJobs(
    { email: (payload) => void ran.push(payload) },
    { linger: Infinity, signal: stop.signal, logger: () => {} },
  );
  await clock.advanceUntil('the first job has run', () => ran.length === 1);
  renameSync(dirname(file), `${dirname(file)}.old`);
  mkdirSync(dirname(file));
  writeQueue(file);
  await openTest(t, { file }).queue.enqueue('email', 2);
  await clock.advanceUntil('the second job has run', () => ran.length === 2);
  await clock.advanceUntil('it is recorded', () => rowsOf(file)[0]?.status === 'completed');
  stop.abort();
  await clock.pass(1000);
  await working;
  assert.deepEqual(ran, [1, 2]);
});
