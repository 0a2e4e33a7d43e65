import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { rejects } from '../../../support/errors.js';
import { failing } from '../../../support/faults.js';
import { faultyFs, isAppend } from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';
import { leaveToken, tokens } from '../../../support/lock-tokens.js';
import { jobId, line, rowsOf, statesOf, text, writeQueue } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

/*
 * What a commit repairs that a dead process has left.
 */

test('the file is made durable, and the dead token stays, if there is no room to repair', async (t) => {
  const { fs, calls, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  const first = await queue.enqueue('email', 1);
  const dead = leaveToken(file);
  calls.length = 0;
  fault.do = failing(({ name, path }) => name === 'write' && path.endsWith('.tmp'), 'ENOSPC');
  assert.equal(await queue.cancelJob(first), true);
  const append = calls.findIndex((call) => isAppend(call, file));
  const before = calls.slice(0, append).map(({ name, path }) => `${name} ${path}`);
  assert.ok(before.includes(`fdatasync ${file}`), before.join('\n'));
  assert.ok(before.includes(`fsync ${dirname(file)}`));
  assert.deepEqual(tokens(file), [dead]);
  fault.do = undefined;

  assert.equal(await queue.retryJob(first), true);
  assert.deepEqual(tokens(file), []);
  assert.deepEqual(statesOf(file), [`${first} pending`]);
});

test('the queue stops if it can neither repair nor sync', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  const id = await queue.enqueue('email', 1);
  const dead = leaveToken(file);
  fault.do = failing(
    ({ name, path }) => (name === 'write' && path.endsWith('.tmp')) || name === 'fdatasync',
    'EIO',
  );
  await rejects(queue.cancelJob(id), 'SYNC_FAILED');
  assert.ok(tokens(file).includes(dead));
  assert.equal(rowsOf(file).length, 1);
});

test('a repair closes a torn tail, makes a lost follow-up and strikes superseded rows at once', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const followUps = JSON.stringify([{ type: 'thumb', payload: '1', createdAt: 5, runAt: 5, priority: 0 }]);
  writeQueue(
    file,
    line({ id: jobId(1), status: 'processing', version: 2, attempts: 1 }),
    line({
      id: jobId(1),
      status: 'completed',
      version: 3,
      attempts: 1,
      finished_at: 1_893_455_000,
      follow_ups: followUps,
    }),
    line({ id: jobId(2) }).slice(0, 20),
  );
  const dead = leaveToken(file);
  const { queue } = openTest(t, { file });
  const id = await queue.enqueue('email', 1);
  assert.ok(!tokens(file).includes(dead));
  assert.deepEqual((await queue.listJobs()).map(({ type, status }) => `${type} ${status}`).sort(), [
    'email completed',
    'email pending',
    'thumb pending',
  ]);
  assert.ok(text(file).includes('\t#torn\n'));
  assert.equal(rowsOf(file).filter((row) => row.id === jobId(1)).length, 1);
  assert.equal((await queue.getJob(id))?.status, 'pending');
});
