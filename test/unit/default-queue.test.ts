import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { defaultQueueFile } from '../../lib/default-queue.js';
import { throws } from '../support/errors.js';
import { temporaryFolder } from '../support/folders.js';
import { runScript } from '../support/processes.js';
import { rowsOf } from '../support/queue-file.js';

function withQueueFile(t: TestContext, value: string | undefined): void {
  const before = process.env.QUEUE_FILE;
  const set = (to: string | undefined): void => {
    if (to === undefined) delete process.env.QUEUE_FILE;
    else process.env.QUEUE_FILE = to;
  };
  set(value);
  t.after(() => set(before));
}

test('the default queue is data/queue.tsv next to the nearest package.json at or above', (t) => {
  withQueueFile(t, undefined);
  const project = temporaryFolder(t);
  const deep = join(project, 'src', 'jobs');
  mkdirSync(deep, { recursive: true });
  writeFileSync(join(project, 'package.json'), '{}');
  assert.equal(defaultQueueFile(deep), join(project, 'data', 'queue.tsv'));
  writeFileSync(join(deep, 'package.json'), '{}');
  assert.equal(defaultQueueFile(deep), join(deep, 'data', 'queue.tsv'));
});

test('QUEUE_FILE wins', (t) => {
  withQueueFile(t, 'jobs/q.tsv');
  const project = temporaryFolder(t);
  writeFileSync(join(project, 'package.json'), '{}');
  assert.equal(defaultQueueFile(project), join(project, 'jobs', 'q.tsv'));
});

test('the error says what to set if neither is there', (t) => {
  withQueueFile(t, undefined);
  const folder = temporaryFolder(t);
  throws(() => defaultQueueFile(folder), 'NO_QUEUE_FILE', folder, 'QUEUE_FILE');
});

test('every function of the package works on the default queue', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const printed = await runScript(
    t,
    `import * as tsvq from 'lib/index.js';
    const id = await tsvq.enqueue('email', { to: 'ann' });
    const [other] = await tsvq.enqueueMany([{ type: 'report' }]);
    const seen = [];
    for await (const job of tsvq.iterateJobs()) seen.push(job.id);
    console.log(JSON.stringify([
      seen.length,
      (await tsvq.listJobs({ type: 'email' })).length,
      await tsvq.cancelJob(other),
      await tsvq.retryJob(other),
      await tsvq.promoteJob(other),
      await tsvq.dismissJob(other),
      (await tsvq.processJobs({ email: ({ to }) => to, report: () => 0 })).completed,
      (await tsvq.getJob(id)).result,
      await tsvq.waitForJob(id),
      (await tsvq.stats()).completed,
    ]));`,
    { env: { QUEUE_FILE: file } },
  );
  assert.deepEqual(JSON.parse(printed), [2, 1, true, true, true, false, 2, 'ann', 'ann', 2]);
  assert.equal(rowsOf(file).length, 2);
});

test('every function rejects, and none throws, without a queue file', async (t) => {
  const printed = await runScript(
    t,
    `import * as tsvq from 'lib/index.js';
    process.chdir('/');
    const names = ['enqueue', 'enqueueMany', 'getJob', 'cancelJob', 'retryJob', 'promoteJob', 'dismissJob', 'listJobs'];
    names.push('stats', 'processJobs', 'waitForJob');
    const calls = names.map((name) => tsvq[name]([]));
    calls.push(tsvq.iterateJobs().next());
    const codes = (await Promise.allSettled(calls)).map(({ reason }) => reason?.code);
    console.log(codes.length, ...new Set(codes));`,
    { env: { QUEUE_FILE: '' } },
  );
  assert.equal(printed, '12 NO_QUEUE_FILE\n');
});
