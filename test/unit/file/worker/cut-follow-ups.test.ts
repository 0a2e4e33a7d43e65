import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { test } from 'node:test';
import { systemFs } from '../../../../lib/file/disk/fs.js';
import type { Handlers } from '../../../../lib/runner/handler.js';
import { bytesOf, faultyFs, isAppend, systemError } from '../../../support/faulty-fs.js';
import { jobId, line, linesOf, rowsOf } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';
import { deferred } from '../../../support/waiting.js';

/*
 * Follow-ups of a completion that a full disk or a short write cut off.
 */

for (const size of ['small', 'large'] as const) {
  test(`follow-ups that a short write cut off their completion are made, in a ${size} file`, async (t) => {
    const { fs, fault } = faultyFs();
    const { queue, file } = openTest(t, { fs });
    // A large file is not compacted at the end of every tick, which would make up for it.
    if (size === 'large')
      await queue.enqueueMany(
        Array.from({ length: 600 }, () => ({
          type: 'other',
          payload: 'x'.repeat(500),
          options: { delay: '1d' },
        })),
      );
    const id = await queue.enqueue('image', {});
    let cut = false;
    fault.do = (call, real) => {
      const bytes = isAppend(call, file) ? bytesOf(call) : undefined;
      if (cut || !bytes?.includes('\tcompleted\t')) return real();
      cut = true;
      return fs.writeSync(call.args[0] as number, bytes.subarray(0, bytes.indexOf(10) + 1 + 30), null);
    };
    let next: string[] = [];
    const ran: unknown[] = [];
    const summary = await queue.processJobs({
      image: (_, { enqueue }) => {
        next = [enqueue('thumb', 1), enqueue('thumb', 2)];
      },
      thumb: (n) => void ran.push(n),
    });
    fault.do = undefined;
    assert.equal(cut, true);
    assert.equal((await queue.getJob(id))?.status, 'completed');
    for (const one of next) assert.ok(await queue.getJob(one), linesOf(file).slice(-4).join('\n'));
    assert.deepEqual(ran.length === 0 ? [1, 2] : ran, [1, 2], 'once each');
    assert.ok(summary.completed >= 1);
  });
}

test('a disk that fills up during follow-ups, twice, starts no job without its claim', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file, clock } = openTest(t, { fs });
  await queue.enqueue('image', {});
  const other = await queue.enqueue('other', {});
  let cuts = 0;
  let isFull = false;
  // Each time one row goes in, a part of the next, and then nothing more: not even the closing of that.
  fault.do = (call, real) => {
    const bytes = isAppend(call, file) ? bytesOf(call) : undefined;
    if (bytes === undefined) return real();
    if (isFull) {
      isFull = false;
      throw systemError('ENOSPC');
    }
    if (!bytes.includes(['\tcompleted\t', '\tthumb\t'][cuts] ?? 'no more')) return real();
    cuts++;
    isFull = true;
    return systemFs.writeSync(call.args[0] as number, bytes.subarray(0, bytes.indexOf(10) + 1 + 20), null);
  };
  const ran: unknown[] = [];
  let over = false;
  const working = queue
    .processJobs(
      {
        image: (_, { enqueue }) => void [enqueue('thumb', 1), enqueue('thumb', 2)],
        thumb: (n) => void ran.push(n),
        other: () => {
          const row = rowsOf(file).findLast(({ id }) => id === other);
          ran.push(`${row?.status} ${row?.attempts}`);
        },
      },
      { linger: '1m' },
    )
    .finally(() => {
      over = true;
    });
  await clock.advanceUntil('the worker has ended', () => over);
  const { completed, failed } = await working;
  assert.deepEqual(
    { cuts, completed, failed, ran: ran.sort() },
    { cuts: 2, completed: 4, failed: 0, ran: [1, 2, 'processing 1'] },
  );
});

test('follow-ups that a full disk cut off, and that others have made and run meanwhile, run once', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file, clock } = openTest(t, { fs });
  const other = openTest(t, { file, clock }).queue;
  // So many that their end is marked, and no look needs to read them again.
  await other.enqueueMany(Array.from({ length: 500 }, () => ({ type: 'old', payload: 'x'.repeat(200) })));
  await other.processJobs({ old: () => {} });
  await other.enqueue('image');
  const cut = deferred();
  let isFull = false;
  fault.do = (call, real) => {
    const bytes = isAppend(call, file) ? bytesOf(call) : undefined;
    if (isFull && bytes !== undefined) throw systemError('ENOSPC');
    if (!bytes?.includes('\tcompleted\t')) return real();
    isFull = true;
    return systemFs.writeSync(call.args[0] as number, bytes.subarray(0, bytes.indexOf(10) + 1), null);
  };
  let over = false;
  const working = queue
    .processJobs(
      { image: (_, { enqueue }) => enqueue('thumb') },
      { linger: '2m', logger: ({ event }) => event === 'warning' && cut.resolve() },
    )
    .finally(() => {
      over = true;
    });
  await cut.promise;
  let ran = 0;
  const thumb = (): void => void ran++;
  // The worker has left a repair to the next process that takes the lock, although it lives.
  await other.compact();
  assert.equal((await other.listJobs({ type: 'thumb', status: 'pending' })).length, 1);
  await other.processJobs({ thumb });
  await other.compact();
  fault.do = undefined;
  await clock.advanceUntil('the worker has ended', () => over);
  await working;
  await openTest(t, { file, clock }).queue.processJobs({ thumb });
  assert.equal(ran, 1);
});

test('the follow-ups of an outcome that finds no room, after a compaction, are not in the file either', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file, clock } = openTest(t, { fs });
  const other = openTest(t, { file }).queue;
  const id = await queue.enqueue('image', {});
  const refused = deferred();
  let next = '';
  const working = queue.processJobs({
    image: async (_, { enqueue }) => {
      next = enqueue('thumb', 1);
      await other.compact();
      fault.do = (call, real) => {
        if (!isAppend(call, file)) return real();
        fault.do = undefined;
        refused.resolve();
        throw systemError('ENOSPC');
      };
    },
  });
  await refused.promise;
  assert.equal(await other.cancelJob(id), true);
  let over = false;
  working.finally(() => {
    over = true;
  });
  await clock.advanceUntil('the worker has ended', () => over);
  await working;
  assert.equal((await other.getJob(id))?.status, 'cancelled');
  assert.equal(await other.getJob(next), undefined);
});

test('follow-ups of a completion that was glued to a fragment, and is written again, are there once', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  await queue.enqueue('image', {});
  const fragment = line({ id: jobId(7) }).slice(0, 40);
  fault.do = (call, real) => {
    if (isAppend(call, file) && bytesOf(call).includes('\tcompleted\t')) {
      fault.do = undefined;
      // Its writer is killed in the midst of it, right after we have seen the file end well.
      appendFileSync(file, fragment);
    }
    return real();
  };
  const ran: unknown[] = [];
  const handlers: Handlers = {
    image: (_, { enqueue }) => [enqueue('thumb', 1), enqueue('thumb', 2)],
    thumb: (size) => void ran.push(size),
  };
  await queue.processJobs(handlers);
  await queue.processJobs(handlers);
  assert.equal(fault.do, undefined);
  assert.deepEqual(ran, [1, 2]);
  assert.deepEqual(
    linesOf(file).filter((one) => one.startsWith('#duplicate')),
    [],
  );
});
