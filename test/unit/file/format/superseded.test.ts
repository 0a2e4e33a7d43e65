import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newLayout } from '../../../../lib/file/format/layout.js';
import { type Row, splitRows } from '../../../../lib/file/format/row.js';
import { restoreRows } from '../../../../lib/file/format/superseded.js';
import { jobId, line, struck } from '../../../support/queue-file.js';

/*
 * Rows as they were before they were struck.
 */

const rowOf = (text: string): Row => splitRows(text)[0] as Row;

const statuses = (...lines: string[]): string[] =>
  restoreRows(jobId(1), lines.map(rowOf), newLayout()).map(({ id, status }) => {
    assert.equal(id, jobId(1));
    return status;
  });

const row = (version: number, fields: Parameters<typeof line>[0]): string =>
  line({ id: jobId(1), version, ...fields });

test('tells each status from its length, the letters that are left, and the rows after it', () => {
  const after = '{"ids":["aa"],"else":"run"}';
  assert.deepEqual(
    statuses(
      row(6, { status: 'completed', after }),
      struck(row(2, { after })),
      struck(row(1, { status: 'waiting', after })),
      struck(row(5, { status: 'processing', attempts: 1, after })),
      struck(row(4, { after })),
      struck(row(3, { status: 'cancelled', after })),
    ),
    // A retry leaves no other trace than the row.
    ['waiting', 'waiting', 'cancelled', 'pending', 'processing', 'completed'],
  );
  assert.deepEqual(statuses(struck(row(1, {})), struck(row(2, { status: 'failed' })), row(3, {})), [
    'pending',
    'failed',
    'pending',
  ]);
});

test('tells a schedule, a half strike, and keeps the earlier of two rows with one version', () => {
  const meta = '{"@schedule":{"name":"x","every":60}}';
  assert.deepEqual(
    statuses(struck(row(1, { status: 'recurring', meta })), row(2, { status: 'recurring', meta })),
    [...['recurring', 'recurring']],
  );
  assert.deepEqual(statuses(row(1, { status: '-om---t--' }), row(2, {}), row(2, { status: 'failed' })), [
    ...['completed', 'pending'],
  ]);
});
