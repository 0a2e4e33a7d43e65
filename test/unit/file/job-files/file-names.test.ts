import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { systemFs } from '../../../../lib/file/disk/fs.js';
import { scheduleId, slotId } from '../../../../lib/file/format/derived-id.js';
import { stepsPath } from '../../../../lib/file/job-files/file-names.js';
import { readSteps, StepsFile } from '../../../../lib/file/job-files/steps-file.js';
import { temporaryFolder } from '../../../support/folders.js';
import { jobId } from '../../../support/queue-file.js';

test("a job's steps are in steps/ beside the queue, named after the queue and the job", () => {
  assert.equal(stepsPath('/data/queue.tsv', '1f6e0a3bd94c7285'), '/data/steps/queue.1f6e0a3bd94c7285.tsv');
});

test('an id that is no plain file name gets one that can leave no folder', () => {
  const odd = ['../x', 'a/b', '..', '.', 'nul\0', 'UPPER', 'upper.tsv', 'x'.repeat(300), '日本', '@x', ' '];
  const names = odd.map((id) => {
    const path = stepsPath('/data/queue.tsv', id);
    assert.equal(dirname(path), '/data/steps');
    assert.match(basename(path), /^queue\.@[0-9a-f]{32}\.tsv$/);
    return path;
  });
  assert.equal(new Set(names).size, odd.length);
});

test('jobs of two queues in one folder share no file, although schedules of one name give them the same ids', () => {
  const id = slotId(scheduleId('nightly'), Date.UTC(2030, 0, 1));
  const paths = ['mail.tsv', 'mail-bulk.tsv', 'mail.bulk.tsv'].map((name) => stepsPath(`/data/${name}`, id));
  assert.equal(new Set(paths).size, 3);
});

test('links, and what is no regular file, are refused', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'queue.tsv');
  mkdirSync(join(folder, 'steps'));
  const place = { fs: systemFs, realPath: file, options: { durability: 'sync' as const } };
  const step = { name: 'charge', attempt: 1, at: 0, result: '' };

  writeFileSync(join(folder, 'other'), '');
  symlinkSync(join(folder, 'other'), stepsPath(file, jobId(1)));
  mkdirSync(stepsPath(file, jobId(2)));
  symlinkSync(join(folder, 'nowhere'), stepsPath(file, jobId(3)));
  for (const n of [1, 2, 3]) {
    const journal = new StepsFile(place, jobId(n));
    await assert.rejects(journal.read(), { name: 'TsvqError', code: /NO_ACCESS|WRITE_FAILED/ });
    await assert.rejects(journal.record(step), { name: 'TsvqError', code: /NO_ACCESS|WRITE_FAILED/ });
    await assert.rejects(readSteps(place, jobId(n)), { name: 'TsvqError' });
    journal.close();
  }
  assert.equal(systemFs.stat(join(folder, 'other'))?.size, 0);
  assert.equal(systemFs.stat(join(folder, 'nowhere')), undefined);
});
