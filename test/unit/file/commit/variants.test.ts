import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { systemFs } from '../../../../lib/file/disk/fs.js';
import { rejects } from '../../../support/errors.js';
import { FakeClock } from '../../../support/fake-clock.js';
import { bytesOf, type Call, faultyFs, isAppend, systemError } from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';
import { inLock, leaveRewrite, leaveToken } from '../../../support/lock-tokens.js';
import {
  COLUMN_NAMES,
  fileOf,
  HEADER,
  jobId,
  line,
  linesOf,
  rowsOf,
  statesOf,
  text,
  writeQueue,
} from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

/*
 * Designs close to this one lost jobs when they were simulated with kills and power losses. Each has a test here that
 * fails with it, and the comment says what it did. Some have more tests next to their module.
 */

/** The steps that matter, in their order, by short names. */
function steps(calls: readonly Call[], file: string): string[] {
  const folder = dirname(file);
  return calls.flatMap((call) => {
    const { name, path, args } = call;
    if (isAppend(call, file)) return ['append'];
    if (name === 'fdatasync') return [path === file ? 'sync' : 'sync archived rows'];
    if (name === 'fsync')
      return [
        path === folder
          ? 'sync folder'
          : path.endsWith('.tmp')
            ? 'sync new file'
            : `sync ${path.slice(folder.length + 1)}`,
      ];
    if (name === 'rename') return [`rename to ${String(args[1]).slice(folder.length + 1)}`];
    if (name === 'unlink' && path.includes('.lock/owner.'))
      return [path.includes('.4194305.') ? 'clear dead token' : 'leave'];
    return [];
  });
}

test('1a. a torn tail is looked for whenever the lock is taken, not only after a dead holder', async (t) => {
  // Repair only by who breaks a dead lock: power loss leaves a torn tail and no lock, and the next row is glued to it.
  const file = fileOf(t, line({ id: jobId(1) }));
  appendFileSync(file, line({ id: jobId(2) }).slice(0, 30));
  const { queue } = openTest(t, { file });
  const id = await queue.enqueue('email', 1);
  // The same handle again: what it knows of the file's end is old.
  appendFileSync(file, line({ id: jobId(3) }).slice(0, 30));
  const next = await queue.enqueue('email', 2);
  assert.deepEqual(
    (await queue.listJobs()).map((job) => job.id),
    [jobId(1), id, next],
  );
  assert.equal(rowsOf(file).filter((row) => row.version === '1').length, 3);
});

test('1b. a dead token stays until the repair is durable, and a process that enters earlier repairs as well', async (t) => {
  // One died in an append, a second cleared the lock, and a third, who saw no dead owner, got in before the repair.
  const file = fileOf(t, line({ id: jobId(1) }));
  const dead = leaveToken(file);
  const { fs, calls, fault } = faultyFs();
  const { queue } = openTest(t, { file, fs });
  fault.do = (call, real) => {
    if (call.name === 'rename' || call.name === 'fsync') assert.ok(inLock(file).includes(dead), call.name);
    return real();
  };
  assert.equal(await queue.cancelJob(jobId(1)), true);
  assert.deepEqual(steps(calls, file).slice(0, 5), [
    'sync new file',
    'rename to queue.tsv',
    'sync folder',
    'clear dead token',
    'append',
  ]);
});

test('2. every row stands alone: any first part of a commit is a valid file, and no row needs another', async (t) => {
  // A marker for commits of several rows: rows that came later completed a dead commit, and a row less undid it all.
  const { queue, file } = openTest(t);
  const ids = await queue.enqueueMany(Array.from({ length: 6 }, (_, n) => ({ type: 'email', payload: n })));
  const rows = linesOf(file);
  for (let kept = 0; kept <= 6; kept++) {
    const part = fileOf(t);
    writeFileSync(part, `${[HEADER, ...rows.slice(0, kept)].join('\n')}\n`);
    const { queue: reader } = openTest(t, { file: part });
    assert.deepEqual(
      (await reader.listJobs()).map((job) => job.id),
      ids.slice(0, kept),
    );
    const more = await reader.enqueueMany([{ type: 'email' }, { type: 'email' }]);
    assert.deepEqual(
      (await reader.listJobs()).map((job) => job.id),
      [...ids.slice(0, kept), ...more],
    );

    const without = fileOf(t);
    writeFileSync(without, `${[HEADER, ...rows.filter((_, n) => n !== kept)].join('\n')}\n`);
    assert.deepEqual(
      (await openTest(t, { file: without }).queue.listJobs()).map((job) => job.id),
      ids.filter((_, n) => n !== kept),
    );
  }
});

test('3. a commit that is cut short takes nothing back, so what others appended after it stays', async (t) => {
  // Rolling back with ftruncate: it cut another holder's acknowledged row, and spliced two for a reader in chunks.
  const file = fileOf(t, line({ id: jobId(1) }));
  const { fs, fault } = faultyFs();
  const { queue } = openTest(t, { file, fs });
  const others = line({ id: jobId(2), payload: '"of another holder"' });
  let appends = 0;
  let most = 0;
  fault.do = (call, real) => {
    const { size } = statSync(file);
    assert.ok(size >= most, `shorter at ${call.name}`);
    most = size;
    if (!isAppend(call, file)) return real();
    if (++appends > 1 && bytesOf(call).length > 10) throw systemError('ENOSPC');
    if (appends > 1) return real();
    const part = systemFs.writeSync(
      call.args[0] as number,
      bytesOf(call).subarray(0, bytesOf(call).indexOf(10) + 1),
      null,
    );
    appendFileSync(file, others);
    return part;
  };
  const error = await rejects(queue.enqueueMany([{ type: 'a' }, { type: 'b' }]), 'DISK_FULL');
  fault.do = undefined;
  assert.equal(error.written.length, 1);
  assert.deepEqual(
    (await queue.listJobs()).map((job) => job.id),
    [jobId(1), error.written[0], jobId(2)],
  );
});

test('4. a new name that a dead holder left is made durable before anything is appended', async (t) => {
  // The compactor died before the directory's sync, others appended to the new file, power loss brought back the old.
  const file = fileOf(t, line({ id: jobId(1) }));
  leaveRewrite(file);
  const { fs, calls } = faultyFs();
  await openTest(t, { file, fs }).queue.enqueue('email', 1);
  const done = steps(calls, file);
  assert.ok(done.indexOf('rename to queue.tsv') >= 0);
  assert.ok(done.indexOf('rename to queue.tsv') < done.indexOf('sync folder'));
  assert.ok(done.indexOf('sync folder') < done.indexOf('append'));
});

test('4. directories that a dead holder made above the file are made durable as well', async (t) => {
  const folder = join(temporaryFolder(t), 'a', 'b');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'queue.tsv');
  writeQueue(file);
  leaveRewrite(file);
  const { fs, calls } = faultyFs();
  const { queue } = openTest(t, { file, fs });
  await queue.enqueue('email');
  const append = calls.findIndex((call) => isAppend(call, file));
  const synced = calls.slice(0, append).flatMap(({ name, path }) => (name === 'fsync' ? [path] : []));
  for (let path = folder; path !== dirname(path); path = dirname(path))
    assert.ok(synced.includes(path), path);
});

test('5. a failed sync keeps the lock until the commit is in a new file, or for ever', async (t) => {
  // Another process synced the same file with success, and acknowledged on top of a hole.
  const file = fileOf(t, line({ id: jobId(1) }));
  const { fs, calls, fault } = faultyFs();
  const { queue } = openTest(t, { file, fs });
  let failed = 0;
  fault.do = (call, real) =>
    call.name === 'fdatasync' && failed++ === 0 ? Promise.reject(systemError('EIO')) : real();
  await queue.enqueue('email', 1);
  assert.deepEqual(steps(calls, file), [
    'append',
    'sync',
    'sync new file',
    'rename to queue.tsv',
    'sync folder',
    'leave',
  ]);

  fault.do = (call, real) =>
    call.name === 'fdatasync' || call.name === 'fsync' ? Promise.reject(systemError('EIO')) : real();
  await rejects(queue.enqueue('email', 2), 'SYNC_FAILED');
  await rejects(openTest(t, { file, lockTimeout: 100 }).queue.enqueue('email', 3), 'LOCK_TIMEOUT');
});

test('6a. the name of a new file is durable before its first row is acknowledged', async (t) => {
  // No sync of the directory after the first creation.
  const file = join(temporaryFolder(t), 'data', 'queue.tsv');
  const { fs, calls } = faultyFs();
  await openTest(t, { file, fs }).queue.enqueue('email', 1);
  const [first, second, third, ...rest] = steps(calls, file);
  assert.deepEqual([first, second, third], ['sync new file', 'rename to queue.tsv', 'sync folder']);
  assert.ok(
    calls.some(({ name, path }) => name === 'fsync' && path === dirname(dirname(file))),
    'the folder is new as well',
  );
  assert.deepEqual(rest.slice(-3), ['append', 'leave', 'sync']);
});

test('6b. archived jobs are durable, with the names of their files, before the queue lacks them', async (t) => {
  // No sync of archive/ before the rename; a torn tail of the archive that swallowed the next archived job.
  const file = fileOf(
    t,
    line({ id: jobId(1), status: 'completed', version: 3, finished_at: 1_860_000_000 }),
    line({ id: jobId(2) }),
  );
  const { fs, calls } = faultyFs();
  const { queue } = openTest(t, { file, fs });
  assert.equal((await queue.compact()).archived, 1);
  const done = steps(calls, file);
  const rename = done.indexOf('rename to queue.tsv');
  for (const step of ['sync archived rows', 'sync folder', 'sync new file']) {
    assert.ok(done.indexOf(step) >= 0 && done.indexOf(step) < rename, `${step} in ${done.join()}`);
  }
  const archive = join(dirname(file), 'archive');
  const name = join(archive, readdirSync(archive)[0] as string);
  assert.ok(
    calls.findIndex((call) => call.name === 'fsync' && call.path === archive) <
      calls.findIndex((call) => call.name === 'unlink' && /\d{4}-\d\d\.[0-9a-f]{12}\.tmp$/.test(call.path)),
    'rows stay beside the queue until the archive is durable',
  );

  appendFileSync(name, line({ id: jobId(9) }).slice(0, 40));
  appendFileSync(file, line({ id: jobId(3), status: 'completed', version: 3, finished_at: 1_860_000_001 }));
  await queue.compact();
  assert.equal((await queue.getJob(jobId(3), { archive: true }))?.status, 'completed');
});

test("7. no row is struck with durability 'os', because its replacement may not survive", async (t) => {
  // Strikes reached the disk, the replacement did not: an old, long durable job vanished.
  const file = fileOf(t, line({ id: jobId(1) }), line({ id: jobId(2) }));
  const before = readFileSync(file);
  const { queue } = openTest(t, { file, durability: 'os' });
  assert.equal(await queue.cancelJob(jobId(1)), true);
  await Promise.all([queue.cancelJob(jobId(2)), queue.enqueue('email', 1)]);
  // What power loss leaves of it at the worst: nothing of what was appended.
  assert.deepEqual(readFileSync(file).subarray(0, before.length), before);
});

test('8. a reader reads to the end of the file, not to a size that it asked for before', async (t) => {
  // A strike landed before the size, its replacement behind it: the reader saw neither row.
  for (const size of [1, 2000]) {
    const file = fileOf(
      t,
      line({ id: jobId(1) }),
      ...Array.from({ length: size }, (_, n) => line({ id: jobId(n + 2) })),
    );
    const { fs, fault } = faultyFs();
    const { queue } = openTest(t, { file, fs });
    let done = false;
    fault.do = (call, real) => {
      // The first read behind the header's, when the size is known.
      if (!done && call.path === file && (call.name === 'read' || call.name === 'readSync') && calls++ > 0) {
        done = true;
        const old = text(file);
        writeFileSync(
          file,
          `${old.replace(line({ id: jobId(1) }), `#${line({ id: jobId(1), status: '-------' }).slice(1)}`)}${line({ id: jobId(1), status: 'completed', version: 2 })}`,
        );
      }
      return real();
    };
    let calls = 0;
    const jobs = await queue.listJobs();
    assert.equal(done, true);
    assert.equal(jobs.length, size + 1);
    assert.equal(jobs.find((job) => job.id === jobId(1))?.status, 'completed');
    assert.equal((await openTest(t, { file }).queue.stats()).completed, 1);
  }
});

test('9. a retry never names a run that was there before', async (t) => {
  // Attempts were set back: (id, 1) ran a second time while the first was still stopping.
  const { queue } = openTest(t);
  const id = await queue.enqueue('email', {});
  const runs: string[] = [];
  for (let round = 0; round < 4; round++) {
    await queue.processJobs(
      {
        email: (_, { job }) => {
          runs.push(`${job.id}:${job.attempts}`);
          throw new Error('no');
        },
      },
      { maxAttempts: 1 },
    );
    assert.equal(await queue.retryJob(id), true);
  }
  assert.deepEqual(
    runs,
    [1, 2, 3, 4].map((n) => `${id}:${n}`),
  );
  assert.equal((await queue.getJob(id))?.forgiven, 4);
});

test('10. a job whose newest row is damaged is held, not run again from an older one', async (t) => {
  // Power loss damaged the row of a completion, and the claim before it had never been struck.
  const completed = line({ id: jobId(1), status: 'completed', version: 3, attempts: 1, result: '"sent"' });
  const damaged = `${completed.slice(0, 40)}${'\0'.repeat(20)}${completed.slice(60)}`;
  const file = fileOf(t, line({ id: jobId(1) }), line({ id: jobId(2) }), damaged);
  const { queue } = openTest(t, { file });
  const runs: string[] = [];
  const handlers = { email: (_: unknown, { job }: { job: { id: string } }) => void runs.push(job.id) };
  await queue.processJobs(handlers);
  await queue.compact();
  await queue.processJobs(handlers);
  assert.deepEqual(runs, [jobId(2)]);
  assert.ok(text(file).includes(damaged), 'a person can still see what was there');
  assert.equal((await queue.getJob(jobId(1)))?.status, 'pending');

  // The person decides: the line goes, and the job runs.
  writeFileSync(file, text(file).replace(damaged, ''));
  await openTest(t, { file }).queue.processJobs(handlers);
  assert.deepEqual(runs, [jobId(2), jobId(1)]);
});

test('11. a tail is closed in a write of its own, not together with new rows', async (t) => {
  // A person left the file without LF; the write that closed it and added rows was cut, and a row was half of each.
  const file = fileOf(t, line({ id: jobId(1) }).slice(0, -1));
  const { fs, calls } = faultyFs();
  await openTest(t, { file, fs }).queue.enqueue('email', 1);
  const writes = calls.filter((call) => isAppend(call, file)).map((call) => bytesOf(call).toString());
  assert.equal(writes[0], '\n');
  assert.equal(writes.length, 2);
});

test('12. an owner in another container, or on another host, is not taken for dead', async (t) => {
  // A token without host and pid namespace: another container "proved" a live owner dead.
  for (const where of [{ host: `${hostname()}2` }, { namespace: '1' }]) {
    const file = fileOf(t, line({ id: jobId(1) }));
    const token = leaveToken(file, where);
    const { queue } = openTest(t, { file, lockTimeout: 300 });
    await rejects(queue.cancelJob(jobId(1)), 'LOCK_TIMEOUT');
    assert.deepEqual(inLock(file), [token]);
    leaveRewrite(file, token);
    await rejects(queue.enqueue('email', 1), 'LOCK_TIMEOUT');
    assert.equal(linesOf(file).length, 1);
  }
});

test('13. a compaction checks once more that it holds the lock, right before the rename', async (t) => {
  // Two holders of which one compacts: what the other appended meanwhile was gone.
  const file = fileOf(t, line({ id: jobId(1) }));
  const { fs, fault } = faultyFs();
  const { queue, store } = openTest(t, { file, fs });
  fault.do = (call, real) => {
    if (call.name === 'fsync' && call.path.endsWith('.tmp')) {
      for (const { token } of store.lock.holders()) fs.unlink(join(store.lock.path, token));
      appendFileSync(file, line({ id: jobId(2) }));
    }
    return real();
  };
  await queue.compact().catch(() => {});
  assert.deepEqual(statesOf(file), [`${jobId(1)} pending`, `${jobId(2)} pending`]);
});

test('14. the highest version is the job, not the last row', async (t) => {
  // 'Last row wins' is fine with a working lock; without one, a late claim undid a completion.
  const clock = new FakeClock();
  const file = fileOf(
    t,
    line({ id: jobId(1) }),
    line({
      id: jobId(1),
      status: 'completed',
      version: 3,
      attempts: 1,
      finished_at: clock.now() / 1000,
      result: '"sent"',
    }),
    line({ id: jobId(1), status: 'processing', version: 2, attempts: 1, locked_by: 'me' }),
  );
  const { queue } = openTest(t, { file, clock });
  let ran = 0;
  await queue.processJobs({ email: () => void ran++ });
  assert.equal(ran, 0);
  assert.deepEqual(
    [(await queue.getJob(jobId(1)))?.status, (await queue.stats()).completed],
    ['completed', 1],
  );
  await queue.compact();
  assert.deepEqual(statesOf(file), [`${jobId(1)} completed`]);
  assert.equal(text(file).split('\n')[0], COLUMN_NAMES);
});
