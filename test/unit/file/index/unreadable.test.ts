import assert from 'node:assert/strict';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemFs } from '../../../../lib/file/disk/fs.js';
import { OpenFile } from '../../../../lib/file/disk/open-file.js';
import { JobIndex } from '../../../../lib/file/index/job-index.js';
import { temporaryFolder } from '../../../support/folders.js';
import { line, text, writeQueue } from '../../../support/queue-file.js';

async function indexOf(t: TestContext, ...lines: string[]) {
  const path = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(path, ...lines);
  const file = OpenFile.open(systemFs, path) as OpenFile;
  t.after(() => file.release());
  const index = new JobIndex(file);
  await index.catchUp();
  return { path, file, index };
}

test('lines that can not be read are counted, many or none, once each', async (t) => {
  const { file, index } = await indexOf(t, line({ id: 'a' }), '# mine\n', '\n', 'cut\t#torn\n');
  assert.equal(await index.unreadable.count(file), 0);
  const { file: bad, index: of } = await indexOf(t, ...Array(1200).fill('hello\n'), line({ id: 'a' }));
  const counts = await Promise.all([of.unreadable.count(bad), of.unreadable.count(bad)]);
  assert.deepEqual([...counts, await of.unreadable.count(bad)], [1200, 1200, 1200]);
});

test('a line that looked damaged only while it was being struck does not count', async (t) => {
  const { path, file, index } = await indexOf(t, line({ id: 'a', status: 'pendi\0g' as string }), 'hello\n');
  const fd = openSync(path, 'r+');
  const at = Buffer.byteLength(text(path).slice(0, text(path).indexOf('pendi')));
  writeSync(fd, '-------', at);
  writeSync(fd, '#', Buffer.byteLength(text(path).split('\n')[0] as string) + 1);
  closeSync(fd);
  assert.equal(await index.unreadable.count(file), 1);
});
