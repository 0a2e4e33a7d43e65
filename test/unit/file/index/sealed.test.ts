import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Call, faultyFs } from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';
import { jobId, line, linesOf, rowsOf, statesOf, text, writeQueue } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

/*
 * A large file begins with its finished jobs and a note of the byte where they end. A process that looks for work
 * begins there.
 */

const FINISHED = 1000;
const old = (n: number): string =>
  line({
    id: jobId(n),
    status: 'completed',
    version: 3,
    finished_at: 1_893_400_000,
    payload: JSON.stringify('x'.repeat(200)),
  });

/** A compacted file with many finished jobs and two that wait. */
async function settledFile(t: TestContext): Promise<string> {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const lines = Array.from({ length: FINISHED }, (_, n) => old(1000 + n));
  writeQueue(file, line({ id: jobId(1) }), ...lines, line({ id: jobId(2), run_at: 2000 }));
  const { queue } = openTest(t, { file });
  await queue.compact();
  await queue.close();
  return file;
}

/** How much of the queue file these calls read, in pieces of a kilobyte. */
function bytesRead(calls: readonly Call[], file: string): number {
  const { size } = statSync(file);
  const seen = new Set<number>();
  for (const { name, path, args } of calls) {
    if ((name !== 'read' && name !== 'readSync') || path !== file) continue;
    const [, , length, from] = args as [number, Buffer, number, number];
    for (let at = from; at < Math.min(from + length, size); at += 1024) seen.add(at >> 10);
  }
  return seen.size * 1024;
}

test('finished jobs stand first, after a note of where they end; a small file has no note', async (t) => {
  const file = await settledFile(t);
  const [note = '', ...lines] = linesOf(file);
  const end = Number(/^# finished jobs end at byte (\d+)/.exec(note)?.[1]);
  assert.match(readFileSync(file).subarray(end).toString(), /^# open jobs begin here\n/);
  assert.equal(
    lines.findIndex((one) => one.startsWith('#')),
    FINISHED,
  );
  assert.deepEqual(statesOf(file).slice(-2), [`${jobId(1)} pending`, `${jobId(2)} pending`]);

  const small = openTest(t);
  await small.queue.enqueue('email', {});
  await small.queue.compact();
  assert.doesNotMatch(text(small.file), /# finished/);
});

test('a tick with nothing to do reads hardly any of the finished jobs', async (t) => {
  const file = await settledFile(t);
  const { size } = statSync(file);
  const { fs, calls } = faultyFs();
  const { queue } = openTest(t, { file, fs });
  const summary = await queue.processJobs({ other: () => {} });
  assert.deepEqual(summary.unhandled, { email: 2 });
  assert.ok(bytesRead(calls, file) < size - 40 * 1024, `${bytesRead(calls, file)} of ${size}`);
});

test('jobs run in a file with a note of the sealed part, and every job is found', async (t) => {
  const file = await settledFile(t);
  const { queue } = openTest(t, { file });
  const id = await queue.enqueue('email', {});
  const summary = await queue.processJobs({ email: () => 'sent' });
  assert.equal(summary.completed, 3);
  for (const one of [jobId(1), jobId(2), id, jobId(1000), jobId(1000 + FINISHED - 1)]) {
    assert.equal((await queue.getJob(one))?.status, 'completed');
  }
  assert.equal((await queue.stats()).completed, FINISHED + 3);
  assert.equal((await queue.listJobs()).length, FINISHED + 3);
});

test('further compactions keep one note, wherever it has moved', async (t) => {
  const file = await settledFile(t);
  const { queue } = openTest(t, { file });
  for (let round = 0; round < 3; round++) {
    await queue.enqueueMany([{ type: 'email', payload: round }]);
    await queue.processJobs({ email: () => {} });
    await queue.compact();
    assert.equal(text(file).split('# finished jobs end at byte').length, 2);
    assert.equal(text(file).split('# open jobs begin here').length, 2);
  }
  assert.equal((await queue.listJobs({ status: 'completed' })).length, FINISHED + 5);
  assert.equal(new Set((await queue.listJobs()).map(({ id }) => id)).size, FINISHED + 5);
});

test('a retry of a finished job is seen, also by a process that reads only the open part', async (t) => {
  const file = await settledFile(t);
  writeFileSync(
    file,
    text(file)
      .replace(`${jobId(1005)}\temail`, `${jobId(1005)}\tretry`)
      .replace(/(0*3ed\tretry.*)\tcompleted\t/, '$1\tcancelled\t'),
  );
  const { queue } = openTest(t, { file });
  assert.equal((await queue.getJob(jobId(1005)))?.status, 'cancelled');
  assert.equal(await queue.retryJob(jobId(1005)), true);
  const other = openTest(t, { file });
  assert.equal((await other.queue.processJobs({ retry: () => 5 })).completed, 1);
  await other.queue.compact();
  assert.deepEqual(
    statesOf(file).filter((state) => state.startsWith(jobId(1005))),
    [`${jobId(1005)} completed`],
  );
  assert.equal((await queue.getJob(jobId(1005)))?.result, 5);
});

test('an edit by hand among the finished jobs makes the note invalid, and is seen', async (t) => {
  const file = await settledFile(t);
  // A person makes a finished job pending again, as the manual of the format would have it.
  const edited = text(file).replace(/^(0*3ec\t.*)\tcompleted\t(.*)\t3$/m, '$1\tpending\t$2\t4');
  assert.notEqual(edited, text(file));
  writeFileSync(file, edited);
  const { queue } = openTest(t, { file });
  const ran: string[] = [];
  await queue.processJobs({ email: (_, { job }) => void ran.push(job.id) });
  assert.ok(ran.includes(jobId(1004)), ran.join());
});

test('an edit that shortens or lengthens what stands before the open jobs loses none of them', async (t) => {
  for (const edit of [
    (content: string) => content.replace(/^0*3f0\t.*\n/m, ''),
    (content: string) => content.replace(/^(0*3f0\t)/m, '# a note\n$1'),
    (content: string) => content.replace(/^# finished jobs.*\n/m, ''),
    (content: string) => content.replace('# open jobs begin here\n', ''),
    (content: string) => content.replace(/at byte \d+/, 'at byte 000000000000007'),
    (content: string) => content.replace(/at byte \d+/, 'at byte 999999999999999'),
    (content: string) => content.replace(/at byte \d+/, 'at byte soon'),
  ]) {
    const file = await settledFile(t);
    writeFileSync(file, edit(text(file)));
    const { queue } = openTest(t, { file });
    assert.equal((await queue.processJobs({ email: () => {} })).completed, 2);
  }
});

test('a copy of a finished row that a person appended and changed does not count, because the earlier of two equal versions counts', async (t) => {
  const file = await settledFile(t);
  appendFileSync(file, old(1007).replace('\tcompleted\t', '\tpending\t'));
  const { queue } = openTest(t, { file });
  assert.equal((await queue.getJob(jobId(1007)))?.status, 'completed');
  const other = openTest(t, { file });
  const ran: string[] = [];
  await other.queue.processJobs({ email: (_, { job }) => void ran.push(job.id) });
  assert.deepEqual(ran.sort(), [jobId(1), jobId(2)]);
  assert.equal((await queue.getJob(jobId(1007)))?.status, 'completed');
});

test('an old row of a finished job that a person puts back under the lock does not become newer', async (t) => {
  const file = await settledFile(t);
  const { store } = openTest(t, { file });
  await store.edit(async () => appendFileSync(file, line({ id: jobId(1007), version: 1 })));
  const ran: string[] = [];
  await openTest(t, { file }).queue.processJobs({ email: (_, { job }) => void ran.push(job.id) });
  assert.deepEqual(ran.sort(), [jobId(1), jobId(2)]);
  assert.deepEqual(
    rowsOf(file)
      .filter(({ id }) => id === jobId(1007))
      .map(({ status, version }) => [status, version]),
    [['completed', '3']],
  );
});

test('a process that knows only the open part compacts a retried and a copied job, and keeps each once', async (t) => {
  const file = await settledFile(t);
  const failed = line({ id: jobId(1005), status: 'failed', version: 4, finished_at: 1_893_400_000 });
  appendFileSync(file, failed);
  appendFileSync(file, line({ id: jobId(1005), version: 5, attempts: 3, forgiven: 3 }));
  appendFileSync(file, old(1007).replace('\tcompleted\t', '\tpending\t'));
  appendFileSync(file, line({ id: jobId(3), run_at: 4e9 }));
  const { queue } = openTest(t, { file });
  const { kept } = await queue.compact();
  assert.equal(kept, FINISHED + 3);
  const states = statesOf(file);
  assert.equal(states.length, FINISHED + 3);
  assert.deepEqual(
    states.filter((state) => !state.endsWith('completed')).sort(),
    [1, 2, 3, 1005].map((n) => `${jobId(n)} pending`),
  );
  assert.ok(states.includes(`${jobId(1007)} completed`));
});

test('a finished job that a broken line holds stays in the open part, so the repaired line makes no new job', async (t) => {
  const file = await settledFile(t);
  const followUps = JSON.stringify([
    { type: 'thumb', payload: '1', createdAt: 5000, runAt: 6000, priority: 0 },
  ]);
  const finished = { status: 'completed', version: 3, attempts: 1, finished_at: 1_893_400_000 };
  appendFileSync(file, line({ ...finished, id: jobId(3) }));
  appendFileSync(file, line({ ...finished, id: jobId(4), follow_ups: followUps }));
  for (const n of [3, 4]) appendFileSync(file, line({ id: jobId(n), status: 'pendin?' }));
  await openTest(t, { file }).queue.compact();
  writeFileSync(file, text(file).replaceAll('pendin?', 'pending'));
  const { queue } = openTest(t, { file });
  const ran: string[] = [];
  await queue.processJobs({ email: (_, { job }) => void ran.push(job.id) });
  assert.deepEqual(ran.sort(), [jobId(1), jobId(2)]);
  for (const n of [3, 4]) assert.equal((await queue.getJob(jobId(n)))?.status, 'completed');
});

test('jobs that were added and finished since a compaction cause no read of the sealed part', async (t) => {
  const file = await settledFile(t);
  const done = openTest(t, { file }).queue;
  // One that is new, and one that waited when the file was written.
  await done.enqueue('email', 'new');
  await done.processJobs({ email: () => 'sent' });
  await done.close();
  const { size } = statSync(file);
  const { fs, calls } = faultyFs();
  const { queue } = openTest(t, { file, fs });
  await queue.enqueue('email', 'newer');
  const summary = await queue.processJobs({ email: () => 'sent' });
  assert.equal(summary.completed, 1);
  assert.ok(bytesRead(calls, file) < size - 40 * 1024, `${bytesRead(calls, file)} of ${size}`);
});
