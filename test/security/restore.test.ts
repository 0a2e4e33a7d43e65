import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openQueue } from 'tsvq';
import { CLI } from '../integration/cli-process.js';
import { bareEnvironment } from '../support/processes.js';
import { statesOf, text } from '../support/queue-file.js';

/*
 * Root backs up a queue of another user, and puts the backup back as docs/operations.md says. Nothing of root's may be
 * left, and the mode that an operator has set stays.
 */

const APP = 61_001;
const GROUP = 61_100;
const MODE = 0o620;

const skip = process.getuid?.() === 0 ? false : 'only root can be other users';

/** A queue of the app's user with two jobs, and a folder for backups that only root may enter. */
async function lay(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'tsvq-restore-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  const data = join(folder, 'data');
  const file = join(data, 'queue.tsv');
  const copy = join(folder, 'backup', 'queue.tsv');
  for (const [path, mode] of [
    [data, 0o770],
    [join(folder, 'backup'), 0o700],
  ] as const)
    mkdirSync(path, { mode });
  chownSync(data, APP, GROUP);
  const queue = openQueue(file, { anyFileSystem: true });
  const ids = await queue.enqueueMany([{ type: 'a' }, { type: 'b' }]);
  await queue.pause('b');
  await queue.close();
  chmodSync(file, MODE);
  const root = (...args: string[]): string =>
    execFileSync(process.execPath, [CLI, ...args], {
      encoding: 'utf8',
      env: { ...bareEnvironment, QUEUE_FILE: file, COPY: copy, DATA: data },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const shell = (command: string): string =>
    execFileSync('sh', ['-c', command], {
      encoding: 'utf8',
      env: { ...bareEnvironment, COPY: copy, DATA: data },
    });
  return { data, file, copy, ids, root, shell };
}

const ownerOf = (path: string): string => {
  const { uid, gid } = lstatSync(path);
  return `${uid}:${gid}`;
};

/** Nothing in the queue's folder is anybody else's. */
function assertOwn(data: string): void {
  for (const name of readdirSync(data, { recursive: true, encoding: 'utf8' }))
    assert.equal(ownerOf(join(data, name)), `${APP}:${GROUP}`, name);
}

test("a copy has the queue's owner and mode, and gives them back under the lock", { skip }, async (t) => {
  const { data, file, copy, ids, root } = await lay(t);
  root('backup', copy);
  for (const path of [copy, `${copy}.paused`]) assert.equal(ownerOf(path), `${APP}:${GROUP}`);
  assert.equal(statSync(copy).mode & 0o777, MODE);
  root('cancel', ids[0] as string);
  root('lock', '--', 'sh', '-c', 'cp -p "$COPY" "$QUEUE_FILE.new" && mv "$QUEUE_FILE.new" "$QUEUE_FILE"');
  assert.deepEqual(
    statesOf(file),
    ids.map((id) => `${id} pending`),
  );
  assertOwn(data);
  assert.equal(statSync(file).mode & 0o777, MODE);
  assert.equal(root('doctor'), 'ok\n');
});

test('a lost queue comes back from a copy, with its owner, mode and pauses', { skip }, async (t) => {
  const { data, file, copy, ids, root, shell } = await lay(t);
  root('backup', copy);
  const paused = text(`${file}.paused`);
  for (const name of readdirSync(data)) rmSync(join(data, name), { recursive: true });
  shell('rm -rf "$DATA/queue.tsv.lock"; cp -p "$COPY" "$COPY.paused" "$DATA/"');
  assert.deepEqual(
    statesOf(file),
    ids.map((id) => `${id} pending`),
  );
  assert.equal(text(`${file}.paused`), paused);
  assertOwn(data);
  assert.equal(statSync(file).mode & 0o777, MODE);
  assert.equal(root('doctor'), 'ok\n');
  root('add', 'more');
  assertOwn(data);
});

test('a backup of another user than the owner is refused before anything is written, if it may not lock', {
  skip,
}, async (t) => {
  const { file, copy } = await lay(t);
  chmodSync(join(copy, '..'), 0o777);
  assert.throws(() =>
    execFileSync(process.execPath, [CLI, 'backup', copy], {
      uid: APP + 1,
      gid: APP + 1,
      cwd: '/',
      env: { ...bareEnvironment, QUEUE_FILE: file },
      stdio: 'ignore',
    }),
  );
  assert.deepEqual(readdirSync(join(copy, '..')), []);
});
