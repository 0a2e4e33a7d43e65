import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { CLI } from '../integration/cli-process.js';
import { rejects } from '../support/errors.js';
import { temporaryFolder } from '../support/folders.js';
import { UNPRIVILEGED } from '../support/processes.js';
import { jobId, line, text, writeQueue } from '../support/queue-file.js';
import { openTest } from '../support/queues.js';

/*
 * Things that may stand on the way to the queue file. For a user who may not write it, see "a user without permission
 * gets an error that names the path" in test/unit/file/places.test.ts.
 */

/** The command, as somebody whom permissions bind. */
function queue(file: string, ...args: string[]): { status: number | null; stderr: string } {
  const who = UNPRIVILEGED === undefined ? {} : { uid: UNPRIVILEGED, gid: UNPRIVILEGED };
  return spawnSync(process.execPath, [CLI, '--file', file, ...args], { ...who, cwd: '/', encoding: 'utf8' });
}

/** A queue in a folder that may not be entered. */
function shutAway(t: TestContext): string {
  const folder = temporaryFolder(t);
  chmodSync(folder, 0o755);
  const way = join(folder, 'way');
  mkdirSync(join(way, 'data'), { recursive: true });
  writeQueue(join(way, 'data', 'queue.tsv'), line({ id: jobId(1) }));
  chmodSync(way, 0o000);
  return join(way, 'data', 'queue.tsv');
}

test('the command names a folder on the way that may not be entered, and exits with 1', async (t) => {
  if (queue('/', '--version').status !== 0) return t.skip('another user can not read the repository');
  const file = shutAway(t);
  // Whoever cleans up has to get in again.
  try {
    for (const args of [
      ['list'],
      ['show', 'a'],
      ['doctor'],
      ['unlock'],
      ['add', 'email'],
      ['lock', '--', 'true'],
    ]) {
      const { status, stderr } = queue(file, ...args);
      assert.deepEqual([status, stderr.split('\n').length], [1, 2], `${args}: ${stderr}`);
      assert.match(
        stderr,
        /^queue: no permission for .*\(EACCES\); see the owner and the mode/,
        args.join(' '),
      );
      assert.ok(stderr.includes(file), stderr);
    }
  } finally {
    chmodSync(join(file, '../..'), 0o755);
  }
});

test('a file in the place of a folder on the way holds no job, and an enqueue gives NO_ACCESS with the path', async (t) => {
  const folder = temporaryFolder(t);
  chmodSync(folder, 0o755);
  const way = join(folder, 'way');
  writeFileSync(way, 'no folder');
  for (const file of [join(way, 'queue.tsv'), join(way, 'data', 'queue.tsv')]) {
    const { queue: api } = openTest(t, { file });
    assert.equal(await api.getJob('x'), undefined);
    assert.deepEqual(await api.listJobs(), []);
    await rejects(api.enqueue('email'), 'NO_ACCESS', way);
    await rejects(api.enqueueMany([{ type: 'email' }]), 'NO_ACCESS', way);
    const { status, stderr } = queue(file, 'add', 'email');
    assert.equal(status, 1);
    assert.match(stderr, /^queue: .*way.* can't be reached/);
    assert.equal(queue(file, 'list').status, 3);
  }
  assert.equal(text(way), 'no folder');
});

test('a name that is too long for the system gives NO_ACCESS', async (t) => {
  const { queue: api } = openTest(t, { file: join(temporaryFolder(t), 'x'.repeat(300)) });
  await rejects(api.enqueue('email'), 'NO_ACCESS', 'xxx', 'ENAMETOOLONG');
  await rejects(api.getJob('x'), 'NO_ACCESS', 'xxx');
});
