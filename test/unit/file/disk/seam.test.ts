import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../../../support/folders.js';

/** The seams themselves: files, processes, and the package that makes the lock's directory. */
const SEAMS = ['disk/fs.ts', 'lock/process-id.ts', 'lock/proper-lockfile.ts'];
/** What goes past them: crashes, races and faults could not be simulated. */
const PAST =
  /\bfrom 'node:(fs|child_process)|Date\.now\(|new Date\(\)|\bsetTimeout\(|\bsetInterval\(|performance\.now/;

test('files are touched only through the seam, and times come only from the clock', () => {
  const lib = join(root, 'lib/file');
  const wrong = readdirSync(lib, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !SEAMS.includes(file))
    .filter((file) =>
      PAST.test(readFileSync(join(lib, file), 'utf8').replace("import { constants } from 'node:fs'", '')),
    );
  assert.deepEqual(wrong, []);
});

test('the seam has no call that makes a file shorter', () => {
  const source = readFileSync(join(root, 'lib/file/disk/fs.ts'), 'utf8');
  assert.doesNotMatch(source, /truncate/i);
});
