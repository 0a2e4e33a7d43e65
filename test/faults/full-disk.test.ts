import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openQueue } from 'tsvq';
import { rejects } from '../support/errors.js';
import { temporaryFolder } from '../support/folders.js';
import { linesOf, rowsOf } from '../support/queue-file.js';
import { runNode } from './process.js';

/*
 * Real disks without room. Over a file system that fails on demand: "the first rows are acknowledged and the others
 * are not if the disk is full" in test/unit/file/commit/failed-writes.test.ts, "a compaction that finds no room leaves
 * the old file, no litter, and a clear error" in rewrite.test.ts, and "a result that finds no room is written again"
 * in test/unit/file/worker/failing-disk.test.ts.
 */

test('a file size limit gives DISK_FULL, loses no acknowledged job, and the process lives', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  // In units of 512 bytes, or of 1024 where sh is bash.
  const before = ['sh', '-c', 'ulimit -f 40; exec "$@"', 'sh'];
  const { code, signal, stdout, stderr } = await runNode(
    file,
    `const acknowledged = [], refused = [];
    for (let n = 0; n < 30; n++) {
      const jobs = Array.from({ length: 5 }, () => ({ type: 'email', payload: 'x'.repeat(600) }));
      await queue.enqueueMany(jobs).then((ids) => acknowledged.push(...ids), (error) => {
        acknowledged.push(...error.written);
        refused.push(error.code);
      });
    }
    await queue.close();
    console.log(JSON.stringify({ acknowledged, refused }));`,
    before,
  );
  assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' });
  const { acknowledged, refused } = JSON.parse(stdout) as { acknowledged: string[]; refused: string[] };
  assert.deepEqual([...new Set(refused)], ['DISK_FULL']);
  assert.ok(acknowledged.length > 10 && refused.length > 2);
  const ids = rowsOf(file).map(({ id }) => id);
  assert.deepEqual(ids.slice(0, acknowledged.length), acknowledged);

  // Without the limit it goes on, and what was cut is out of the way.
  const queue = openQueue(file);
  const id = await queue.enqueue('email');
  assert.deepEqual(
    (await queue.listJobs()).map((job) => job.id),
    [...acknowledged, id],
  );
  assert.equal((await queue.processJobs({ email: () => {} })).completed, acknowledged.length + 1);
  await queue.close();
});

/** A file system of its own, with room for so much; undefined where mounting is not allowed. */
function smallDisk(t: TestContext, kibibytes: number): string | undefined {
  const folder = join(temporaryFolder(t), 'disk');
  mkdirSync(folder);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${kibibytes}k`, 'tmpfs', folder]);
  if (mounted.status !== 0) return undefined;
  return folder;
}

test('no acknowledged job is lost, and all run, after a full disk has room again', async (t) => {
  const disk = smallDisk(t, 1024);
  if (disk === undefined) return t.skip('takes the right to mount a file system');
  try {
    const file = join(disk, 'queue.tsv');
    const ballast = join(disk, 'ballast');
    writeFileSync(ballast, Buffer.alloc(900 * 1024));
    const queue = openQueue(file);
    const acknowledged: string[] = [];
    let full: unknown;
    while (full === undefined) {
      const jobs = Array.from({ length: 10 }, () => ({ type: 'email', payload: 'x'.repeat(500) }));
      await queue.enqueueMany(jobs).then(
        (ids) => acknowledged.push(...ids),
        (error) => {
          full = error;
          acknowledged.push(...error.written);
        },
      );
    }
    await rejects(Promise.reject(full), 'DISK_FULL', file, 'free some space');
    await rejects(queue.compact(), 'DISK_FULL');
    assert.deepEqual(
      (await queue.listJobs()).map(({ id }) => id),
      acknowledged,
    );
    // Where not even a claim finds room, no handler starts.
    let runs = 0;
    const working = queue.processJobs({ email: () => void runs++ }, { logger: () => {} });
    await rejects(working, 'DISK_FULL');
    assert.equal(runs, 0);

    rmSync(ballast);
    const id = await queue.enqueue('email');
    assert.equal((await queue.processJobs({ email: () => void runs++ })).completed, acknowledged.length + 1);
    assert.equal(runs, acknowledged.length + 1);
    assert.equal((await queue.getJob(id))?.status, 'completed');
    assert.equal(linesOf(file).filter((line) => !line.startsWith('#')).length, runs);
    await queue.close();
  } finally {
    spawnSync('umount', ['-l', disk]);
  }
});
