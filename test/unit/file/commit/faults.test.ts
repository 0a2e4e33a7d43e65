import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { systemFs } from '../../../../lib/file/disk/fs.js';
import { systemProcesses } from '../../../../lib/file/lock/process-id.js';
import { rejects } from '../../../support/errors.js';
import {
  bytesOf,
  type Call,
  type Fault,
  faultyFs,
  isAppend,
  systemError,
} from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';
import { jobId, line, linesOf, rowsOf, statesOf, text, writeQueue } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

const tokens = (file: string): string[] =>
  existsSync(`${file}.lock`) ? readdirSync(`${file}.lock`).filter((name) => name.startsWith('owner.')) : [];

/** Jobs whose rows are of equal length. */
const jobs = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ type: 'email', payload: 100 + n }));

/** Writes only the first bytes of an append, and says so; whole ones from then on. */
function shortOnce(file: string, bytes: (all: Buffer) => number): Fault {
  let done = false;
  return (call, real) => {
    if (done || !isAppend(call, file)) return real();
    done = true;
    const all = bytesOf(call);
    const count = systemFs.writeSync(call.args[0] as number, all.subarray(0, bytes(all)), null);
    return call.name === 'write' ? Promise.resolve(count) : count;
  };
}

/** Fails these calls; `times` over if it is given. */
function failing(which: (call: Call) => boolean, code = 'EIO', times = Number.POSITIVE_INFINITY): Fault {
  let left = times;
  return (call, real) => {
    if (left <= 0 || !which(call)) return real();
    left--;
    const error = systemError(code);
    if (call.name === 'fdatasync' || call.name === 'fsync' || call.name === 'write' || call.name === 'read')
      return Promise.reject(error);
    throw error;
  };
}

const isDataSync = ({ name }: Call): boolean => name === 'fdatasync';
const isFolderSync =
  (folder: string) =>
  ({ name, path }: Call): boolean =>
    name === 'fsync' && path === folder;

/** Leaves the token of somebody who died in a commit. */
function leaveDeadToken(file: string): string {
  mkdirSync(`${file}.lock`, { recursive: true });
  const [host, boot, namespace] = systemProcesses.self().split('.');
  const token = `owner.${host}.${boot}.${namespace}.4194305.1.aa`;
  writeFileSync(join(`${file}.lock`, token), '');
  return token;
}

// ---- writes ----

test('a short write is a shorter commit: what is missing goes into the next, and all is in once', async (t) => {
  for (const [name, count] of [
    ['in the midst of a row', (all: Buffer) => Math.floor(all.length * 0.5)],
    ['between two rows', (all: Buffer) => (all.length / 5) * 2],
    ['before its last LF', (all: Buffer) => all.length - 1],
    ['after its first byte', () => 1],
    ['before its first byte', () => 0],
  ] as const) {
    const { fs, fault } = faultyFs();
    const { queue, file } = openTest(t, { fs });
    const before = await queue.enqueue('email', 99);
    fault.do = shortOnce(file, count);
    const ids = await queue.enqueueMany(jobs(5));
    assert.deepEqual(
      (await queue.listJobs()).map(({ id, payload }) => [id, payload]),
      [[before, 99], ...ids.map((id, n) => [id, 100 + n])],
      name,
    );
    assert.deepEqual(tokens(file), []);
  }
});

for (const [what, longest] of [
  ['where the disk is full, the first rows are acknowledged and the others are not', 20],
  ['a disk so full that not even a cut row can be closed: what was written whole is told all the same', 0],
] as const) {
  test(what, async (t) => {
    const { fs, fault } = faultyFs();
    const { queue, file } = openTest(t, { fs });
    await queue.enqueue('email', 99);
    const short = shortOnce(file, (all) => Math.floor(all.length * 0.5));
    let appends = 0;
    fault.do = (call, real) => {
      // What closes a cut row is shorter than any row.
      if (isAppend(call, file) && bytesOf(call).length > longest && ++appends > 1)
        throw systemError('ENOSPC');
      return short(call, real);
    };
    const error = await rejects(queue.enqueueMany(jobs(5)), 'DISK_FULL', 'ENOSPC', 'free some space');
    assert.match(error.message, /2 of the jobs of this call are in the file/);
    assert.equal(error.written.length, 2);
    const seen = async () => (await queue.listJobs()).map(({ id, payload }) => [id, payload]).slice(1);
    const written = error.written.map((id, n) => [id, 100 + n]);
    assert.deepEqual(await seen(), written);

    fault.do = undefined;
    const id = await queue.enqueue('email', 5);
    assert.deepEqual(await seen(), [...written, [id, 5]]);
    assert.deepEqual(tokens(file), []);
  });
}

test('an error about the disk names the file', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  await queue.enqueue('email', 1);
  for (const [code, ours] of [
    ['ENOSPC', 'DISK_FULL'],
    ['EDQUOT', 'DISK_FULL'],
    ['EFBIG', 'DISK_FULL'],
    ['EIO', 'WRITE_FAILED'],
    ['EROFS', 'NO_ACCESS'],
  ] as const) {
    fault.do = failing((call) => isAppend(call, file), code);
    const error = await rejects(queue.enqueue('email', 2), ours, code, file);
    assert.deepEqual(error.written, []);
    assert.equal((error.cause as NodeJS.ErrnoException).code, code);
  }
  fault.do = undefined;
  assert.equal((await queue.listJobs()).length, 1);
});

test('of calls made together each learns what became of its own', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  const waiting = await queue.enqueue('email', 99);
  const short = shortOnce(file, (all) => Math.floor(all.length * 0.5));
  let appends = 0;
  fault.do = (call, real) => {
    if (isAppend(call, file) && bytesOf(call).length > 20 && ++appends > 1) throw systemError('ENOSPC');
    return short(call, real);
  };
  const [one, many, cancelled, invalid] = await Promise.allSettled([
    queue.enqueue('email', 100),
    queue.enqueueMany(jobs(6)),
    queue.cancelJob(waiting),
    queue.enqueue('email', 5n),
  ]);
  assert.ok(one.status === 'fulfilled' && many.status === 'rejected');
  assert.equal(cancelled.status, 'rejected', 'its row came last');
  assert.equal(invalid.status, 'rejected');
  fault.do = undefined;
  assert.deepEqual(
    (await queue.listJobs()).map(({ id, status }) => `${id} ${status}`),
    [waiting, one.value, ...many.reason.written].map((id) => `${id} pending`),
  );
});

test('a large commit is written in pieces, and what the first ones hold is acknowledged', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  let appends = 0;
  fault.do = (call, real) => {
    if (isAppend(call, file) && ++appends === 2) throw systemError('ENOSPC');
    return real();
  };
  const error = await rejects(
    queue.enqueueMany(
      Array.from({ length: 12 }, (_, n) => ({ type: 'email', payload: `${n}${'x'.repeat(900_000)}` })),
    ),
    'DISK_FULL',
  );
  fault.do = undefined;
  assert.ok(error.written.length > 0 && error.written.length < 12, String(error.written.length));
  assert.deepEqual(
    (await queue.listJobs()).map(({ id }) => id),
    error.written,
  );
});

test('the file never gets shorter, whatever fails', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  const id = await queue.enqueue('email', 1);
  let last = 0;
  for (const broken of [
    shortOnce(file, (all) => all.length >> 1),
    failing((call) => isAppend(call, file), 'ENOSPC', 1),
    failing(isDataSync, 'EIO', 1),
  ] as Fault[]) {
    fault.do = (call, real) => {
      const result = broken(call, real);
      const { size } = statSync(file);
      // A compaction has another file take its name; as a file it never shrinks.
      if (call.name !== 'rename')
        assert.ok(size >= last || call.path.endsWith('.tmp') || call.path === dirname(file), call.name);
      last = size;
      return result;
    };
    await queue.enqueueMany(jobs(4)).catch(() => {});
    fault.do = undefined;
    last = 0;
  }
  assert.equal((await queue.getJob(id))?.payload, 1);
});

test('a commit that can not be read back is not acknowledged', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  await queue.enqueue('email', 1);
  let appended = false;
  fault.do = (call, real) => {
    if (isAppend(call, file)) appended = true;
    if (appended && (call.name === 'read' || call.name === 'readSync') && call.path === file)
      throw systemError('EIO');
    return real();
  };
  await rejects(queue.enqueue('email', 2), 'WRITE_FAILED', 'EIO');
  fault.do = undefined;
  assert.deepEqual(tokens(file), []);
});

test('where the file can not be opened, nothing is written and the lock is free again', async (t) => {
  const { fs, fault } = faultyFs();
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(file, line({ id: jobId(1) }));
  const { queue } = openTest(t, { fs, file });
  for (const [code, ours] of [
    ['EMFILE', 'WRITE_FAILED'],
    ['EACCES', 'NO_ACCESS'],
  ] as const) {
    fault.do = failing(({ name, path }) => name === 'open' && path === file, code);
    await rejects(queue.enqueue('email', 2), ours, code, file);
    if (code === 'EACCES') await rejects(queue.getJob(jobId(1)), ours, code, file);
    assert.deepEqual(tokens(file), []);
  }
  fault.do = undefined;
  assert.equal(linesOf(file).length, 1);
});

// ---- syncs ----

test('a sync that fails is not tried again: a compaction saves the commit before the lock is left', async (t) => {
  const { fs, calls, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  const first = await queue.enqueue('email', 1);
  calls.length = 0;
  fault.do = failing(isDataSync, 'EIO', 1);
  const second = await queue.enqueue('email', 2);
  const names = calls.map(({ name, path }) =>
    name === 'unlink'
      ? `unlink ${path.includes('owner.') ? 'token' : 'other'}`
      : name === 'fsync'
        ? `fsync ${path === dirname(file) ? 'folder' : 'file'}`
        : name,
  );
  assert.equal(names.filter((name) => name === 'fdatasync').length, 1);
  const order = ['fdatasync', 'fsync file', 'rename', 'fsync folder', 'unlink token'].map((name) =>
    names.indexOf(name),
  );
  assert.deepEqual(
    order,
    [...order].sort((a, b) => a - b),
    names.join(),
  );
  assert.ok(!order.includes(-1), names.join());
  assert.deepEqual(statesOf(file), [`${first} pending`, `${second} pending`]);
  assert.equal(await queue.cancelJob(second), true);
});

test('a commit that was cut short and could not be synced is saved as far as it is in', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  await queue.enqueue('email', 1);
  const short = shortOnce(file, (all) => Math.floor(all.length * 0.5));
  const sync = failing(isDataSync, 'EIO', 1);
  fault.do = (call, real) => sync(call, () => short(call, real));
  const ids = await queue.enqueueMany(jobs(5));
  assert.deepEqual((await queue.listJobs()).map(({ id }) => id).slice(1), ids);
});

for (const [what, breaks] of [
  ['the new file can not be written', ({ name, path }: Call) => name === 'write' && path.endsWith('.tmp')],
  ['the new file can not be synced', ({ name, path }: Call) => name === 'fsync' && path.endsWith('.tmp')],
  ['the new name can not be synced', ({ name, path }: Call) => name === 'fsync' && !path.endsWith('.tmp')],
] as const) {
  test(`after a failed sync, where ${what}, the queue stops: SYNC_FAILED, and the lock is kept`, async (t) => {
    const { fs, fault } = faultyFs();
    const { queue, file, store } = openTest(t, { fs });
    const id = await queue.enqueue('email', 1);
    fault.do = failing((call) => isDataSync(call) || breaks(call));
    await rejects(queue.enqueue('email', 2), 'SYNC_FAILED', file, 'EIO', 'unknown');
    fault.do = undefined;
    // The disk says that it is well again. It is not to be believed.
    await rejects(queue.enqueue('email', 3), 'SYNC_FAILED');
    await rejects(queue.enqueueMany([{ type: 'email' }]), 'SYNC_FAILED');
    await rejects(queue.cancelJob(id), 'SYNC_FAILED');
    await rejects(queue.retryJob(id), 'SYNC_FAILED');
    await rejects(queue.compact(), 'SYNC_FAILED');
    await rejects(queue.processJobs({ email: () => {} }), 'SYNC_FAILED');
    assert.equal(tokens(file).length, 1);
    assert.equal(store.lock.stillHeld(), true);

    const other = openTest(t, { file, lockTimeout: 200 });
    await rejects(other.queue.enqueue('email', 4), 'LOCK_TIMEOUT', `process ${process.pid}`);
    assert.equal((await other.queue.getJob(id))?.payload, 1, 'looking is still allowed');
    await queue.close();
    assert.equal(tokens(file).length, 1, 'closing does not give the lock away');
  });
}

test('calls that wait while the disk fails learn of it as well', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue } = openTest(t, { fs });
  await queue.enqueue('email', 1);
  fault.do = failing(({ name }) => name === 'fdatasync' || name === 'fsync');
  const first = queue.enqueue('email', 2);
  await new Promise(setImmediate);
  const results = await Promise.allSettled([
    first,
    queue.enqueue('email', 3),
    queue.compact(),
    queue.close(),
  ]);
  assert.deepEqual(
    results.map((result) => (result.status === 'rejected' ? result.reason.code : 'ok')),
    ['SYNC_FAILED', 'SYNC_FAILED', 'SYNC_FAILED', 'ok'],
  );
});

test('a first file whose name could not be made durable is not built upon', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  fault.do = failing(isFolderSync(dirname(file)), 'EIO', 1);
  await rejects(queue.enqueue('email', 1), 'SYNC_FAILED');
  // The next sync of the folder would say that all is well, whatever became of the name.
  await rejects(queue.enqueue('email', 2), 'SYNC_FAILED');
  assert.equal(tokens(file).length, 1);
});

test('a compaction whose rename could not be made durable stops the queue: others would build on it', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  await queue.enqueue('email', 1);
  fault.do = failing(isFolderSync(dirname(file)), 'EIO', 1);
  await rejects(queue.compact(), 'SYNC_FAILED');
  await rejects(queue.enqueue('email', 2), 'SYNC_FAILED');
  assert.equal(tokens(file).length, 1, 'the lock is kept');
});

test('a repair whose rename could not be made durable stops the queue', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs, lockTimeout: 1000 });
  await queue.enqueue('email', 1);
  leaveDeadToken(file);
  fault.do = failing(isFolderSync(dirname(file)), 'EIO', 1);
  await rejects(queue.processJobs({}), 'SYNC_FAILED');
  await rejects(queue.enqueue('email', 3), 'SYNC_FAILED');
  assert.equal(tokens(file).length, 2);
});

test("with durability 'os' a failing sync is none of the queue's business", async (t) => {
  const { fs, fault } = faultyFs();
  const { queue } = openTest(t, { fs, durability: 'os' });
  await queue.enqueue('email', 1);
  fault.do = failing(isDataSync);
  await queue.enqueue('email', 2);
  assert.equal((await queue.processJobs({ email: () => {} })).completed, 2);
});

// ---- repair ----

test('where there is no room to repair, what is there is made durable, and the dead token stays for the next', async (t) => {
  const { fs, calls, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  const first = await queue.enqueue('email', 1);
  const dead = leaveDeadToken(file);
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

test('where neither can be done, the queue stops', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  const id = await queue.enqueue('email', 1);
  const dead = leaveDeadToken(file);
  fault.do = failing(
    ({ name, path }) => (name === 'write' && path.endsWith('.tmp')) || name === 'fdatasync',
    'EIO',
  );
  await rejects(queue.cancelJob(id), 'SYNC_FAILED');
  assert.ok(tokens(file).includes(dead));
  assert.equal(rowsOf(file).length, 1);
});

test('a repair looks after a torn tail, a lost follow-up and unstruck rows at once', async (t) => {
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
  const dead = leaveDeadToken(file);
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
