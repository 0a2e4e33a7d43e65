import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHeader, upgraded } from '../../../../lib/file/format/layout.js';
import { StoredJob } from '../../../../lib/file/format/stored-job.js';
import { upgrade } from '../../../../lib/file/format/upgrade.js';
import { NINE } from '../../../support/queue-file.js';

const NOW = 1_700_000_000_000;

const from = parseHeader(`${NINE}\tcustomer`, 'q.tsv');
const to = upgraded(from);

test('a row moves to other columns by their names, and gets the defaults of the new ones', () => {
  const moved = upgrade(
    ['a', 'email', '{}', 'failed', '1', '2', '3', 'bad \\ luck', '', 'ann'],
    from,
    to,
    NOW,
  );
  assert.equal(moved.length, to.names.length);
  assert.equal(moved[to.names.indexOf('customer')], 'ann');
  assert.equal(moved[to.at.version], '1');
  const job = new StoredJob(moved, to).toJob();
  assert.equal(job.error, 'bad \\ luck');
  assert.deepEqual([job.priority, job.forgiven, job.finishedAt], [0, 0, new Date(NOW)]);
});

test('a job that is not finished has no finish time', () => {
  const moved = upgrade(['a', 'email', '{}', 'pending', '1', '2', '3', '', '', 'ann'], from, to, NOW);
  assert.equal(moved[to.at.finished_at], '');
});

test('a row stays as it is in a file with these columns', () => {
  const row = ['a', 'email', '{}', 'failed', '1', '2', '3', '', '', 'ann'];
  assert.equal(upgrade(row, from, from, NOW), row);
});
