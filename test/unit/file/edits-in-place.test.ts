import assert from 'node:assert/strict';
import { statSync, truncateSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { rejects } from '../../support/errors.js';
import { bytesOf, faultyFs, isAppend } from '../../support/faulty-fs.js';
import { fileOf, jobId, line, saveAs, statesOf, text } from '../../support/queue-file.js';
import { openTest } from '../../support/queues.js';
import { deferred, eventually, settle } from '../../support/waiting.js';

/*
 * A file that is edited in place, as nano and `cat > file` do, while processes have it open.
 */

for (const [what, edit] of [
  [
    'longer',
    (content: string) =>
      content.replace('\n', '\n# a note of somebody, who had something to say about all this\n'),
  ],
  ['shorter', (content: string) => content.replace('# some note\n', '')],
  [
    'as long as before',
    (content: string) =>
      content
        .replace('# some note', '')
        .replace(/\n$/, '\n# some note'.slice(0, -1))
        .replace(/# some not$/, '# some no\n'),
  ],
  [
    'as long as before, with the same end',
    (content: string) =>
      content.replace('# some note', '# som').replace('\t2\tpending', '\t2      \tpending'),
  ],
] as const) {
  test(`a file edited in place, now ${what}, is read again by a process that has it open`, async (t) => {
    const file = fileOf(
      t,
      '# some note\n',
      ...[1, 2, 3].map((n) => line({ id: jobId(n), payload: String(n) })),
    );
    const { queue } = openTest(t, { file });
    assert.equal((await queue.listJobs()).length, 3);
    const { ino } = statSync(file);
    writeFileSync(file, edit(text(file)));
    assert.equal(statSync(file).ino, ino);

    const job = await queue.getJob(jobId(2));
    assert.equal(job?.payload, 2);
    assert.deepEqual(
      (await queue.listJobs()).map(({ id, payload }) => `${id} ${payload}`),
      [1, 2, 3].map((n) => `${jobId(n)} ${n}`),
    );
  });

  test(`a cancel in a file edited in place, now ${what}, is true of the file`, async (t) => {
    const file = fileOf(
      t,
      '# some note\n',
      ...[1, 2, 3].map((n) => line({ id: jobId(n), payload: String(n) })),
    );
    const { queue } = openTest(t, { file });
    assert.equal((await queue.listJobs()).length, 3);
    writeFileSync(file, edit(text(file)));

    assert.equal(await queue.cancelJob(jobId(2)), true);
    const fresh = openTest(t, { file }).queue;
    assert.equal((await fresh.getJob(jobId(2)))?.status, 'cancelled');
    assert.equal((await fresh.listJobs()).length, 3);
    assert.equal(await queue.retryJob(jobId(2)), true);
    assert.equal((await openTest(t, { file }).queue.getJob(jobId(2)))?.status, 'pending');
  });

  test(`a lingering worker sees the jobs of a file edited in place, now ${what}`, async (t) => {
    const file = fileOf(
      t,
      '# some note\n',
      ...[1, 2, 3].map((n) => line({ id: jobId(n), payload: String(n), run_at: 1_893_456_060 })),
    );
    const { queue, clock } = openTest(t, { file });
    const stop = new AbortController();
    const ran: unknown[] = [];
    const working = queue.processJobs(
      { email: (payload) => void ran.push(payload) },
      { linger: '1h', signal: stop.signal },
    );
    await clock.advanceUntil('the worker has looked', () => clock.now() > 1_893_456_002_000);
    writeFileSync(file, edit(text(file)));
    await clock.advanceUntil('they are due', () => clock.now() > 1_893_456_061_000);
    await eventually(() => ran.length === 3);
    stop.abort();
    await working;
    // What has moved is found anew; the order among them is not promised across an edit without the lock.
    assert.deepEqual(ran.sort(), [1, 2, 3]);
  });
}

test('an editor that saves an old copy loses only newer rows, and damages nothing', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  const first = await queue.enqueue('email', 1);
  const opened = text(file);
  let saved = false;
  fault.do = (call, real) => {
    const result = real();
    if (!saved && isAppend(call, file) && bytesOf(call).length > 20) {
      saved = true;
      saveAs(file, opened);
    }
    return result;
  };
  const second = await queue.enqueue('email', 2);
  fault.do = undefined;
  assert.deepEqual(statesOf(file), [`${first} pending`, `${second} pending`]);
});

test('an emptied file (`> queue.tsv`) is a queue without jobs, also for a process that has it open', async (t) => {
  for (const left of [0, 10]) {
    const { queue, file } = openTest(t);
    await queue.enqueueMany([{ type: 'email' }, { type: 'email' }]);
    await queue.stats();
    truncateSync(file, left);
    if (left > 0) {
      // What is left of the header is none: nothing is added to it.
      const before = text(file);
      await rejects(queue.enqueue('email', 3), 'NOT_A_QUEUE');
      assert.equal(text(file), before);
      continue;
    }
    const id = await queue.enqueue('email', 3);
    assert.deepEqual(
      (await openTest(t, { file }).queue.listJobs()).map((job) => job.id),
      [id],
    );
    assert.deepEqual((await queue.stats()).total, 1);
  }
});

test('the next attempt gets what an edit under the lock made of a job, also if the job was about to be claimed, or ran', {
  timeout: 20_000,
}, async (t) => {
  const { queue, file, clock } = openTest(t);
  const editor = openTest(t, { file, clock }).store;
  const replace = (from: string, to: string): void => {
    assert.ok(text(file).includes(`\t"${from}"\t`));
    writeFileSync(file, text(file).replaceAll(`\t"${from}"\t`, `\t"${to}"\t`));
  };
  const id = await queue.enqueue('email', 'first', { delay: '1m' });
  const payloads: unknown[] = [];
  const running = deferred();
  const edited = deferred();
  const stop = new AbortController();
  const working = queue.processJobs(
    {
      email: async (payload) => {
        if (payloads.push(payload) > 1) return stop.abort();
        running.resolve();
        await edited.promise;
        throw new Error('once more');
      },
    },
    { linger: Number.POSITIVE_INFINITY, backoff: [0], signal: stop.signal },
  );
  await settle();
  await editor.edit(async () => {
    clock.advance(60_000);
    // The worker picks the job, and waits for the lock.
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    replace('first', 'second');
  });
  await running.promise;
  await editor.edit(async () => replace('second', 'third'));
  edited.resolve();
  await working;
  assert.deepEqual(payloads, ['second', 'third']);
  assert.deepEqual((await queue.getJob(id))?.payload, 'third');
  assert.equal((await queue.getJob(id))?.attempts, 2);
});
