import assert from 'node:assert/strict';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ListOptions } from '../../../../lib/job/job-options.js';
import { rejects } from '../../../support/errors.js';
import { faultyFs, systemError } from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';
import { jobId, line, rowsOf, statesOf, text, writeQueue } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';
import { deferred, until } from '../../../support/waiting.js';

async function some(t: Parameters<typeof openTest>[0]) {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(
    file,
    line({ id: 'aa01', type: 'email' }),
    line({ id: 'aa02', type: 'report', status: 'failed', version: 3 }),
    line({ id: 'ab03', type: 'email', status: 'completed', version: 3 }),
    line({ id: 'ab04', type: 'email', status: 'failed', version: 3 }),
    line({ id: 'b005', type: 'größe', status: 'processing', version: 2 }),
    line({ id: 'b006', type: 'email', status: 'cancelled', version: 2 }),
  );
  return openTest(t, { file });
}

for (const [name, options, ids] of [
  ['everything', {}, ['aa01', 'aa02', 'ab03', 'ab04', 'b005', 'b006']],
  ['one state', { status: 'failed' }, ['aa02', 'ab04']],
  ['several states', { status: ['failed', 'pending'] }, ['aa01', 'aa02', 'ab04']],
  ['a state that is named twice', { status: ['failed', 'failed'] }, ['aa02', 'ab04']],
  ['no state', { status: [] }, []],
  ['one type', { type: 'email' }, ['aa01', 'ab03', 'ab04', 'b006']],
  ['a type that is not ASCII', { type: 'größe' }, ['b005']],
  ['a type that no job has', { type: 'toString' }, []],
  ['the beginning of an id', { idPrefix: 'ab' }, ['ab03', 'ab04']],
  ['a limit', { limit: 2 }, ['aa01', 'aa02']],
  ['a limit of 0', { limit: 0 }, []],
  ['all of it together', { status: 'failed', type: 'email', idPrefix: 'a', limit: 5 }, ['ab04']],
] as [string, ListOptions, string[]][]) {
  test(`the list is limited to ${name}, in the order of the file`, async (t) => {
    const { queue } = await some(t);
    assert.deepEqual(
      (await queue.listJobs(options)).map(({ id }) => id),
      ids,
    );
    const iterated: string[] = [];
    for await (const { id } of queue.iterateJobs(options)) iterated.push(id);
    assert.deepEqual(iterated, ids);
  });
}

test('filters that can not be used are refused', async (t) => {
  const { queue } = await some(t);
  for (const [options, message] of [
    [{ status: 'done' }, 'status is "done"'],
    [{ status: ['failed', 'x'] }, 'status is "x"'],
    [{ limit: -1 }, 'limit is -1'],
    [{ limit: 1.5 }, 'limit is 1.5'],
    [{ order: 'asc' }, 'options.order'],
    [{ type: null }, 'type is null'],
    [{ idPrefix: /a/ }, 'idPrefix is'],
    [null, 'options is null'],
  ] as [ListOptions, string][]) {
    await rejects(queue.listJobs(options), 'INVALID_ARGUMENT', message);
    await rejects(queue.iterateJobs(options).next(), 'INVALID_ARGUMENT', message);
  }
});

test('a list is empty without a file', async (t) => {
  const { queue } = openTest(t);
  assert.deepEqual(await queue.listJobs(), []);
  for await (const _ of queue.iterateJobs()) assert.fail();
});

test('the loop can be left at any time', async (t) => {
  const { queue } = openTest(t);
  await queue.enqueueMany(Array.from({ length: 1500 }, (_, n) => ({ type: 'email', payload: n })));
  let seen = 0;
  for await (const _ of queue.iterateJobs()) if (++seen === 3) break;
  assert.equal(seen, 3);
  await queue.compact();
  assert.equal((await queue.listJobs()).length, 1500);
});

test('a list that takes long shows each job once, as it is when its turn comes', async (t) => {
  const { queue, file } = openTest(t);
  const ids = await queue.enqueueMany(
    Array.from({ length: 1800 }, (_, n) => ({ type: 'email', payload: n })),
  );
  const other = openTest(t, { file });
  const seen = new Map<string, string>();
  for await (const { id, status } of queue.iterateJobs()) {
    assert.equal(seen.has(id), false);
    seen.set(id, status);
    if (seen.size === 100) {
      await other.queue.cancelJob(ids[1700] as string);
      await other.queue.compact();
      await other.queue.cancelJob(ids[1500] as string);
    }
  }
  assert.equal(seen.size, 1800);
  assert.equal(seen.get(ids[1700] as string), 'cancelled');
});

test('a commit during a list strikes what it supersedes', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  const ids = await queue.enqueueMany(
    Array.from({ length: 1200 }, (_, n) => ({ type: 'email', payload: n })),
  );
  const syncing = deferred();
  const goOn = deferred();
  let cancelling: Promise<boolean> | undefined;
  let seen = 0;
  for await (const _ of queue.iterateJobs()) {
    if (++seen !== 100) continue;
    fault.do = (call, real) => {
      if (call.name !== 'fdatasync') return real();
      syncing.resolve();
      return goOn.promise.then(real);
    };
    cancelling = queue.cancelJob(ids[0] as string);
    await syncing.promise;
    // The disk is done when the list has come to its next part, or waits for the disk.
    setTimeout(goOn.resolve, 50);
  }
  assert.equal(await cancelling, true);
  fault.do = undefined;
  assert.equal(seen, 1200);
  assert.deepEqual(
    statesOf(file).filter((state) => state.startsWith(ids[0] as string)),
    [`${ids[0]} cancelled`],
  );
});

test('a list has all jobs of an unread compaction by another process', async (t) => {
  const { queue, file } = openTest(t);
  await queue.enqueueMany(Array.from({ length: 50 }, (_, n) => ({ type: 'email', payload: n })));
  await queue.listJobs();
  const other = openTest(t, { file });
  await other.queue.processJobs({ email: () => {} });
  await other.queue.compact();
  assert.equal((await queue.listJobs({ status: 'completed' })).length, 50);
  assert.equal(rowsOf(file).length, 50);
  await until('the list is stable', async () => (await queue.listJobs()).length === 50);
});

/** More jobs than are read at once. */
const MANY = Array.from({ length: 1200 }, (_, n) => jobId(n));

test('a long list of several states is in the order of the file', async (t) => {
  const { queue, file } = openTest(t);
  writeQueue(file, ...MANY.map((id, n) => line({ id, status: n % 2 === 0 ? 'pending' : 'processing' })));
  assert.deepEqual(
    (await queue.listJobs()).map(({ id }) => id),
    MANY,
  );
});

test('a list of many jobs is in the order of the file, and leaves the process time for other work', async (t) => {
  const { queue, file } = openTest(t);
  const rows = Array.from({ length: 21_000 }, (_, n) => line({ id: jobId(n) }));
  // What has changed stands behind all others, whenever it came.
  const again = [5, 9_000, 700].map((n) => line({ id: jobId(n), status: 'cancelled', version: 2 }));
  writeQueue(file, ...rows, ...again);
  await queue.stats();
  let turns = 0;
  const count = (): void => {
    turns++;
    timer = setImmediate(count);
  };
  let timer = setImmediate(count);
  const first = await queue.listJobs({ limit: 1 });
  clearImmediate(timer);
  assert.ok(turns > 1, `${turns} turns`);
  assert.equal(first[0]?.id, jobId(0));
  const ids = (await queue.listJobs()).map(({ id }) => Number.parseInt(id, 16));
  assert.deepEqual(ids, [
    ...Array.from(rows.keys()).filter((n) => n !== 5 && n !== 9_000 && n !== 700),
    ...[5, 9_000, 700],
  ]);
});

test('a list of pending jobs leaves out those that were cancelled or struck before their turn', async (t) => {
  const { queue, file } = openTest(t);
  writeQueue(file, ...MANY.map((id) => line({ id })));
  const other = openTest(t, { file });
  const [cancelled, crossedOut] = [MANY[1100] as string, MANY[1150] as string];
  const seen: string[] = [];
  for await (const { id } of queue.iterateJobs({ status: 'pending' })) {
    if (seen.push(id) > 1) continue;
    await other.queue.cancelJob(cancelled);
    // By hand: a `#` over the first byte of the row.
    const fd = openSync(file, 'r+');
    writeSync(fd, '#', text(file).indexOf(crossedOut));
    closeSync(fd);
  }
  assert.deepEqual(
    seen,
    MANY.filter((id) => id !== cancelled && id !== crossedOut),
  );
});

test('a list that can not be read further rejects with an error that names the file', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  writeQueue(file, ...MANY.map((id) => line({ id })));
  const reading = async (): Promise<void> => {
    for await (const _ of queue.iterateJobs()) {
      fault.do = (call, real) => {
        if (call.name === 'readSync' || call.name === 'read') throw systemError('EIO');
        return real();
      };
    }
  };
  await rejects(reading(), 'WRITE_FAILED', file, 'EIO');
});

test('a list that was left or read to its end keeps no descriptor', async (t) => {
  const { fs, calls } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  writeQueue(file, ...MANY.map((id) => line({ id })));
  for await (const _ of queue.iterateJobs()) break;
  await queue.listJobs();
  await queue.close();
  const closed = () => calls.filter(({ name, path }) => name === 'closeLater' && path === file).length;
  await until('the file is closed', () => closed() === 1);
});
