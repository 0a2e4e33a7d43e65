import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openQueue } from 'tsvq';
import { temporaryFolder } from '../support/folders.js';
import { rowsOf } from '../support/queue-file.js';
import { type Ended, runNode } from './process.js';

/*
 * strace makes the system calls of a real process fail. Over a file system that fails on demand, every call does: see
 * failed-writes.test.ts and failed-syncs.test.ts in test/unit/file/commit/, and every-call.test.ts.
 */

const NO_STRACE =
  spawnSync('strace', ['-o', '/dev/null', '-e', 'trace=none', 'true']).status === 0
    ? false
    : 'takes strace, and the right to trace';

/** Three jobs, one after another, in a process of which these calls fail; what came of each. */
async function threeJobs(file: string, ...inject: string[]): Promise<Ended> {
  await openQueue(file).enqueue('first');
  const faults = inject.flatMap((one) => ['-e', `inject=${one}`]);
  return runNode(
    file,
    `for (const n of [1, 2, 3])
      console.log(await queue.enqueue('email', n).catch(({ code }) => code));`,
    ['strace', '-f', '-qq', '-o', '/dev/null', '-P', file, ...faults],
  );
}

const payloads = (file: string) =>
  rowsOf(file).flatMap(({ type, payload }) => (type === 'email' ? [Number(payload)] : []));

test('a commit whose fdatasync fails once is saved in a new file before it is acknowledged', {
  skip: NO_STRACE,
}, async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  await openQueue(file).enqueue('first');
  const { ino } = statSync(file);
  const { code, stdout } = await threeJobs(file, 'fdatasync:error=EIO:when=2');
  assert.equal(code, 0);
  assert.notEqual(statSync(file).ino, ino);
  assert.match(stdout, /^([0-9a-f]{16}\n){3}$/);
  assert.deepEqual(payloads(file), [1, 2, 3]);
});

test('a process whose syncs all fail gets SYNC_FAILED, and the next one repairs the file', {
  skip: NO_STRACE,
}, async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  await openQueue(file).enqueue('first');
  const { code, stdout } = await runNode(
    file,
    `for (const n of [1, 2, 3])
      console.log(await queue.enqueue('email', n).catch(({ code }) => code));`,
    ['strace', '-f', '-qq', '-o', '/dev/null', '-e', 'inject=fdatasync,fsync:error=EIO:when=2+'],
  );
  assert.equal(code, 0);
  assert.match(stdout, /^[0-9a-f]{16}\nSYNC_FAILED\nSYNC_FAILED\n$/);
  const kept = readdirSync(`${file}.lock`).filter((name) => name.startsWith('owner.'));
  assert.equal(kept.length, 1, 'the lock is kept');
  const queue = openQueue(file);
  await queue.enqueue('email', 4);
  // Whether the second is kept was unknown; the third was never written.
  assert.deepEqual(
    payloads(file).filter((n) => n !== 2),
    [1, 4],
  );
  await queue.close();
  assert.equal(existsSync(`${file}.lock`), false);
});

test('a failed write rejects, and the next one goes in', { skip: NO_STRACE }, async (t) => {
  for (const [error, code] of [
    ['EIO', 'WRITE_FAILED'],
    ['ENOSPC', 'DISK_FULL'],
  ]) {
    const file = join(temporaryFolder(t), 'queue.tsv');
    const { stdout } = await threeJobs(file, `write:error=${error}:when=2`);
    assert.match(stdout, new RegExp(`^[0-9a-f]{16}\\n${code}\\n[0-9a-f]{16}\\n$`));
    assert.deepEqual(payloads(file), [1, 3]);
  }
});

test('a commit is not acknowledged if its write wrote nothing and reported success', {
  skip: NO_STRACE,
}, async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const { code, stdout } = await threeJobs(file, 'write:retval=1000000:when=2');
  assert.equal(code, 0);
  assert.match(stdout, /^([0-9a-f]{16}\n){3}$/, 'the commit looks at what it wrote, and starts over');
  assert.deepEqual(payloads(file), [1, 2, 3]);
});
