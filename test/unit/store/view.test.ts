import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Draft, View } from '../../../lib/file/commit/view.js';
import { systemFs } from '../../../lib/file/disk/fs.js';
import { OpenFile } from '../../../lib/file/disk/open-file.js';
import { nextRow, type Row } from '../../../lib/file/format/row.js';
import { JobIndex } from '../../../lib/file/index/job-index.js';
import { jobId, line, openTest, statesOf, temporaryFolder, writeQueue } from '../../helpers.js';

test('an operation sees what those before it in the same commit have decided', async (t) => {
  const path = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(path, line({ id: jobId(1) }), line({ id: jobId(2) }));
  const file = OpenFile.open(systemFs, path) as OpenFile;
  t.after(() => file.release());
  const index = new JobIndex(file);
  await index.catchUp();
  const view = new View(file, index, 5000);
  const row = view.row(jobId(1)) as Row;
  assert.deepEqual(view.state(jobId(1)), { version: 1, status: 'pending' });
  assert.equal(view.row('nobody'), undefined);
  assert.equal(view.state('nobody'), undefined);

  const next = nextRow(row, { status: 'cancelled' }, view.layout);
  view.remember([{ id: jobId(1), row: next } as Draft]);
  assert.deepEqual(view.state(jobId(1)), { version: 2, status: 'cancelled' });
  assert.deepEqual(view.row(jobId(1)), next);
  assert.deepEqual(view.state(jobId(2)), { version: 1, status: 'pending' });
});

test('whether a job is still what it was is told by what the same commit has decided, then by the file', async (t) => {
  const path = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(path, line({ id: jobId(1) }), line({ id: jobId(2) }));
  const file = OpenFile.open(systemFs, path) as OpenFile;
  t.after(() => file.release());
  const index = new JobIndex(file);
  await index.catchUp();
  const view = new View(file, index, 5000);
  const places = [undefined, { index, slot: index.find(jobId(1)) as number }];
  for (const known of places) {
    assert.equal(view.isStill(jobId(1), 1, 'pending', known), true);
    assert.equal(view.isStill(jobId(1), 2, 'pending', known), false);
    assert.equal(view.isStill(jobId(1), 1, 'processing', known), false);
  }
  const drafts = [1, 2].map((n) => ({ id: jobId(n) }) as Draft);
  assert.equal(view.hasDecided(drafts), false);
  const cancelled = nextRow(view.row(jobId(1)) as Row, { status: 'cancelled' }, view.layout);
  view.remember([{ id: jobId(1), row: cancelled } as Draft]);
  for (const known of places) {
    assert.equal(view.isStill(jobId(1), 1, 'pending', known), false);
    assert.equal(view.isStill(jobId(1), 2, 'cancelled', known), true);
  }
  assert.equal(view.hasDecided(drafts), true, 'of one of them');
  assert.equal(view.hasDecided(drafts.slice(1)), false);
});

test('an operation that did not ask for the index gets none', async (t) => {
  const path = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(path);
  const file = OpenFile.open(systemFs, path) as OpenFile;
  t.after(() => file.release());
  assert.throws(() => new View(file, undefined, 0).index);
});

test('calls made together decide one after another: only the first cancels, only the first retries', async (t) => {
  const { queue, file } = openTest(t);
  const id = await queue.enqueue('email', {});
  assert.deepEqual(
    await Promise.all([
      queue.cancelJob(id),
      queue.cancelJob(id),
      queue.retryJob(id),
      queue.retryJob(id),
      queue.cancelJob(id),
    ]),
    [true, false, true, false, true],
  );
  assert.deepEqual(statesOf(file), [`${id} cancelled`]);
});
