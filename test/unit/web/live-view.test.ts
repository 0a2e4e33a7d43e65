import assert from 'node:assert/strict';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { openQueue } from '../../../lib/open-queue.js';
import type { Queue } from '../../../lib/queue.js';
import { LiveView, type LiveViewOptions } from '../../../lib/web/live-view.js';
import { fileOf, HEADER, jobId, line, saveAs } from '../../support/queue-file.js';
import { openTest } from '../../support/queues.js';
import { deferred, eventually, until } from '../../support/waiting.js';
import { failed, served, waiting } from './asking.js';

const PATIENCE = { maxAge: 600_000, maxFailed: 0 };

function live(t: TestContext, queue: Queue, options: Partial<LiveViewOptions> = {}): LiveView {
  const view = new LiveView(queue, { patience: PATIENCE, ...options });
  t.after(() => view.close());
  return view;
}

function opened(t: TestContext, lines: readonly string[]) {
  const file = fileOf(t, ...lines);
  const queue = openQueue(file, { anyFileSystem: true, noWorkerAfter: false });
  t.after(() => queue.close());
  return { file, queue };
}

const totalOf = async (view: LiveView): Promise<number> => (await view.look()).look.snapshot.total;

test('looks that come during a look share the next one, and see what was changed before they came', async (t) => {
  const { queue } = openTest(t);
  await queue.enqueue('a');
  const view = live(t, queue);
  await view.look();
  const first = view.look();
  const changed = queue.enqueue('b');
  const [second, third] = [view.look(), view.look()];
  assert.equal(second, third);
  assert.notEqual(first, second);
  await changed;
  const after = view.look();
  await first;
  assert.equal((await after).look.snapshot.total, 2);
  assert.equal(await totalOf(view), 2);
});

test('a file that may not be read is the error of its look, and the next one is well again', async (t) => {
  const fault = { isOn: false };
  const { faultyFs, systemError } = await import('../../support/faulty-fs.js');
  const { fs } = faultyFs((call, real) => {
    if (fault.isOn && (call.name === 'open' || call.name === 'stat')) throw systemError('EACCES');
    return real();
  });
  const { queue } = openTest(t, { fs });
  await queue.enqueue('a');
  const view = live(t, queue);
  fault.isOn = true;
  const [first, second] = [view.look(), view.look()];
  await assert.rejects(first, { code: 'NO_ACCESS' });
  await assert.rejects(second, { code: 'NO_ACCESS' });
  fault.isOn = false;
  assert.equal(await totalOf(view), 1);
});

test('after an idle time the view is dropped, and the next look makes another', async (t) => {
  const { queue } = opened(t, [failed(1), failed(2)]);
  const view = live(t, queue, { idleMs: 30 });
  const before = (await view.look()).view;
  assert.equal((await view.look()).view, before);
  // A dropped view has no jobs.
  assert.ok(await eventually(() => before.jobs([before.keyFor(0)]).length === 0));
  const after = await view.look();
  assert.notEqual(after.view, before);
  assert.equal(after.look.snapshot.total, 2);
  assert.equal(after.view.jobs([after.view.keyFor(0)])[0]?.id, jobId(1));
});

test('it can be used again after it was closed, also during a look', async (t) => {
  const { queue } = opened(t, [failed(1)]);
  const view = live(t, queue);
  const looking = view.look();
  view.close();
  assert.equal((await looking).look.snapshot.total, 1, 'the look is whole');
  assert.equal(await totalOf(view), 1);
  view.close();
  view.close();
  assert.equal(await totalOf(view), 1);
});

test('a closed view listens no longer', async (t) => {
  const { store, queue } = openTest(t);
  await queue.enqueue('a');
  const view = live(t, queue);
  await view.look();
  const index = await store.read('all');
  assert.deepEqual([store.onIndex.size, index?.onNewest.size], [1, 1]);
  const looking = view.look();
  view.close();
  await looking;
  await until('it is dropped', () => store.onIndex.size === 0);
  assert.equal(index?.onNewest.size, 0);
});

test('a view that begins when the queue knows its jobs is filled while others work, and misses nothing', async (t) => {
  const { queue } = opened(
    t,
    Array.from({ length: 5_000 }, (_, n) => waiting(n)),
  );
  assert.equal((await queue.listJobs({ status: 'failed' })).length, 0, 'now it has read all');
  const view = live(t, queue);
  let turns = 0;
  const turn = (): void => {
    turns++;
    immediate = setImmediate(turn);
  };
  let immediate = setImmediate(turn);
  const looking = view.look();
  await new Promise(setImmediate);
  const added = queue.enqueue('late');
  await queue.cancelJob(jobId(4_999));
  const { look } = await looking;
  clearImmediate(immediate);
  assert.ok(turns >= 5, `${turns}`);
  assert.equal(look.snapshot.counts.cancelled, 1);
  await added;
  assert.equal(await totalOf(view), 5_001);
});

test('a file that is exchanged, deleted or unreadable is answered as it is', async (t) => {
  const { ask, file } = served(t, [failed(1), failed(2)]);
  const total = async (): Promise<number> => (await ask('GET /api/status')).body.total;
  assert.equal(await total(), 2);
  saveAs(file, `${HEADER}\n${failed(3)}${waiting(4)}${waiting(5)}`);
  assert.equal(await total(), 3);
  assert.equal((await ask('GET /api/jobs?status=failed')).body.jobs[0].id, jobId(3));
  renameSync(file, `${file}.away`);
  assert.equal(await total(), 0);
  assert.deepEqual((await ask('GET /api/jobs')).body.jobs, []);
  assert.deepEqual((await ask('GET /jobs')).status, 200);
  assert.equal(await total(), 0);
  renameSync(`${file}.away`, file);
  assert.equal(await total(), 3);
  writeFileSync(file, `${HEADER}\n${failed(6)}`);
  assert.equal(await total(), 1, 'written in place, as some editors do');
  rmSync(file);
  writeFileSync(file, 'none\n');
  for (const path of ['/api/status', '/api/jobs', '/', '/jobs', '/metrics'])
    assert.equal((await ask(`GET ${path}`)).status, 500, path);
  saveAs(file, `${HEADER}\n${failed(7)}`);
  assert.equal(await total(), 1);
});

test('the keys of a look name no other jobs after a compaction', async (t) => {
  const old = { finished_at: Date.now() / 1000 - 400 * 86_400 };
  const { queue, file } = opened(t, [
    ...[1, 2, 3].map((n) => failed(n, { status: 'completed', error: '', ...old })),
    ...[4, 5, 6].map((n) => failed(n)),
    ...[7, 8, 9].map((n) => waiting(n)),
  ]);
  const live1 = live(t, queue);
  const { view, look } = await live1.look();
  const { keys } = await view.query({ states: ['failed'] }, { limit: 10, now: Date.now() });
  const [group] = look.snapshot.failures;
  assert.deepEqual(
    view
      .jobs(keys)
      .map(({ id }) => id)
      .sort(),
    [4, 5, 6].map(jobId),
  );
  await queue.compact();
  assert.doesNotMatch(readFileSync(file, 'utf8'), new RegExp(jobId(1)));
  await queue.getJob(jobId(4));
  assert.deepEqual(view.jobs([...keys, group?.newestKey ?? 0]), []);
  assert.deepEqual(await view.ids(keys), []);
  // A query asks what is there now, although no look has seen it yet.
  const again = await view.query({ states: ['failed'] }, { limit: 10, now: Date.now() });
  assert.equal(again.total, 3);
  assert.deepEqual(
    view
      .jobs(again.keys)
      .map(({ id }) => id)
      .sort(),
    [4, 5, 6].map(jobId),
  );
  assert.equal(view.jobs([view.keyOf(jobId(5)) ?? 0])[0]?.id, jobId(5));
});

test('a query that begins while another file is read waits for all of it', async (t) => {
  const held = { reads: undefined as Promise<void> | undefined };
  const { systemFs } = await import('../../../lib/file/disk/fs.js');
  const fs = {
    ...systemFs,
    read: async (...args: Parameters<typeof systemFs.read>) => {
      await held.reads;
      return systemFs.read(...args);
    },
  };
  const rows = (from: number): string[] => Array.from({ length: 3_000 }, (_, n) => waiting(from + n));
  const { queue, file } = openTest(t, { fs, file: fileOf(t, ...rows(0)) });
  const view = live(t, queue);
  const { view: seen } = await view.look();
  saveAs(file, `${HEADER}\n${rows(10_000).join('')}${line({ id: jobId(1), payload: '"needle"' })}`);
  const gate = deferred();
  held.reads = gate.promise;
  const looking = view.look();
  await new Promise(setImmediate);
  const all = seen.query({}, { limit: 1, now: Date.now() });
  const some = seen.query({ text: 'needle' }, { limit: 1, now: Date.now() });
  await new Promise(setImmediate);
  held.reads = undefined;
  gate.resolve();
  assert.equal((await all).total, 3_001);
  assert.equal((await some).total, 1);
  assert.equal((await looking).look.snapshot.total, 3_001);
});

test('many requests during compactions show only jobs that their filter allows', async (t) => {
  const { ask, queue } = served(t, [
    ...Array.from({ length: 200 }, (_, n) => failed(n, { type: 'bad' })),
    ...Array.from({ length: 200 }, (_, n) => waiting(1_000 + n, { type: 'good' })),
  ]);
  let isOver = false;
  const compactions = (async () => {
    for (let n = 0; n < 5; n++) {
      await queue.cancelJob(jobId(1_000 + n));
      await queue.retryJob(jobId(n));
      await queue.compact();
    }
    isOver = true;
  })();
  let answers = 0;
  const visitor = async (query: string, fits: (job: { type: string; status: string }) => boolean) => {
    while (!isOver) {
      const { status, body } = await ask(`GET /api/jobs?${query}&limit=300`);
      assert.equal(status, 200);
      assert.ok(body.jobs.every(fits), query);
      assert.ok(body.total >= 150, `${query}: ${body.total}`);
      answers++;
    }
  };
  await Promise.all([
    compactions,
    visitor('type=bad', ({ type }) => type === 'bad'),
    visitor('status=failed', ({ status }) => status === 'failed'),
    visitor('type=good&q=good', ({ type }) => type === 'good'),
  ]);
  assert.ok(answers > 3);
});
