import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { TsvqError } from '../../../lib/job/errors.js';
import { root, temporaryFolder } from '../../support/folders.js';
import { runScript, UNPRIVILEGED } from '../../support/processes.js';
import { jobId, line, rowsOf, statesOf, writeQueue } from '../../support/queue-file.js';
import { openTest } from '../../support/queues.js';

test('a symlinked queue file is followed: lock, new file, archive and tick stand next to the real one', async (t) => {
  const real = join(temporaryFolder(t), 'real.tsv');
  const link = join(temporaryFolder(t), 'link.tsv');
  writeQueue(
    real,
    line({ id: jobId(1), status: 'completed', version: 3, finished_at: 1_860_000_000 }),
    line({ id: jobId(2) }),
  );
  symlinkSync(real, link);
  const { queue, clock } = openTest(t, { file: link });
  assert.equal(queue.file, link);
  const locks: string[][] = [];
  const look = (): void => void locks.push([real, link].map((path) => `${path}.lock`).filter(existsSync));
  await queue.processJobs({ email: () => look() });
  clock.advance(1000);
  await queue.compact();
  assert.ok(lstatSync(link).isSymbolicLink(), 'the link is still one');
  assert.equal(realpathSync(link), real);
  assert.deepEqual(statesOf(real), [`${jobId(2)} completed`]);
  assert.deepEqual(readdirSync(dirname(link)), ['link.tsv']);
  assert.deepEqual(readdirSync(join(dirname(real), 'archive')), ['real-2028-12.tsv']);
  assert.ok(readdirSync(dirname(real)).includes('real.tsv.tick'));
  assert.equal((await queue.getJob(jobId(1), { archive: true }))?.status, 'completed');
});

test('a link and the real path lead to one queue with one lock', async (t) => {
  const real = join(temporaryFolder(t), 'real.tsv');
  const link = join(temporaryFolder(t), 'link.tsv');
  writeQueue(real);
  symlinkSync(real, link);
  const a = openTest(t, { file: real });
  const b = openTest(t, { file: link });
  assert.equal(a.store.lock.path, b.store.lock.path);
  const ids = await Promise.all(
    Array.from({ length: 40 }, (_, n) => (n % 2 ? a : b).queue.enqueue('email', n)),
  );
  assert.deepEqual(new Set((await b.queue.listJobs()).map(({ id }) => id)), new Set(ids));
  assert.equal(rowsOf(real).length, 40);
});

test('links to links, relative ones, and a link to a file that is still to be made are followed', async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'data'));
  symlinkSync('data/queue.tsv', join(folder, 'one.tsv'));
  symlinkSync('../one.tsv', join(folder, 'data', 'two.tsv'));
  const { queue } = openTest(t, { file: join(folder, 'data', 'two.tsv') });
  const id = await queue.enqueue('email', {});
  assert.deepEqual(statesOf(join(folder, 'data', 'queue.tsv')), [`${id} pending`]);
  assert.deepEqual(readdirSync(join(folder, 'data')).sort(), ['queue.tsv', 'two.tsv']);
  assert.ok(lstatSync(join(folder, 'one.tsv')).isSymbolicLink());
  assert.equal((await queue.processJobs({ email: () => {} })).completed, 1);
});

test('a symlinked folder is one place under two names', async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'real'));
  symlinkSync('real', join(folder, 'link'));
  const a = openTest(t, { file: join(folder, 'link', 'queue.tsv') });
  const b = openTest(t, { file: join(folder, 'real', 'queue.tsv') });
  await Promise.all([a.queue.enqueue('email', 1), b.queue.enqueue('email', 2), a.queue.enqueue('email', 3)]);
  assert.equal((await b.queue.listJobs()).length, 3);
  assert.equal(a.store.lock.path, b.store.lock.path);
});

test('a link that leads in a circle is a TsvqError', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'a.tsv');
  symlinkSync('b.tsv', file);
  symlinkSync('a.tsv', join(folder, 'b.tsv'));
  const { queue } = openTest(t, { file });
  for (const call of [queue.enqueue('email', {}), queue.getJob('x'), queue.processJobs({})]) {
    const error: unknown = await call.then(
      () => undefined,
      (reason) => reason,
    );
    assert.ok(error instanceof TsvqError && error.message.includes(file), String(error));
  }
});

test('files are made for owner and group, less the umask', async (t) => {
  const folder = temporaryFolder(t);
  const printed = await runScript(
    t,
    `import { statSync } from 'node:fs';
    import { openQueue } from 'lib/index.js';
    for (const umask of [0o022, 0o077, 0o002]) {
      process.umask(umask);
      const queue = openQueue('${folder}/' + umask + '.tsv', { retention: 0 });
      await queue.enqueue('email', {});
      const made = statSync(queue.file).mode;
      await queue.processJobs({ email: () => {} });
      await new Promise((resolve) => setTimeout(resolve, 5));
      await queue.compact();
      const archived = '${folder}/archive/' + umask + '-' + new Date().toISOString().slice(0, 7) + '.tsv';
      const modes = [made, ...[queue.file, queue.file + '.tick', archived].map((path) => statSync(path).mode)];
      console.log(modes.map((mode) => (mode & 0o777).toString(8)).join());
    }`,
  );
  assert.equal(printed, '640,640,640,640\n600,600,600,600\n660,660,660,660\n');
});

test('a folder that is missing is made, with all above it', async (t) => {
  const file = join(temporaryFolder(t), 'a', 'b', 'queue.tsv');
  const { queue } = openTest(t, { file });
  const id = await queue.enqueue('email', {});
  assert.deepEqual(statesOf(file), [`${id} pending`]);
});

test('two processes that make the first file at the same moment lose no job', async (t) => {
  const file = join(temporaryFolder(t), 'data', 'queue.tsv');
  const handles = [1, 2, 3, 4].map(() => openTest(t, { file }).queue);
  const ids = await Promise.all(handles.map((queue, n) => queue.enqueue('email', n)));
  assert.deepEqual(new Set(statesOf(file)), new Set(ids.map((id) => `${id} pending`)));
});

/** Whether other users can read the repository, and so run what is in it. */
function isReadableByOthers(): boolean {
  for (let folder = root; folder !== dirname(folder); folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o005) !== 0o005) return false;
  }
  return true;
}

test('a user without permission gets an error that names the path', async (t) => {
  if (UNPRIVILEGED !== undefined && !isReadableByOthers()) return t.skip('only root can read the repository');
  const folder = temporaryFolder(t);
  chmodSync(folder, 0o755);
  const folders: string[] = [];
  /** A folder, in it perhaps a queue, each with its mode. */
  const make = (name: string, mode: number, fileMode?: number): string => {
    const file = join(folder, name, 'queue.tsv');
    mkdirSync(dirname(file));
    if (fileMode !== undefined) {
      writeQueue(file, line({ id: jobId(1) }));
      chmodSync(file, fileMode);
    }
    if (UNPRIVILEGED !== undefined) chownSync(dirname(file), UNPRIVILEGED, UNPRIVILEGED);
    chmodSync(dirname(file), mode);
    folders.push(dirname(file));
    return file;
  };
  const readOnly = make('read-only', 0o555);
  const closed = make('closed', 0o000);
  const secret = make('secret', 0o755, 0o000);
  const toRead = make('to-read', 0o555, 0o444);
  const shared = make('shared', 0o2770, 0o660);
  if (UNPRIVILEGED !== undefined) chownSync(shared, 1234, UNPRIVILEGED);

  const calls = {
    add: [readOnly, "enqueue('email', {})"],
    below: [join(readOnly, '..', 'data', 'queue.tsv'), "enqueue('email', {})"],
    addClosed: [closed, "enqueue('email', {})"],
    lookClosed: [closed, "getJob('x')"],
    addSecret: [secret, "enqueue('email', {})"],
    lookSecret: [secret, "getJob('x')"],
    statsSecret: [secret, 'stats()'],
    look: [toRead, `getJob('${jobId(1)}')`],
    list: [toRead, 'listJobs()'],
    addToRead: [toRead, "enqueue('email', {})"],
    cancelToRead: [toRead, `cancelJob('${jobId(1)}')`],
    compactToRead: [toRead, 'compact()'],
    cancelShared: [shared, `cancelJob('${jobId(1)}')`],
    compactShared: [shared, 'compact()'],
  } as const;
  const printed = await runScript(
    t,
    `import { openQueue } from 'lib/index.js';
    const said = {};
    ${Object.entries(calls)
      .map(
        ([name, [file, call]]) =>
          `said.${name} = await openQueue(${JSON.stringify(file)}).${call}.then(
            (value) => 'done ' + JSON.stringify(value), (error) => error.code + ' ' + error.name + ': ' + error.message);`,
      )
      .join('\n')}
    console.log(JSON.stringify(said));`,
    UNPRIVILEGED === undefined ? {} : { uid: UNPRIVILEGED },
  );
  // Whoever cleans up has to get in again.
  for (const one of folders) chmodSync(one, 0o755);
  const said = JSON.parse(printed) as Record<keyof typeof calls, string>;
  const refused = (name: keyof typeof calls, path: string): void => {
    assert.match(said[name], /^NO_ACCESS TsvqError/);
    assert.ok(said[name].includes(path), said[name]);
  };

  await t.test('a folder without write permission is an error that names it, and says what to check', () => {
    refused('add', dirname(readOnly));
    assert.match(said.add, /permission.*(owner|mode)/);
    assert.deepEqual(readdirSync(dirname(readOnly)), []);
  });
  await t.test('a missing folder that may not be made is an error that names it', () => {
    refused('below', join(dirname(readOnly), 'data'));
  });
  await t.test('a folder that can not be entered is an error that names it', () => {
    refused('addClosed', dirname(closed));
    refused('lookClosed', dirname(closed));
  });
  await t.test('a file that may not be read is an error that names it', () => {
    for (const name of ['addSecret', 'lookSecret', 'statsSecret'] as const) refused(name, secret);
    assert.equal(existsSync(`${secret}.lock`), false);
  });
  await t.test('a user that may only read can look at jobs', () => {
    assert.match(said.look, /^done .*"status":"pending"/);
    assert.match(said.list, /^done \[\{.*\}\]$/);
    for (const name of ['addToRead', 'cancelToRead', 'compactToRead'] as const)
      refused(name, dirname(toRead));
    assert.equal(rowsOf(toRead).length, 1);
  });
  await t.test('a queue that a group shares stays shared after one of its users compacts it', () => {
    assert.deepEqual([said.cancelShared, said.compactShared.slice(0, 14)], ['done true', 'done {"kept":1']);
    const { mode, gid } = statSync(shared);
    assert.equal(mode & 0o777, 0o660);
    if (UNPRIVILEGED !== undefined) assert.equal(gid, UNPRIVILEGED);
  });
});

test('a name without an ending, with spaces or beyond ASCII works like any other', async (t) => {
  for (const name of ['queue', 'my jobs.tsv', 'größe.tsv', '.hidden.tsv', '-rf.tsv']) {
    const { queue, clock, file } = openTest(t, { file: join(temporaryFolder(t), name) });
    const id = await queue.enqueue('email', {});
    await queue.processJobs({ email: () => 1 });
    clock.advance(9 * 24 * 3_600_000);
    await queue.compact();
    assert.equal((await queue.getJob(id, { archive: true }))?.result, 1, name);
    assert.deepEqual(statesOf(file), []);
  }
});
