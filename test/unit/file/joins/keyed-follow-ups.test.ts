import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { systemFs } from '../../../../lib/file/disk/fs.js';
import { throws } from '../../../support/errors.js';
import { bytesOf, faultyFs, isAppend, systemError } from '../../../support/faulty-fs.js';
import { openTest } from '../../../support/queues.js';
import { replace } from '../commit/one-job.js';

/* Follow-ups with a key: they are decided when their parent completes. */

const KEY = { dedupeKey: 'k' };

test('a follow-up whose key is free is added with its parent, and its id is not told', async (t) => {
  const { queue } = openTest(t);
  await queue.enqueue('parent');
  const told: unknown[] = [];
  await queue.processJobs({
    parent: (_, { enqueue }) => void told.push(enqueue('child', 1, { ...KEY, delay: '1h' })),
  });
  const [child] = await queue.listJobs({ type: 'child' });
  assert.deepEqual([told, child?.status, child?.dedupeKey], [[undefined], 'pending', 'k']);
});

test('a follow-up whose key is held, or that an earlier one has, is left out, and the others keep their ids', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  let followUps = '';
  fault.do = (call, real) => {
    const rows = isAppend(call, file) ? bytesOf(call).toString().split('\n') : [];
    followUps = rows.find((row) => row.includes('\tcompleted\t'))?.split('\t')[18] || followUps;
    return real();
  };
  const holder = await queue.enqueue('child', 'holder', { ...KEY, delay: '1h' });
  await queue.enqueue('parent');
  const ids: string[] = [];
  await queue.processJobs({
    parent: (_, { enqueue }) => {
      ids.push(enqueue('plain', 1));
      enqueue('child', 'late', KEY);
      enqueue('twin', 1, { dedupeKey: 't', delay: '1h' });
      enqueue('twin', 2, { dedupeKey: 't', delay: '1h' });
      ids.push(enqueue('plain', 2));
    },
  });
  const jobs = await queue.listJobs();
  assert.deepEqual(jobs.map(({ type, payload }) => `${type} ${payload}`).sort(), [
    'child holder',
    'parent null',
    'plain 1',
    'plain 2',
    'twin 1',
  ]);
  assert.deepEqual(
    jobs.filter(({ type }) => type === 'plain').map(({ id }) => id),
    ids,
  );
  assert.deepEqual(
    (await queue.listJobs({ type: 'child' })).map(({ id }) => id),
    [holder],
  );
  const carried = JSON.parse(followUps) as unknown[];
  assert.deepEqual(
    carried.map((job) => job === null),
    [false, true, false, true, false],
  );
});

test('a job may have itself done again: its own key is free when it completes', async (t) => {
  const { queue } = openTest(t);
  await queue.enqueue('job', 1, KEY);
  const ran: unknown[] = [];
  await queue.processJobs({
    job: (payload: number, { enqueue }) => {
      ran.push(payload);
      if (payload < 3) enqueue('job', payload + 1, KEY);
    },
  });
  assert.deepEqual(ran, [1, 2, 3]);
});

test('of two parents that complete together, one adds the follow-up', async (t) => {
  const { queue } = openTest(t);
  await queue.enqueueMany([{ type: 'parent' }, { type: 'parent' }]);
  await queue.processJobs(
    { parent: (_, { enqueue }) => void enqueue('child', 1, { ...KEY, delay: '1h' }) },
    { concurrency: 2 },
  );
  assert.equal((await queue.listJobs({ type: 'child' })).length, 1);
});

test('of two parents whose common commit starts over, one adds the follow-up', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  await queue.enqueueMany([{ type: 'parent' }, { type: 'parent' }]);
  let endings = 0;
  fault.do = (call, real) => {
    const written = real();
    const isEnding = isAppend(call, file) && bytesOf(call).includes('\tcompleted\t');
    // Another process rewrites the file, so the commit has to look if its rows count.
    if (isEnding && endings === 0) replace(file, readFileSync(file));
    if (isEnding) endings = bytesOf(call).toString().split('\tcompleted\t').length - 1;
    return written;
  };
  await queue.processJobs(
    { parent: (_, { enqueue }) => void enqueue('child', 1, { ...KEY, delay: '1h' }) },
    { concurrency: 2 },
  );
  assert.equal(endings, 2, 'both parents end in one commit');
  assert.equal((await queue.listJobs({ type: 'child' })).length, 1);
});

test('a keyed follow-up that a full disk cut off is made by the repair, unless its key is held by then', async (t) => {
  for (const isHeld of [false, true]) {
    const { fs, fault } = faultyFs();
    const { queue, file, clock } = openTest(t, { fs });
    await queue.enqueue('parent');
    let isFull = false;
    fault.do = (call, real) => {
      const bytes = isAppend(call, file) ? bytesOf(call) : undefined;
      if (isFull && bytes !== undefined) throw systemError('ENOSPC');
      if (!bytes?.includes('\tcompleted\t')) return real();
      isFull = true;
      // A hand puts a job with the key into the file before anything is repaired.
      const end = bytes.indexOf(10) + 1;
      const held = isHeld
        ? Buffer.from(
            bytes
              .subarray(end)
              .toString()
              .replace(/^.{16}/, 'f'.repeat(16)),
          )
        : '';
      const first = Buffer.concat([bytes.subarray(0, end), Buffer.from(held)]);
      systemFs.writeSync(call.args[0] as number, first, null);
      return end;
    };
    let over = false;
    const working = queue
      .processJobs(
        { parent: (_, { enqueue }) => void enqueue('child', 1, { ...KEY, delay: '1h' }) },
        { logger: () => {} },
      )
      .catch(() => {})
      .finally(() => {
        over = true;
      });
    await clock.advanceUntil('the worker has ended', () => over);
    await working;
    fault.do = undefined;
    const other = openTest(t, { file, clock }).queue;
    await other.processJobs({});
    const children = await other.listJobs({ type: 'child' });
    assert.equal(children.length, 1, JSON.stringify(children));
    assert.equal(children[0]?.id === 'f'.repeat(16), isHeld);
  }
});

test('what a follow-up does as a duplicate is fixed', async (t) => {
  const { queue } = openTest(t, {
    defaults: { child: { dedupeKey: 'k', onDuplicate: 'replace', maxDelay: '1h' } },
  });
  await queue.enqueue('parent');
  const { completed } = await queue.processJobs({
    parent: (_, { enqueue }) => {
      for (const onDuplicate of ['replace', 'update', 'reject'] as const)
        throws(
          () => enqueue('x', 1, { ...KEY, onDuplicate }),
          'INVALID_ARGUMENT',
          'onDuplicate',
          'follow-up',
        );
      throws(() => enqueue('x', 1, { ...KEY, dedupe: 'kept' }), 'INVALID_ARGUMENT', 'dedupe', 'follow-up');
      enqueue('child', 1, { delay: '1h' });
    },
  });
  assert.equal(completed, 1);
  assert.equal((await queue.listJobs({ dedupeKey: 'k' })).length, 1);
});
