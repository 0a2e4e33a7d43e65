import assert from 'node:assert/strict';
import { cpSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { followUpId } from '../../../../lib/file/format/derived-id.js';
import { TsvqError } from '../../../../lib/job/errors.js';
import { FakeClock } from '../../../support/fake-clock.js';
import { before } from '../../../support/faults.js';
import { bytesOf, type Call, type Fault, faultyFs, systemError } from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';
import { jobId, line, rowsOf, statesOf, text } from '../../../support/queue-file.js';
import { openTest, type TestOptions } from '../../../support/queues.js';
import { folderOf, over } from './queue-with-archive.js';

/*
 * A purge takes out jobs, and nothing else: what they carry, what waits for them, and every other line stays, also if
 * a step of it fails or the process dies there.
 */

const NOW = Date.UTC(2030, 0, 1) / 1000;
const [PARENT, OTHER, OPEN] = [1, 2, 3].map(jobId) as [string, string, string];

const carried = [1, 2].map((n) => ({
  type: 'next',
  payload: `${n}`,
  createdAt: NOW * 1000,
  runAt: NOW * 1000,
  priority: 0,
}));
const CHILDREN = carried.map((_, n) => followUpId(PARENT, 1, n));

const parent = line({
  id: PARENT,
  status: 'completed',
  attempts: 1,
  version: 3,
  finished_at: NOW - 60,
  follow_ups: JSON.stringify(carried),
});
const done = line({ id: OTHER, status: 'completed', version: 3, finished_at: NOW - 60, type: 'other' });
const KEPT = [line({ id: OPEN, run_at: NOW + 100 }), '# a note\n', 'not a row\n'];

const setup = (t: TestContext, options: TestOptions = {}) =>
  over(t, [done, parent, ...KEPT], { clock: new FakeClock(NOW * 1000), ...options });

const PURGE = { status: 'completed', type: 'email' } as const;

test('the jobs that a purged one carries, and whose rows a crash cut off, are made', async (t) => {
  const { queue, file } = setup(t);
  assert.deepEqual(await queue.purge(PURGE), { purged: 1 });
  const left = [OTHER, OPEN, ...CHILDREN];
  assert.deepEqual(
    rowsOf(file)
      .map(({ id }) => id)
      .filter((id) => id !== 'not a row')
      .sort(),
    left.sort(),
  );
  assert.ok(text(file).includes(KEPT.join('')));
  for (const [n, id] of CHILDREN.entries()) assert.equal((await queue.getJob(id))?.payload, n + 1);
});

test('a carried job that has a row of its own is not made again', async (t) => {
  const there = line({
    id: CHILDREN[0] as string,
    type: 'next',
    status: 'cancelled',
    version: 2,
    finished_at: NOW,
  });
  const { queue, file } = over(t, [parent, there], { clock: new FakeClock(NOW * 1000) });
  await queue.purge(PURGE);
  assert.deepEqual(statesOf(file).sort(), [`${CHILDREN[0]} cancelled`, `${CHILDREN[1]} pending`].sort());
});

test('jobs in the sealed part are purged like others, and what was retried since stays', async (t) => {
  const payload = JSON.stringify('x'.repeat(1000));
  const lines = Array.from({ length: 200 }, (_, n) =>
    line({ id: jobId(n), status: 'failed', version: 3, finished_at: NOW - 60 - (n % 2) * 60, payload }),
  );
  const { queue, file } = over(t, lines, { clock: new FakeClock(NOW * 1000) });
  await queue.compact();
  assert.match(text(file), /finished jobs end at byte/);
  await queue.retryJob(jobId(1));
  assert.deepEqual(await queue.purge({ olderThan: '2m' }), { purged: 99 });
  assert.equal((await queue.stats()).failed, 100);
  assert.equal((await queue.getJob(jobId(1)))?.status, 'pending');
});

for (const options of [{}, { archive: false, retention: 0 }])
  test(`a job that has run while its enqueue stood still is not added again by ${'archive' in options ? 'a compaction that drops' : 'a purge'}`, async (t) => {
    const { fs, fault } = faultyFs();
    const { queue, file, clock } = setup(t, { fs });
    const other = openTest(t, { file, clock, ...options }).queue;
    const runs: string[] = [];
    const email = (_: unknown, { job }: { job: { id: string } }): void => void runs.push(job.id);
    // Between the append and the look after it.
    fault.do = before(
      ({ name, path }) => name === 'read' && path === file,
      async () => {
        await other.processJobs({ email });
        clock.advance(59_000);
        if ('archive' in options) await other.compact();
        else await other.purge();
      },
    );
    const id = await queue.enqueue('email', 'x'.repeat(100_000));
    await other.processJobs({ email });
    assert.deepEqual(runs, [id]);
    assert.equal((await queue.getJob(id))?.status, 'completed');
  });

/** A job that waits behind another one with its key, which is pending again after a failed attempt. */
async function withWaiting(t: TestContext) {
  const made = over(t, [], { clock: new FakeClock(NOW * 1000) });
  const { queue, file } = made;
  const options = { dedupeKey: 'a', onDuplicate: 'replace' } as const;
  const first = await queue.enqueue('email', 1, options);
  let second = '';
  const email = async (): Promise<never> => {
    second = await openTest(t, { file, clock: made.clock }).queue.enqueue('email', 2, options);
    throw new Error('no');
  };
  await queue.processJobs({ email }, { logger: () => {} });
  assert.deepEqual(statesOf(file).sort(), [`${first} pending`, `${second} waiting`].sort());
  return { ...made, first, second };
}

test('a job that waited for a purged one starts', async (t) => {
  const { queue, file, second } = await withWaiting(t);
  assert.deepEqual(await queue.purge({ status: 'pending' }), { purged: 1 });
  assert.deepEqual(statesOf(file), [`${second} pending`]);
  const runs: unknown[] = [];
  await queue.processJobs({ email: (n) => void runs.push(n) });
  assert.deepEqual(runs, [2]);
});

test('if the purge dies before it releases the job that waited, the next worker does', async (t) => {
  const { file, clock, second } = await withWaiting(t);
  const { fs, fault } = faultyFs();
  let renames = 0;
  fault.do = (call, real) => {
    if (call.name === 'rename' && call.path.includes('queue.tsv.') && renames++ > 0) throw systemError('EIO');
    return real();
  };
  const { queue } = openTest(t, { file, clock, fs });
  assert.deepEqual(await queue.purge({ status: 'pending' }), { purged: 1 });
  assert.ok(renames > 1);
  assert.deepEqual(statesOf(file), [`${second} waiting`]);
  fault.do = undefined;
  const { queue: worker } = openTest(t, { file, clock });
  await worker.enqueue('email', 3);
  const runs: unknown[] = [];
  const email = (n: unknown): void => void runs.push(n);
  await worker.processJobs({ email });
  await worker.processJobs({ email });
  assert.deepEqual(runs, [3, 2]);
});

/** Checks that every job is there, but those that the purge takes out if it is done. */
async function check(file: string, isPurged: boolean, what: string): Promise<void> {
  const ids = rowsOf(file).map(({ id }) => id);
  for (const id of [OTHER, OPEN]) assert.equal(ids.filter((one) => one === id).length, 1, what);
  assert.equal(ids.includes(PARENT), !isPurged, what);
  // Either the row that carries them is there, or their own rows are.
  for (const id of CHILDREN) assert.equal(ids.includes(id), isPurged, what);
  assert.ok(text(file).includes(KEPT.join('')), what);
}

for (const [name, code, isHit] of [
  ['the disk is full', 'ENOSPC', ({ name }: Call) => name === 'write' || name === 'writeSync'],
  [
    'the disk fails',
    'EIO',
    ({ name }: Call) => /^(write|writeSync|read|readSync|fsync|fdatasync)$/.test(name),
  ],
  [
    'a call is refused',
    'EACCES',
    ({ name }: Call) => /^(open|rename|unlink|readdir|fchown|fchmod)$/.test(name),
  ],
] as const)
  test(`a purge loses nothing if ${name} at any of its steps`, async (t) => {
    const isOurs = (call: Call): boolean => isHit(call) && !call.path.includes('.lock');
    let failures = 0;
    for (let n = 0, isOver = false; !isOver; n++) {
      let count = 0;
      let what = '';
      const { fs, fault } = faultyFs();
      const { queue, file } = setup(t, { fs });
      fault.do = (call, real) => {
        if (!isOurs(call) || count++ < n) return real();
        what ||= `${n}: ${call.name} ${call.path}`;
        const error = systemError(code);
        if (['write', 'read', 'fsync', 'fdatasync'].includes(call.name)) return Promise.reject(error);
        throw error;
      };
      const names = folderOf(file).filter((name) => !name.endsWith('.lock'));
      const outcome = await queue.purge(PURGE).catch((error: unknown) => error);
      isOver = what === '';
      fault.do = undefined;
      const isPurged = !rowsOf(file).some(({ id }) => id === PARENT);
      await check(file, isPurged, what);
      if (outcome instanceof TsvqError) {
        failures++;
        // Once the new file has the name, a call that looks at it may still fail.
        if (code === 'ENOSPC') assert.equal(isPurged, false, what);
      } else assert.deepEqual([outcome, isPurged], [{ purged: 1 }, true], what);
      // An unlink may be what has failed; the next process removes what it left.
      rmSync(`${file}.lock`, { recursive: true, force: true });
      const other = openTest(t, { file, clock: new FakeClock(NOW * 1000) }).queue;
      assert.deepEqual(await other.purge(PURGE), { purged: isPurged ? 0 : 1 }, what);
      await check(file, true, what);
      if (code === 'ENOSPC') assert.deepEqual(folderOf(file), names, what);
    }
    assert.ok(failures > 0);
  });

test('a write that is cut short anywhere leaves the old file', async (t) => {
  for (let n = 0, isOver = false; !isOver; n++) {
    let count = 0;
    isOver = true;
    const cut: Fault = (call, real) => {
      if (call.name !== 'write' || !call.path.endsWith('.tmp') || count++ !== n) return real();
      isOver = false;
      const bytes = bytesOf(call);
      return Promise.resolve(
        writeSync(call.args[0] as number, bytes, 0, bytes.length >> 1, call.args[2] as number),
      );
    };
    const { fs, fault } = faultyFs();
    const { queue, file } = setup(t, { fs });
    fault.do = cut;
    const purged = await queue.purge(PURGE).catch(({ code }: TsvqError) => code);
    assert.deepEqual(purged, isOver ? { purged: 1 } : 'DISK_FULL');
    await check(file, isOver, `${n}`);
  }
});

test('a purge that is killed at any of its steps leaves the old file or the new one', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file, clock } = setup(t, { fs });
  const copies: string[] = [];
  fault.do = (call, real) => {
    if (/^(open|write|writeSync|rename|unlink|mkdir|rmdir|fsync)$/.test(call.name)) {
      const copy = join(temporaryFolder(t), 'copy');
      cpSync(dirname(file), copy, { recursive: true, filter: (name) => !name.endsWith('.lock') });
      copies.push(copy);
    }
    return real();
  };
  await queue.purge(PURGE);
  assert.ok(copies.length > 5);
  let old = 0;
  for (const copy of copies) {
    const path = join(copy, 'queue.tsv');
    const isPurged = !rowsOf(path).some(({ id }) => id === PARENT);
    if (!isPurged) old++;
    await check(path, isPurged, copy);
    const other = openTest(t, { file: path, clock }).queue;
    await other.compact();
    // The children are there in any case by now.
    const ids = rowsOf(path).map(({ id }) => id);
    assert.deepEqual(
      [OTHER, OPEN, ...CHILDREN].filter((id) => !ids.includes(id)),
      [],
    );
    assert.equal(ids.includes(PARENT), !isPurged);
    assert.deepEqual(
      readdirSync(copy).filter((name) => name.includes('tmp') && isPurged),
      [],
    );
  }
  assert.ok(old > 0 && old < copies.length);
});

test('a purge needs no room for the jobs that it takes out', async (t) => {
  const payload = JSON.stringify('x'.repeat(100_000));
  const lines = Array.from({ length: 20 }, (_, n) =>
    line({ id: jobId(n), status: 'completed', version: 3, finished_at: NOW - 60, payload }),
  );
  const { fs, fault } = faultyFs();
  const { queue } = over(t, [...lines, ...KEPT], { clock: new FakeClock(NOW * 1000), fs });
  fault.do = (call, real) => (call.name === 'statfs' ? { type: 0, free: 4096 } : real());
  await assert.rejects(queue.compact(), { code: 'DISK_FULL' });
  assert.deepEqual(await queue.purge(), { purged: 20 });
});
