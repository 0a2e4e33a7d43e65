import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rejects } from '../../../support/errors.js';
import { faultyFs, isAppend } from '../../../support/faulty-fs.js';
import { rowsOf } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

test('a call that is refused because of a row of its own commit is told once that row is in the file', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  await queue.enqueue('other', 0);
  let isCut = false;
  fault.do = (call, real) => {
    if (isCut || !isAppend(call, file)) return real();
    isCut = true;
    // A short write leaves out all rows.
    return 0;
  };
  const options = { dedupeKey: 'k', onDuplicate: 'reject' } as const;
  // Only the first of several changes that are asked for at once has a commit of its own.
  const before = queue.enqueue('work', 0, { dedupeKey: 'before' });
  const first = queue.enqueue('work', 1, options);
  const second = rejects(queue.enqueue('work', 2, options), 'DUPLICATE_JOB').then(({ existing }) => {
    assert.deepEqual(
      existing.map((id) => rowsOf(file).some((row) => row.id === id)),
      [true],
    );
  });
  await Promise.all([before, first, second]);
  assert.equal(isCut, true);
});
