import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
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
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  HEADER,
  jobId,
  line,
  openTest,
  rejects,
  rowsOf,
  runScript,
  startScript,
  statesOf,
  temporaryFolder,
  text,
  UNPRIVILEGED,
  writeQueue,
} from '../../helpers.js';

// ---- symlinks ----

test('a symlinked queue file is followed: lock, new file, archive and tick stand beside the real one', async (t) => {
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

test('by the link and by the real path it is one queue with one lock', async (t) => {
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

test('a link that leads round in a circle is an error of ours', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'a.tsv');
  symlinkSync('b.tsv', file);
  symlinkSync('a.tsv', join(folder, 'b.tsv'));
  const { queue } = openTest(t, { file });
  for (const call of [
    () => queue.enqueue('email', {}),
    () => queue.getJob('x'),
    () => queue.processJobs({}),
  ]) {
    const error = await call().then(assert.fail, (reason) => reason);
    assert.equal(error.name, 'TsvqError', String(error));
    assert.ok(error.message.includes(file), error.message);
  }
});

// ---- modes ----

test('files are made for owner and group, less the umask', async (t) => {
  const folder = temporaryFolder(t);
  for (const umask of [0o022, 0o077, 0o002]) {
    const file = join(folder, `queue-${umask}.tsv`);
    const printed = await runScript(
      t,
      `import { statSync } from 'node:fs';
      import { openQueue } from 'lib/index.ts';
      process.umask(${umask});
      const queue = openQueue(${JSON.stringify(file)}, { retention: 0 });
      await queue.enqueue('email', {});
      const made = statSync(queue.file).mode;
      await queue.processJobs({ email: () => {} });
      await new Promise((resolve) => setTimeout(resolve, 5));
      await queue.compact();
      const month = new Date().toISOString().slice(0, 7);
      const paths = ['', '.tick'].map((end) => queue.file + end);
      paths.push(queue.file.replace(/queue-(\\d+)\\.tsv$/, 'archive/queue-$1-' + month + '.tsv'));
      console.log([made, ...paths.map((path) => statSync(path).mode)].map((mode) => (mode & 0o777).toString(8)).join());`,
    );
    const mode = (0o660 & ~umask).toString(8);
    assert.equal(printed, `${[mode, mode, mode, mode].join()}\n`);
  }
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

// ---- what is not allowed ----

/** Does something as a user for whom permissions count; undefined where that can't be arranged. */
async function unprivileged(t: TestContext, script: string): Promise<string | undefined> {
  if (UNPRIVILEGED === undefined) return runScript(t, script);
  // The repository itself may be out of reach for others.
  const probe = await startScript(t, "await import('lib/index.ts');", { uid: UNPRIVILEGED }).ended;
  if (probe.code !== 0) return undefined;
  return runScript(t, script, { uid: UNPRIVILEGED });
}

const errorOf = (call: string, file: string): string =>
  `import { openQueue } from 'lib/index.ts';
  const queue = openQueue(${JSON.stringify(file)});
  const error = await ${call}.then((value) => ({ code: 'none', message: JSON.stringify(value) }), (reason) => reason);
  console.log(error.code + ' ' + error.message);`;

test('a folder without write permission is an error that names it', async (t) => {
  const folder = temporaryFolder(t);
  chmodSync(folder, 0o555);
  const printed = await unprivileged(t, errorOf("queue.enqueue('email', {})", join(folder, 'queue.tsv')));
  chmodSync(folder, 0o755);
  if (printed === undefined) return t.skip('no other user can read the repository');
  assert.match(printed, /^NO_ACCESS /);
  assert.ok(printed.includes(folder), printed);
  assert.match(printed, /permission|owner|mode/);
  assert.deepEqual(readdirSync(folder), []);
});

test('a folder that can not even be entered is one as well', async (t) => {
  const folder = temporaryFolder(t);
  chmodSync(folder, 0o000);
  const file = join(folder, 'queue.tsv');
  const enqueued = await unprivileged(t, errorOf("queue.enqueue('email', {})", file));
  const looked = await unprivileged(t, errorOf("queue.getJob('x')", file));
  chmodSync(folder, 0o755);
  if (enqueued === undefined || looked === undefined) return t.skip('no other user can read the repository');
  for (const printed of [enqueued, looked]) {
    assert.match(printed, /^NO_ACCESS /);
    assert.ok(printed.includes(folder), printed);
  }
});

test('a missing folder where none may be made is an error that names it', async (t) => {
  const folder = temporaryFolder(t);
  chmodSync(folder, 0o555);
  const printed = await unprivileged(
    t,
    errorOf("queue.enqueue('email', {})", join(folder, 'data', 'queue.tsv')),
  );
  chmodSync(folder, 0o755);
  if (printed === undefined) return t.skip('no other user can read the repository');
  assert.match(printed, /^NO_ACCESS /);
  assert.ok(printed.includes(join(folder, 'data')), printed);
});

test('who may only read may look, and learns why the rest is refused', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'queue.tsv');
  writeQueue(file, line({ id: jobId(1) }));
  chmodSync(file, 0o444);
  chmodSync(folder, 0o555);
  const printed = await unprivileged(
    t,
    `import { openQueue } from 'lib/index.ts';
    const queue = openQueue(${JSON.stringify(file)});
    console.log((await queue.getJob('${jobId(1)}')).status, (await queue.listJobs()).length, (await queue.stats()).pending);
    for (const call of [queue.enqueue('email', {}), queue.cancelJob('${jobId(1)}'), queue.compact()]) {
      console.log(await call.then(() => 'done', ({ code, message }) => code + ' ' + message.includes(${JSON.stringify(folder)})));
    }`,
  );
  chmodSync(folder, 0o755);
  if (printed === undefined) return t.skip('no other user can read the repository');
  assert.equal(printed, 'pending 1 1\nNO_ACCESS true\nNO_ACCESS true\nNO_ACCESS true\n');
  assert.equal(rowsOf(file).length, 1);
});

test('a file that may not be read is an error that names it', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'queue.tsv');
  writeQueue(file, line({ id: jobId(1) }));
  if (UNPRIVILEGED !== undefined) chownSync(folder, UNPRIVILEGED, UNPRIVILEGED);
  chmodSync(file, 0o000);
  const results: (string | undefined)[] = [];
  for (const call of ["queue.getJob('x')", "queue.enqueue('email', {})", 'queue.stats()']) {
    results.push(await unprivileged(t, errorOf(call, file)));
  }
  chmodSync(file, 0o644);
  if (results.includes(undefined)) return t.skip('no other user can read the repository');
  for (const printed of results) {
    assert.match(printed as string, /^NO_ACCESS /);
    assert.ok(printed?.includes(file), printed);
  }
  assert.equal(existsSync(`${file}.lock`), false);
});

test('a queue that is shared by its group goes on being so after a compaction by another user', async (t) => {
  if (UNPRIVILEGED === undefined) return t.skip('takes root, to be two users');
  const folder = temporaryFolder(t);
  const file = join(folder, 'queue.tsv');
  writeQueue(file, line({ id: jobId(1) }));
  chownSync(file, 1234, UNPRIVILEGED);
  chmodSync(file, 0o660);
  chownSync(folder, 1234, UNPRIVILEGED);
  chmodSync(folder, 0o2770);
  const printed = await unprivileged(
    t,
    `import { openQueue } from 'lib/index.ts';
    const queue = openQueue(${JSON.stringify(file)});
    await queue.cancelJob('${jobId(1)}');
    console.log((await queue.compact()).kept);`,
  );
  if (printed === undefined) return t.skip('no other user can read the repository');
  const { mode, gid } = statSync(file);
  assert.deepEqual([printed, mode & 0o777, gid], ['1\n', 0o660, UNPRIVILEGED]);
});

// ---- what is no file ----

test('a folder in the place of the file is refused by every call', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  mkdirSync(file);
  const { queue } = openTest(t, { file });
  for (const call of [
    () => queue.enqueue('email', {}),
    () => queue.getJob('x'),
    () => queue.listJobs(),
    () => queue.cancelJob('x'),
    () => queue.stats(),
    () => queue.compact(),
    () => queue.processJobs({}),
  ]) {
    await rejects(call(), 'NOT_A_QUEUE', file, 'directory');
  }
  assert.deepEqual(readdirSync(file), []);
});

test('a file in the place of the folder is an error that names it', async (t) => {
  const folder = join(temporaryFolder(t), 'data');
  writeFileSync(folder, 'a file');
  const { queue } = openTest(t, { file: join(folder, 'queue.tsv') });
  const error = await queue.enqueue('email', {}).then(assert.fail, (reason) => reason);
  assert.equal(error.name, 'TsvqError');
  assert.ok(error.message.includes(folder), error.message);
  assert.equal(text(folder), 'a file');
  assert.equal(await queue.getJob('x'), undefined);
});

test('a pipe or a device is no file: it is neither waited for nor replaced', async (t) => {
  const pipe = join(temporaryFolder(t), 'queue.tsv');
  execFileSync('mkfifo', [pipe]);
  const { code, stdout } = await startScript(t, errorOf("queue.enqueue('email', {})", pipe), {
    timeout: 10_000,
  }).ended;
  // Whoever waits at the other end would otherwise keep the test's process.
  const { isFIFO } = { isFIFO: lstatSync(pipe).isFIFO() };
  unlinkSync(pipe);
  assert.deepEqual([code, stdout.split(' ')[0], isFIFO], [0, 'NOT_A_QUEUE', true]);
});

test('an empty file is a queue to be', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeFileSync(file, '');
  const { queue } = openTest(t, { file });
  const id = await queue.enqueue('email', {});
  assert.equal(text(file).split('\n')[0], HEADER);
  assert.deepEqual(statesOf(file), [`${id} pending`]);
});

test('a name without an ending, with spaces or beyond ASCII is one like any other', async (t) => {
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
