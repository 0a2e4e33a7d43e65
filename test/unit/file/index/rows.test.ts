import assert from 'node:assert/strict';
import { closeSync, openSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemFs } from '../../../../lib/file/disk/fs.js';
import { OpenFile } from '../../../../lib/file/disk/open-file.js';
import { JobIndex } from '../../../../lib/file/index/job-index.js';
import { readJobs } from '../../../../lib/file/index/rows.js';
import { temporaryFolder } from '../../../support/folders.js';
import { jobId, line, text, writeQueue } from '../../../support/queue-file.js';

const IDS = [1, 2, 3].map(jobId);

/** Three rows side by side that are known, and then changed in place. */
async function known(t: TestContext) {
  const path = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(path, ...IDS.map((id) => line({ id, payload: '{"to":"Zoë"}' })));
  const file = OpenFile.open(systemFs, path) as OpenFile;
  t.after(() => file.release());
  const index = new JobIndex(file);
  await index.catchUp();
  const put = (what: string, at: number): void => {
    const fd = openSync(path, 'r+');
    writeSync(fd, what, Buffer.byteLength(text(path).slice(0, at)));
    closeSync(fd);
  };
  const read = (...slots: number[]) => readJobs(index, slots).map((job) => job?.id);
  return { path, put, read };
}

test('rows are read in the requested order', async (t) => {
  const { read } = await known(t);
  assert.deepEqual(read(0, 1, 2), IDS);
  assert.deepEqual(read(2, 0, 1), [IDS[2], IDS[0], IDS[1]]);
  assert.deepEqual(read(1), [IDS[1]]);
});

test('a row that has changed is left out, and those next to it are read', async (t) => {
  for (const [what, change] of [
    ['struck out', ({ put, path }) => put('#', text(path).indexOf(IDS[1] as string))],
    [
      'a tab less',
      ({ put, path }) => put('x', text(path).indexOf('{', text(path).indexOf(IDS[1] as string)) - 1),
    ],
    ["another's id", ({ put, path }) => put('f', text(path).indexOf(IDS[1] as string))],
  ] as [string, (known: { put: (what: string, at: number) => void; path: string }) => void][]) {
    const { read, ...rest } = await known(t);
    change(rest);
    assert.deepEqual(read(0, 1, 2), [IDS[0], undefined, IDS[2]], what);
    assert.deepEqual(read(1), [undefined], what);
  }
});

test('rows that a shortened file has lost are left out', async (t) => {
  const { path, read } = await known(t);
  truncateSync(path, Buffer.byteLength(text(path).slice(0, text(path).indexOf(IDS[1] as string))));
  assert.deepEqual(read(0, 1, 2), [IDS[0], undefined, undefined]);
  assert.deepEqual(read(2), [undefined]);
});
