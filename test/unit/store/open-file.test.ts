import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { OpenFile } from '../../../lib/store/open-file.js';
import { faultyFs, line, temporaryFolder, writeQueue } from '../../helpers.js';

const turns = async (n: number): Promise<void> => {
  for (let i = 0; i < n; i++) await new Promise(setImmediate);
};

test('who retains a file in the turn in which others let go of it can read it, and it is closed once', async (t) => {
  const path = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(path, line({}));
  const { fs, calls } = faultyFs();
  const file = OpenFile.open(fs, path) as OpenFile;
  const closes = (): number => calls.filter(({ name }) => name.startsWith('close')).length;
  file.release();
  file.retain();
  await turns(5);
  assert.equal(closes(), 0);
  assert.ok(file.size > 0);

  file.release();
  await turns(5);
  assert.equal(closes(), 1);
});
