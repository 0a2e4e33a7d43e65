import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { rejects } from '../../../support/errors.js';
import { before, shortOnce } from '../../../support/faults.js';
import { faultyFs, isAppend } from '../../../support/faulty-fs.js';
import { fileOf, jobId, line, rowsOf, statesOf, text } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

/*
 * `maxBytes`: an enqueue whose rows would make the file larger is refused, and nothing else is.
 */

const sizeOf = (file: string): number => statSync(file).size;

/** How many bytes the row of a job with this payload has. */
async function rowBytes(t: Parameters<typeof openTest>[0], payload: unknown): Promise<number> {
  const { queue, file } = openTest(t);
  await queue.enqueue('email', payload);
  const before = sizeOf(file);
  await queue.enqueue('email', payload);
  return sizeOf(file) - before;
}

/** A queue with one job, whose file may grow by so many bytes. */
function withRoom(t: Parameters<typeof openTest>[0], bytes: number, ...lines: string[]) {
  const file = fileOf(t, line({ id: jobId(1), run_at: 4e9 }), ...lines);
  return openTest(t, { file, maxBytes: sizeOf(file) + bytes });
}

test('a job that fits to the last byte goes in, and one that does not is refused', async (t) => {
  for (const payload of ['a', 'größe 😀']) {
    const bytes = await rowBytes(t, payload);
    const fits = withRoom(t, bytes);
    await fits.queue.enqueue('email', payload);
    assert.equal(rowsOf(fits.file).length, 2);
    const tight = withRoom(t, bytes - 1);
    const content = text(tight.file);
    const size = sizeOf(tight.file);
    const { written } = await rejects(
      tight.queue.enqueue('email', payload),
      'QUEUE_FULL',
      tight.file,
      `it has ${size} bytes, and ${bytes} more`,
      `maxBytes, ${size + bytes - 1}`,
      'purge finished jobs, keep them for less long, or raise maxBytes',
    );
    assert.deepEqual(written, []);
    assert.equal(text(tight.file), content);
  }
});

test('of many jobs all go in, or none', async (t) => {
  const bytes = await rowBytes(t, 'a');
  const jobs = Array.from({ length: 10 }, () => ({ type: 'email', payload: 'a' }));
  const tight = withRoom(t, bytes * 10 - 1);
  await rejects(tight.queue.enqueueMany(jobs), 'QUEUE_FULL');
  assert.equal(rowsOf(tight.file).length, 1);
  await tight.queue.enqueueMany(jobs.slice(1));
  assert.equal(rowsOf(tight.file).length, 10);
});

test('of jobs that are added at the same time, those that fit go in, and the others are refused', async (t) => {
  const bytes = await rowBytes(t, 'a');
  const { queue, file } = withRoom(t, bytes * 3);
  const added = await Promise.allSettled([
    queue.enqueue('email', 'a'),
    queue.enqueue('email', 'x'.repeat(1000)),
    queue.enqueue('email', 'a'),
    queue.enqueueMany([{ type: 'email' }, { type: 'email' }]),
    queue.enqueue('email', 'a'),
    queue.enqueue('email', 'a'),
  ]);
  assert.deepEqual(
    added.map(({ status }) => status === 'fulfilled'),
    [true, false, true, false, true, false],
  );
  assert.equal(rowsOf(file).length, 4);
});

test('jobs with a key are refused as well, and a duplicate that adds nothing is not', async (t) => {
  const { queue, file } = withRoom(t, -1, line({ id: jobId(2), dedupe_key: 'a', run_at: 4e9 }));
  await rejects(queue.enqueue('email', 1, { dedupeKey: 'b' }), 'QUEUE_FULL');
  await rejects(queue.enqueue('email', 1, { dedupeKey: 'a', onDuplicate: 'replace' }), 'QUEUE_FULL');
  assert.equal(await queue.enqueue('email', 1, { dedupeKey: 'a' }), jobId(2));
  const all = await Promise.allSettled(
    ['b', 'c'].map((dedupeKey) => queue.enqueue('email', 1, { dedupeKey })),
  );
  for (const one of all) assert.equal(one.status === 'rejected' && one.reason.code, 'QUEUE_FULL');
  assert.equal(rowsOf(file).length, 2);
});

test('workers, operators and schedules go on in a file that is full', async (t) => {
  const { queue, file, clock } = withRoom(
    t,
    0,
    line({ id: jobId(2), status: 'failed', version: 3, finished_at: 4e9 }),
    line({ id: jobId(3) }),
    line({ id: jobId(4), run_at: 4e9 }),
  );
  await queue.schedule('hourly', { type: 'email', every: '1h' });
  clock.advance(3_600_000);
  const runs: string[] = [];
  await queue.processJobs({
    email: (_, { job, enqueue }) => {
      runs.push(job.id);
      if (job.id === jobId(3)) enqueue('next');
    },
  });
  assert.equal(runs.length, 2, 'a job and that of the slot');
  assert.equal(await queue.retryJob(jobId(2)), true);
  assert.equal(await queue.cancelJob(jobId(1)), true);
  assert.equal(await queue.promoteJob(jobId(4)), true);
  await queue.pause('email');
  await rejects(queue.enqueue('email'), 'QUEUE_FULL');
  assert.ok(rowsOf(file).some(({ type, status }) => type === 'next' && status === 'pending'));
});

test('there is room again once the file is compacted', async (t) => {
  const { queue } = withRoom(
    t,
    0,
    line({ id: jobId(2), status: 'failed', version: 3, finished_at: 5, error: 'bad luck, '.repeat(20) }),
  );
  await rejects(queue.enqueue('email'), 'QUEUE_FULL');
  assert.deepEqual(await queue.purge({ status: 'failed' }), { purged: 1 });
  await queue.enqueue('email');
});

test('a job is not refused because of its own row of an earlier try', async (t) => {
  const bytes = await rowBytes(t, 'a');
  const { fs, fault } = faultyFs();
  const file = fileOf(t, line({ id: jobId(1) }));
  const { queue } = openTest(t, { file, fs, maxBytes: sizeOf(file) + bytes });
  // A process says that it rewrites the file, right after the append, and dies before it has begun.
  fault.do = (call, real) => {
    const result = real();
    if (isAppend(call, file)) {
      fault.do = undefined;
      mkdirSync(`${file}.lock/rewriting`, { recursive: true });
    }
    return result;
  };
  const id = await queue.enqueue('email', 'a');
  assert.deepEqual(statesOf(file), [`${jobId(1)} pending`, `${id} pending`]);
});

test('a job whose row is glued to a fragment, and jobs of which a short write left some, are not refused', async (t) => {
  const bytes = await rowBytes(t, 'a');
  for (const fault of [
    (file: string) =>
      before(
        (call) => isAppend(call, file),
        () => appendFileSync(file, 'fragment'),
      ),
    (file: string) => shortOnce(file, () => bytes + 10),
  ]) {
    const { fs, fault: inject } = faultyFs();
    const file = fileOf(t, line({ id: jobId(1) }));
    const { queue } = openTest(t, { file, fs, maxBytes: sizeOf(file) + 2 * bytes });
    inject.do = fault(file);
    const ids = await queue.enqueueMany([
      { type: 'email', payload: 'a' },
      { type: 'email', payload: 'a' },
    ]);
    for (const id of ids) assert.equal((await queue.getJob(id))?.status, 'pending');
  }
});

test('the limit costs no call to the system', async (t) => {
  const count = async (maxBytes: number): Promise<string[]> => {
    const { fs, calls } = faultyFs();
    const file = fileOf(t, line({ id: jobId(1) }));
    const { queue } = openTest(t, { file, fs, maxBytes });
    await queue.enqueue('email');
    calls.length = 0;
    await queue.enqueue('email');
    await queue.enqueue('email', 1, { dedupeKey: 'a' });
    return calls.map(({ name }) => name);
  };
  assert.deepEqual(await count(4000), await count(Number.POSITIVE_INFINITY));
});
