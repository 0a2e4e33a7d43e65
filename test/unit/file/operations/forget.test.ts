import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { rowsOf as viewOf } from '../../../../lib/open-queue.js';
import { Board } from '../../../../lib/view/board.js';
import { NOW } from '../../../support/claims.js';
import { rejects } from '../../../support/errors.js';
import { temporaryFolder } from '../../../support/folders.js';
import { fileOf, jobId, line, rowsOf, text } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

const FOR_EVER = Number.POSITIVE_INFINITY;

/** A finished job with all that may have to be forgotten. */
const finished = (id: number, status: string): string =>
  line({
    ...{ id: jobId(id), status, version: 4, attempts: 3, finished_at: NOW - 3600, error: 'secret of ann' },
    ...{
      payload: '"secret"',
      result: '"secret"',
      dedupe_key: 'secret',
      group: 'secret',
      meta: '{"a":"secret"}',
    },
  });

for (const [status, works] of [
  ['pending', false],
  ['processing', false],
  ['waiting', false],
  ['completed', true],
  ['failed', true],
  ['cancelled', true],
] as const) {
  test(`forgetting a ${status} job gives ${works}`, async (t) => {
    const file = fileOf(t, finished(1, status));
    const { queue } = openTest(t, { file, retention: FOR_EVER });
    assert.equal(await queue.forgetJob(jobId(1)), works);
    assert.equal((await queue.getJob(jobId(1), { archive: true }))?.status, works ? undefined : status);
    assert.equal(await queue.forgetJob(jobId(1)), false, 'a second call finds no job');
    const rows = rowsOf(file);
    assert.deepEqual(
      rows.map((row) => [row.status, row.version]),
      [[status, works ? '5' : '4']],
    );
    if (works) assert.doesNotMatch(Object.values(rows[0] ?? {}).join(' '), /secret/);
  });
}

test('a forgotten job is neither listed nor counted, and can not be changed', async (t) => {
  const statuses = ['completed', 'failed', 'cancelled'];
  const file = fileOf(t, ...statuses.map((status, i) => finished(i + 1, status)), line({ id: jobId(9) }));
  const { queue } = openTest(t, { file, retention: FOR_EVER });
  const board = new Board();
  const rows = viewOf(queue, board);
  t.after(() => rows.close());
  await queue.dismissJob(jobId(2));
  await rows.read();
  assert.equal(board.types[0]?.counts.failed, 1);
  for (const id of [1, 2, 3]) assert.equal(await queue.forgetJob(jobId(id)), true);
  await rows.read();
  for (const fresh of [false, true]) {
    const { queue: each } = fresh ? openTest(t, { file, retention: FOR_EVER }) : { queue };
    assert.deepEqual(
      (await each.listJobs()).map(({ id }) => id),
      [jobId(9)],
    );
    const { total, completed, failed, cancelled, dismissed, pending } = await each.stats();
    assert.deepEqual([total, completed, failed, cancelled, dismissed, pending], [1, 0, 0, 0, 0, 1]);
    for (const id of [1, 2, 3].map(jobId)) {
      assert.equal(await each.retryJob(id), false);
      assert.equal(await each.dismissJob(id), false);
      await rejects(each.waitForJob(id), 'JOB_NOT_FOUND');
    }
    const view = new Board();
    const source = viewOf(each, view);
    await source.read();
    for (const seen of [view, board]) {
      const { counts, dismissed: seenDismissed } = seen.types[0] ?? assert.fail('no type');
      assert.deepEqual([counts.completed, counts.failed, counts.cancelled, seenDismissed], [0, 0, 0, 0]);
      assert.equal(counts.pending, 1);
    }
    assert.equal(source.keyOf(jobId(1)), undefined);
    assert.deepEqual((await source.search(jobId(1), 10)).keys, []);
    source.close();
  }
});

test('the key of a forgotten job no longer counts', async (t) => {
  const { queue } = openTest(t, { file: fileOf(t, finished(1, 'completed')), retention: FOR_EVER });
  const add = () => queue.add('email', null, { dedupeKey: 'secret', dedupe: 'kept' });
  assert.deepEqual(await add(), { id: jobId(1), outcome: 'existing' });
  await queue.forgetJob(jobId(1));
  assert.equal((await add()).outcome, 'added');
});

test('the next compaction leaves it out of file and archive, a minute after its end', async (t) => {
  const { queue, file, clock } = openTest(t, { retention: 0 });
  const id = await queue.enqueue('email', { to: 'ann' });
  await queue.processJobs({ email: () => ({ secret: 1 }) });
  assert.equal(await queue.forgetJob(id), true);
  await queue.compact();
  assert.deepEqual(
    rowsOf(file).map((row) => row.id),
    [id],
    'a suspended process may still look for it',
  );
  assert.doesNotMatch(text(file), /ann|secret/);
  assert.equal((await queue.stats()).total, 0);
  clock.advance(60_000);
  const { dropped, archived, kept } = await queue.compact();
  assert.deepEqual([dropped, archived, kept], [1, 0, 0]);
  assert.doesNotMatch(text(file), new RegExp(id));
  assert.equal(await queue.getJob(id, { archive: true }), undefined);
});

test('a job of the sealed part is forgotten, also by a process that reads only the open part', async (t) => {
  const { queue, file, clock } = openTest(t);
  const ids = await queue.enqueueMany(
    Array.from({ length: 400 }, () => ({ type: 'a', payload: 'x'.repeat(200) })),
  );
  await queue.processJobs({ a: () => {} });
  await queue.compact();
  const other = openTest(t, { file, clock }).queue;
  assert.equal((await other.stats()).completed, 400);
  await queue.forgetJob(ids[7] as string);
  assert.equal((await other.stats()).completed, 399);
  assert.equal((await queue.stats()).completed, 399);
  clock.advance(60_000);
  await queue.compact();
  assert.equal((await other.stats()).completed, 399);
  assert.equal(rowsOf(file).length, 399);
});

test('the follow-ups and children of a forgotten job are there', async (t) => {
  const { queue, clock } = openTest(t);
  const parent = await queue.enqueue('parent');
  await queue.processJobs({ parent: (_, { enqueue }) => void enqueue('child') });
  await queue.forgetJob(parent);
  clock.advance(60_000);
  await queue.compact();
  assert.deepEqual(
    (await queue.listJobs()).map(({ type, status }) => [type, status]),
    [['child', 'pending']],
  );
});

test('unknown ids and schedules give false, and make no file', async (t) => {
  const { queue, file } = openTest(t, { file: join(temporaryFolder(t), 'data', 'queue.tsv') });
  assert.equal(await queue.forgetJob('x'), false);
  assert.equal(existsSync(join(file, '..')), false);
  const { id } = await queue.schedule('nightly', { type: 'a', every: '1d' });
  await queue.unschedule('nightly');
  for (const each of ['', 'x', '__proto__', id]) assert.equal(await queue.forgetJob(each), false);
});

test('a meta that is no JSON is refused, and the job stays as it was', async (t) => {
  const file = fileOf(t, line({ id: jobId(1), status: 'failed', finished_at: 5, meta: 'no json' }));
  const before = text(file);
  const { queue } = openTest(t, { file, retention: FOR_EVER });
  await rejects(queue.forgetJob(jobId(1)), 'INVALID_ARGUMENT', "can't be forgotten", "isn't a JSON object");
  assert.equal(text(file), before);
});

test('the log and the steps of a forgotten job are gone at once', async (t) => {
  const { queue, file } = openTest(t);
  const id = await queue.enqueue('work');
  await queue.processJobs({
    work: async (_, { step, log }) => {
      log('secret');
      await step('a', () => 'secret');
    },
  });
  assert.match(await queue.readLog(id), /secret/);
  assert.equal(await queue.forgetJob(id), true);
  assert.equal(await queue.readLog(id), '');
  for (const folder of ['logs', 'steps']) assert.deepEqual(readdirSync(join(file, '..', folder)), []);
});
