import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ListOptions } from 'tsvq';
import { rejects } from '../../../support/errors.js';
import { faultyFs } from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';
import { fileOf, jobId, line, rowsOf, text } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

const FOR_EVER = Number.POSITIVE_INFINITY;

for (const [status, works] of [
  ['pending', false],
  ['processing', false],
  ['completed', false],
  ['failed', true],
  ['cancelled', false],
] as const) {
  test(`dismissing a ${status} job gives ${works}`, async (t) => {
    const meta = '{"label":1,"@askedToWaitSince":5}';
    const before = { id: jobId(1), status, version: 4, attempts: 3, finished_at: 5, error: 'bad', meta };
    const file = fileOf(t, line(before));
    const { queue } = openTest(t, { file, retention: FOR_EVER });
    for (let times = 0; times < 2; times++) {
      assert.equal(await queue.dismissJob(jobId(1)), works);
      const job = await queue.getJob(jobId(1));
      assert.deepEqual(
        [job?.status, job?.dismissed, job?.attempts, job?.error, job?.finishedAt?.getTime(), job?.meta],
        [status, works, 3, 'bad', 5000, { label: 1 }],
      );
      const version = works ? '5' : '4';
      const note = works ? `${meta.slice(0, -1)},"@dismissed":true}` : meta;
      assert.deepEqual(
        rowsOf(file).map((row) => [row.version, row.meta]),
        [[version, note]],
        'a second call writes nothing',
      );
    }
  });
}

test('an unknown id gives false, and makes no file', async (t) => {
  const { queue, file } = openTest(t, { file: join(temporaryFolder(t), 'data', 'queue.tsv') });
  assert.equal(await queue.dismissJob('x'), false);
  assert.equal(existsSync(join(file, '..')), false);
  await queue.enqueue('email', {});
  for (const id of ['', 'x', '__proto__', '\n']) assert.equal(await queue.dismissJob(id), false);
});

test('a note that does not fit into meta is refused, and the job stays as it was', async (t) => {
  for (const meta of ['no json', `{"a":"${'x'.repeat(4085)}"}`]) {
    const file = fileOf(t, line({ id: jobId(1), status: 'failed', finished_at: 5, meta }));
    const before = text(file);
    const { queue } = openTest(t, { file, retention: FOR_EVER });
    await rejects(queue.dismissJob(jobId(1)), 'INVALID_ARGUMENT', "can't be dismissed", 'no room');
    assert.equal(text(file), before);
  }
});

test('a retry undoes it, and the next failure counts again', async (t) => {
  const { queue } = openTest(t);
  const id = await queue.enqueue('email', {}, { maxAttempts: 1, meta: { by: 'me' } });
  const email = (): never => {
    throw new Error('no');
  };
  await queue.processJobs({ email });
  assert.equal(await queue.dismissJob(id), true);
  assert.equal(await queue.retryJob(id), true);
  assert.equal((await queue.getJob(id))?.dismissed, false);
  await queue.processJobs({ email });
  const job = await queue.getJob(id);
  assert.deepEqual([job?.status, job?.dismissed, job?.meta], ['failed', false, { by: 'me' }]);
  assert.equal((await queue.stats()).dismissed, 0);
});

test('the list gives only dismissed jobs, or leaves them out', async (t) => {
  const { queue } = openTest(t, {
    file: fileOf(
      t,
      line({ id: jobId(1), meta: '{"@dismissed":true}' }),
      ...[2, 3].map((n) => line({ id: jobId(n), status: 'failed', finished_at: 1000 })),
    ),
    retention: FOR_EVER,
  });
  await queue.dismissJob(jobId(2));
  const listed = async (options: ListOptions): Promise<string[]> =>
    (await queue.listJobs(options)).map(({ id }) => id).sort();
  assert.deepEqual(await listed({ dismissed: true }), [jobId(2)]);
  assert.deepEqual(await listed({ dismissed: false }), [jobId(1), jobId(3)]);
  assert.deepEqual(await listed({ dismissed: false, status: 'failed' }), [jobId(3)]);
  assert.deepEqual(await listed({ dismissed: undefined, status: 'failed' }), [jobId(2), jobId(3)]);
  for (const dismissed of ['true', 1, null] as never[])
    await rejects(queue.listJobs({ dismissed }), 'INVALID_ARGUMENT', /^dismissed is .* true or false/);
});

test('a note on a job that is not failed means nothing', async (t) => {
  const file = fileOf(t, line({ id: jobId(1), meta: '{"@dismissed":true}' }));
  const { queue } = openTest(t, { file });
  assert.equal((await queue.getJob(jobId(1)))?.dismissed, false);
  assert.equal((await queue.stats()).dismissed, 0);
});

const failed = (n: number, more: Parameters<typeof line>[0] = {}): string =>
  line({ id: jobId(n), status: 'failed', version: 3, finished_at: 5, ...more });

test('stats counts dismissed jobs as failed, and says how many they are, also in the sealed part', async (t) => {
  const big = JSON.stringify('x'.repeat(1000));
  const lines = Array.from({ length: 100 }, (_, n) =>
    failed(n, {
      payload: big,
      type: n % 2 === 0 ? 'even' : 'odd',
      ...(n < 20 && { meta: '{"@dismissed":true}' }),
      ...(n === 30 && { meta: '{"text":"@dismissed"}' }),
    }),
  );
  const file = fileOf(t, ...lines);
  const { queue } = openTest(t, { file, retention: FOR_EVER });
  const counts = async () => {
    const { failed, dismissed, total, types } = await queue.stats();
    return [failed, dismissed, total, types.even?.dismissed, types.odd?.dismissed, types.odd?.failed];
  };
  assert.deepEqual(await counts(), [100, 20, 100, 10, 10, 50]);
  await queue.compact();
  assert.match(text(file), /finished jobs end at byte/);
  assert.deepEqual(await counts(), [100, 20, 100, 10, 10, 50]);
  // One more, whose row is a late one; and one less.
  assert.equal(await queue.dismissJob(jobId(31)), true);
  assert.equal(await queue.retryJob(jobId(0)), true);
  assert.deepEqual(await counts(), [99, 20, 100, 9, 11, 50]);
  const other = openTest(t, { file, retention: FOR_EVER });
  assert.equal((await other.queue.stats()).dismissed, 20);
});

test('the rows of failed jobs are read once to count them, and those of other jobs not at all', async (t) => {
  const { fs, calls } = faultyFs();
  const rows = [line({ id: jobId(1) }), failed(2), line({ id: jobId(3) }), failed(4)];
  // The beginning of the file is looked at for the note of a compaction.
  const file = fileOf(t, '# a note\n', ...rows);
  const places = rows.map((row) => text(file).indexOf(row));
  const { queue } = openTest(t, { file, fs, retention: FOR_EVER });
  await queue.listJobs({ limit: 1 });
  /** Which of the rows are read by a call. */
  const readBy = async (): Promise<number[]> => {
    calls.length = 0;
    await queue.stats();
    const read = calls.filter(({ name }) => name === 'readSync').map(({ args }) => args[3]);
    return [...places.keys()].filter((n) => read.includes(places[n]));
  };
  assert.deepEqual(await readBy(), [1, 3]);
  assert.deepEqual(await readBy(), []);
  await openTest(t, { file, retention: FOR_EVER }).queue.dismissJob(jobId(4));
  assert.equal((await queue.stats()).dismissed, 1);
  assert.deepEqual(await readBy(), []);
});
