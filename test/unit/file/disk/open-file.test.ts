import assert from 'node:assert/strict';
import { copyFileSync, renameSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemFs } from '../../../../lib/file/disk/fs.js';
import { OpenFile } from '../../../../lib/file/disk/open-file.js';
import { throws } from '../../../support/errors.js';
import { faultyFs } from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';
import { HEADER, jobId, line, writeQueue } from '../../../support/queue-file.js';

const turns = async (n: number): Promise<void> => {
  for (let i = 0; i < n; i++) await new Promise(setImmediate);
};

test('a file that is retained in the turn in which others release it can be read, and is closed once', async (t) => {
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

function opened(t: TestContext, ...lines: string[]): OpenFile {
  const path = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(path, ...lines);
  const file = OpenFile.open(systemFs, path) as OpenFile;
  t.after(() => file.release());
  return file;
}

test('lines of any length are read in full, once, with their place in the file', async (t) => {
  const sizes = [10, 65_000, 0, 66_000, 600_000, 5, 1_300_000, 520_000, 1];
  const lines = sizes.map((size, n) => `${n}${'x'.repeat(size)}\n`);
  const file = opened(t, ...lines, 'no end');
  const seen: [number, string][] = [];
  const end = await file.eachLine(file.start, (bytes, start, stop, offset) => {
    seen.push([offset, bytes.toString('latin1', start, stop + 1)]);
  });
  let at = HEADER.length + 1;
  const expected = lines.map((text): [number, string] => {
    at += text.length;
    return [at - text.length, text];
  });
  assert.deepEqual(
    seen.map(([offset, text]) => [offset, text.length, text[0]]),
    expected.map(([offset, text]) => [offset, text.length, text[0]]),
  );
  assert.deepEqual(seen, expected);
  assert.equal(end, at, 'where the line begins that has no end');
});

test('lines can be read up to a byte', async (t) => {
  const lines = [1, 2, 3, 4].map((n) =>
    line({ id: jobId(n), payload: JSON.stringify('x'.repeat(n * 30_000)) }),
  );
  const file = opened(t, ...lines);
  for (const whole of [0, 1, 2, 3, 4]) {
    const to = file.start + lines.slice(0, whole).join('').length;
    for (const more of [0, 20]) {
      let count = 0;
      const end = await file.eachLine(file.start, () => void count++, { to: to + more });
      assert.deepEqual([count, end], [whole, to]);
    }
  }
});

test('a file that has lost its name is not current, and nothing is written into it in place', (t) => {
  const replaced = opened(t, line({ id: jobId(1) }));
  assert.equal(replaced.isCurrent(), true);
  copyFileSync(replaced.path, `${replaced.path}.copy`);
  renameSync(`${replaced.path}.copy`, replaced.path);
  assert.equal(replaced.isCurrent(), false);
  throws(() => replaced.strikeFd, 'WRITE_FAILED', 'replaced');

  const removed = opened(t, line({ id: jobId(1) }));
  unlinkSync(removed.path);
  assert.equal(removed.isCurrent(), false);
});
