import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openQueue } from 'tsvq';
import { systemClock } from '../../lib/job/clock.js';
import { type Fault, faultyFs } from '../support/faulty-fs.js';
import { temporaryFolder } from '../support/folders.js';
import { rowsOf } from '../support/queue-file.js';
import { openTest } from '../support/queues.js';
import { deferred } from '../support/waiting.js';

/*
 * A process reads a large file in pieces, without the lock, and does other things between them. Here the last of these
 * reads, which would find nothing more, comes late.
 */

async function lateLook(t: TestContext) {
  const file = join(temporaryFolder(t), 'queue.tsv');
  // More than is read at one go.
  const payload = 'x'.repeat(1_000);
  const others = openQueue(file);
  const ids = await others.enqueueMany(Array.from({ length: 100 }, () => ({ type: 'work', payload })));
  const { fs, fault } = faultyFs();
  const { queue } = openTest(t, { file, fs, clock: systemClock as never });
  const late = deferred();
  const goOn = deferred();
  const over = deferred();
  const closed = new Set<unknown>();
  const misused: string[] = [];
  let reads = 0;
  const hold: Fault = (call, real) => {
    // The number of a closed file may already stand for another: reading it need not fail.
    if (call.name === 'close') closed.add(call.args[0]);
    else if (call.name === 'open') {
      const fd = real();
      closed.delete(fd);
      return fd;
    } else if (closed.has(call.args[0])) misused.push(call.name);
    if (call.name !== 'read' || ++reads !== 2) return real();
    late.resolve();
    return goOn.promise.then(real).finally(() => setImmediate(over.resolve));
  };
  fault.do = hold;
  const look = queue.stats();
  await late.promise;
  return { file, queue, others, ids, look, goOn, over, fault, hold, misused };
}

test('a commit during a read strikes what it supersedes', { timeout: 60_000 }, async (t) => {
  const { file, queue, ids, look, goOn, over, fault, hold } = await lateLook(t);
  const [id = ''] = ids;
  // The look goes on between the commit's write and its end; or before, if the commit waits for it.
  setTimeout(goOn.resolve, 200);
  fault.do = (call, real) => {
    if (call.name !== 'fdatasync') return hold(call, real);
    goOn.resolve();
    return over.promise.then(real);
  };
  assert.equal(await queue.cancelJob(id), true);
  await look;
  assert.deepEqual(
    rowsOf(file)
      .filter((row) => row.id === id)
      .map(({ status }) => status),
    ['cancelled'],
  );
});

test('a read goes on after a compaction has replaced the file', { timeout: 60_000 }, async (t) => {
  const { queue, others, ids, look, goOn, misused } = await lateLook(t);
  await others.cancelJob(ids[0] as string);
  await others.compact();
  // This one finds that the path names another file, and lets go of the one that is being looked at.
  const id = await queue.enqueue('work');
  goOn.resolve();
  const { pending, cancelled } = await look;
  assert.deepEqual(misused, [], 'calls on a file that was closed');
  assert.deepEqual([pending, cancelled], [ids.length, 1]);
  assert.equal((await queue.getJob(id))?.status, 'pending');
});
