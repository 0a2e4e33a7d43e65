/*
 * A path may lead to a file that no other process sees: the file alone is mounted, or its folder was removed. No job
 * may be acknowledged there.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { FileInfo } from '../../lib/file/disk/fs.js';
import { CLI } from '../integration/cli-process.js';
import { rejects } from '../support/errors.js';
import { faultyFs, isAppend } from '../support/faulty-fs.js';
import { temporaryFolder } from '../support/folders.js';
import { HEADER, line, rowsOf, statesOf, writeQueue } from '../support/queue-file.js';
import { openTest } from '../support/queues.js';

const canMount = spawnSync('unshare', ['-m', 'true']).status === 0;
const skip = canMount ? false : 'mounting needs root';

/** Runs commands of a shell in which `queue` is the command, and box/queue.tsv is host/queue.tsv, mounted by itself. */
function inBox(
  t: TestContext,
  script: string,
): { stdout: string; stderr: string; status: number | null; folder: string } {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'host'));
  mkdirSync(join(folder, 'box'));
  writeQueue(join(folder, 'host', 'queue.tsv'), line({}));
  const setUp = `set -e; cd ${folder}; touch box/queue.tsv; mount --bind host/queue.tsv box/queue.tsv
    queue() { ${process.execPath} ${CLI} "$@"; }
    set +e\n`;
  const { stdout, stderr, status } = spawnSync('unshare', ['-m', 'sh', '-c', setUp + script], {
    encoding: 'utf8',
  });
  return { stdout, stderr, status, folder };
}

test('a queue file that is mounted by itself takes no job, and the error says to mount the folder', {
  skip,
}, (t) => {
  const { stdout, stderr, status, folder } = inBox(t, 'queue --file box/queue.tsv add email');
  assert.deepEqual([status, stdout], [1, '']);
  assert.match(stderr, /nothing was written.*box\/queue\.tsv is mounted by itself.*Mount the file's folder/);
  assert.equal(rowsOf(join(folder, 'host', 'queue.tsv')).length, 1);
});

test('a mounted file that was replaced outside takes no job, and can be read', { skip }, (t) => {
  const script = `queue --file host/queue.tsv compact 2>/dev/null
    queue --file box/queue.tsv add email; echo "added: $?"
    queue --file box/queue.tsv list --plain | cut -f 1
    queue --file box/queue.tsv cancel 0000000000000001; echo "cancelled: $?"
    queue --file host/queue.tsv add email >/dev/null; echo "host: $?"`;
  const { stdout, stderr, folder } = inBox(t, script);
  assert.equal(stdout, 'added: 1\n0000000000000001\ncancelled: 1\nhost: 0\n');
  assert.match(stderr, /is in no folder any more/);
  assert.equal(rowsOf(join(folder, 'host', 'queue.tsv')).length, 2);
});

test('doctor and check report a file that is mounted by itself, and a compaction leaves no trace', {
  skip,
}, (t) => {
  const script = `queue --file box/queue.tsv doctor --plain | cut -f 1,4; queue --file box/queue.tsv check
    queue --file box/queue.tsv compact; echo "compacted: $?"; ls box`;
  const { stdout, stderr } = inBox(t, script);
  assert.match(stdout, /^place\t.*is mounted by itself/m);
  assert.match(stdout, /^queue .*: .*is mounted by itself/m);
  assert.match(stdout, /compacted: 1\nqueue\.tsv\n(queue\.tsv\.lock\n)?$/);
  assert.match(stderr, /is mounted by itself/);
});

test('an append to a file that loses its last name before it is acknowledged is refused', async (t) => {
  let isGone = false;
  const { fs } = faultyFs((call, real) => {
    const result = real();
    if (isAppend(call, file)) isGone = true;
    const isOfFile = call.path === file && (call.name === 'stat' || call.name === 'fstat');
    return isGone && isOfFile ? { ...(statOf(result) as FileInfo), nlink: 0 } : result;
  });
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(file);
  const { queue } = openTest(t, { file, fs });
  await rejects(queue.enqueue('email'), 'DETACHED', 'is in no folder any more');
});

/** All of it: what Node gives has its fields elsewhere. */
const statOf = (info: unknown): FileInfo => {
  const { dev, ino, size, mode, uid, gid, mtimeMs, nlink, birthtimeMs } = info as FileInfo;
  return { dev, ino, size, mode, uid, gid, mtimeMs, nlink, birthtimeMs };
};

for (const [what, takeAway] of [
  ['deleted', (folder: string) => rmSync(folder, { recursive: true })],
  ['moved', (folder: string) => renameSync(folder, `${folder}.old`)],
  [
    'replaced by an empty one',
    (folder: string) => {
      renameSync(folder, `${folder}.old`);
      mkdirSync(folder);
    },
  ],
  [
    'deleted and made again',
    (folder: string) => {
      rmSync(folder, { recursive: true });
      mkdirSync(folder);
    },
  ],
] as const) {
  test(`a process does not make a queue again whose folder was ${what}`, async (t) => {
    const file = join(temporaryFolder(t), 'data', 'queue.tsv');
    const { queue } = openTest(t, { file });
    await queue.enqueue('email');
    takeAway(dirname(file));
    for (const change of [
      () => queue.enqueue('email'),
      () => queue.enqueueMany([{ type: 'email' }, { type: 'email' }]),
    ])
      await rejects(change(), 'DETACHED', dirname(file), 'restart this process');
    assert.equal(existsSync(file), false);
    // Another process begins a queue there, and then this one works in it.
    await openTest(t, { file }).queue.enqueue('report');
    await queue.enqueue('email');
    assert.equal(statesOf(file).length, 2);
  });
}

test('a folder that comes back has its queue, and takes jobs', async (t) => {
  const file = join(temporaryFolder(t), 'data', 'queue.tsv');
  const { queue } = openTest(t, { file });
  await queue.enqueue('email');
  renameSync(dirname(file), `${dirname(file)}.old`);
  await rejects(queue.enqueue('email'), 'DETACHED');
  renameSync(`${dirname(file)}.old`, dirname(file));
  await queue.enqueue('email');
  assert.equal(rowsOf(file).length, 2);
});

test('a file that was deleted in a folder that stays is made again', async (t) => {
  const file = join(temporaryFolder(t), 'data', 'queue.tsv');
  const { queue } = openTest(t, { file });
  await queue.enqueue('email');
  rmSync(file);
  await queue.enqueue('email');
  assert.equal(rowsOf(file).length, 1);
});

test('a rename leaves a mounted file as it was', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(file, line({}));
  const before = readFileSync(file);
  const { fs } = faultyFs((call, real) => {
    if (call.name === 'rename') throw Object.assign(new Error('EBUSY'), { code: 'EBUSY' });
    return real();
  });
  const { queue } = openTest(t, { file, fs });
  await rejects(queue.compact(), 'DETACHED', 'mounted by itself');
  assert.deepEqual(readFileSync(file), before);
});

test('doctor and check report an empty file that is mounted by itself, and a file of a later format', {
  skip,
}, (t) => {
  const script = `: > host/queue.tsv; queue --file box/queue.tsv doctor --plain | cut -f 1,4; queue --file box/queue.tsv check
    printf '%s\\n# tsvq format 3\\n' '${HEADER.split('\n')[0]}' > host/queue.tsv
    queue --file host/queue.tsv doctor --plain | cut -f 1,4; queue --file host/queue.tsv check`;
  const { stdout } = inBox(t, script);
  assert.equal(stdout.match(/^place\t.*is mounted by itself/gm)?.length, 1, stdout);
  assert.equal(stdout.match(/^queue .*is mounted by itself/gm)?.length, 1, stdout);
  assert.equal(stdout.match(/^place\t.*has format 3 /gm)?.length, 1, stdout);
  assert.equal(stdout.match(/^queue .*has format 3 /gm)?.length, 1, stdout);
});

test('a file that a compaction replaces between open and check is not taken for a detached one', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(file, line({}));
  let isReplaced = false;
  const { fs } = faultyFs((call, real) => {
    const result = real();
    if (call.name === 'open' && call.path === file && !isReplaced) {
      isReplaced = true;
      writeFileSync(`${file}.new`, readFileSync(file));
      renameSync(`${file}.new`, file);
    }
    return result;
  });
  const { queue } = openTest(t, { file, fs });
  await queue.enqueue('email');
  assert.equal(rowsOf(file).length, 2);
});
