import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LockFiles } from '../../../../lib/file/disk/ownership.js';
import { RewriteNotice } from '../../../../lib/file/lock/rewrite-notice.js';
import { type Fault, faultyFs, systemError } from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';

/*
 * A holder of the lock says that it rewrites the file, so that no process appends meanwhile.
 */

function makeRewriting(t: TestContext, inject?: Fault) {
  const queue = join(temporaryFolder(t), 'queue.tsv');
  const lock = `${queue}.lock`;
  mkdirSync(lock);
  const { fs, calls } = faultyFs(inject);
  return {
    lock,
    path: join(lock, 'rewriting'),
    calls,
    rewriting: new RewriteNotice(fs, lock, new LockFiles(fs, queue)),
    another: () => new RewriteNotice(fs, lock, new LockFiles(fs, queue)),
  };
}

test('the notice is a directory with a token, is there during the rewrite, and leaves nothing', (t) => {
  const { lock, path, calls, rewriting, another } = makeRewriting(t);
  const other = another();
  assert.equal(other.isActive, false);
  assert.deepEqual(other.tokens(), []);
  rewriting.begin('owner.a');
  assert.equal(other.isActive, true);
  assert.deepEqual(other.tokens(), ['owner.a']);
  assert.deepEqual(readdirSync(path), ['owner.a']);
  // Once is enough.
  const before = calls.length;
  rewriting.begin('owner.a');
  assert.equal(calls.length, before);
  other.end();
  assert.deepEqual(other.tokens(), ['owner.a'], 'who has not said it has nothing to take back');
  rewriting.end();
  assert.equal(other.isActive, false);
  assert.deepEqual(readdirSync(lock), []);
  rewriting.begin('owner.b');
  assert.deepEqual(readdirSync(path), ['owner.b']);
});

test('a suspended holder leaves the notice of the process that took the lock over', (t) => {
  const { path, rewriting, another } = makeRewriting(t);
  const other = another();
  rewriting.begin('owner.a');
  other.clear(['owner.a', 'owner.who-never-said-it']);
  other.begin('owner.b');
  rewriting.end();
  assert.deepEqual(readdirSync(path), ['owner.b']);
});

test('an empty directory that a dead holder left is removed by the next look at the tokens', (t) => {
  const { path, rewriting } = makeRewriting(t);
  mkdirSync(path);
  assert.equal(rewriting.isActive, true);
  assert.deepEqual(rewriting.tokens(), []);
  assert.equal(rewriting.isActive, false);
});

test('a directory that appears or vanishes between two steps does no harm', (t) => {
  let removals = 0;
  const gone = makeRewriting(t, ({ name, path }, real) => {
    if (name === 'open' && path.endsWith('owner.a') && removals++ === 0)
      rmSync(gone.path, { recursive: true });
    return real();
  });
  gone.rewriting.begin('owner.a');
  assert.equal(removals, 2);
  assert.deepEqual(readdirSync(gone.path), ['owner.a']);

  const there = makeRewriting(t, ({ name, path }, real) => {
    if (name === 'mkdir') mkdirSync(path);
    return real();
  });
  there.rewriting.begin('owner.a');
  assert.deepEqual(readdirSync(there.path), ['owner.a']);

  const vanishing = makeRewriting(t, ({ name }, real) => {
    if (name === 'readdir') rmSync(vanishing.path, { recursive: true });
    return real();
  });
  vanishing.rewriting.begin('owner.a');
  assert.deepEqual(vanishing.rewriting.tokens(), []);
});

test('the file is not rewritten if the lock is gone', (t) => {
  const { lock, rewriting } = makeRewriting(t);
  rmSync(lock, { recursive: true });
  assert.throws(() => rewriting.begin('owner.a'), {
    code: 'WRITE_FAILED',
    message: /^another process took the lock over before .* could be made; nothing was written$/,
  });
  assert.equal(existsSync(lock), false);
});

test('an error of the system names the path', (t) => {
  for (const [refused, code, told] of [
    ['mkdir', 'ENOSPC', 'DISK_FULL'],
    ['open', 'EACCES', 'NO_ACCESS'],
    ['readdir', 'EACCES', 'NO_ACCESS'],
    ['unlink', 'EIO', 'WRITE_FAILED'],
  ] as const) {
    const { path, rewriting } = makeRewriting(t, ({ name }, real) => {
      if (name === refused) throw systemError(code);
      return real();
    });
    assert.throws(
      () => {
        rewriting.begin('owner.a');
        rewriting.tokens();
        rewriting.end();
      },
      (error: Error & { code: string }) => error.code === told && error.message.includes(path),
      refused,
    );
  }
});

test('a file in place of the notice is an error, and stays', (t) => {
  const { path, rewriting } = makeRewriting(t);
  writeFileSync(path, 'x');
  assert.throws(() => rewriting.begin('owner.a'), { code: 'NO_ACCESS' });
  rewriting.end();
  assert.ok(existsSync(path));
});
