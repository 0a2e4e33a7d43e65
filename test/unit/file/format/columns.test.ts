import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COLUMNS } from '../../../../lib/file/format/columns.js';
import { headOf, newLayout, parseHeader, upgraded } from '../../../../lib/file/format/layout.js';
import { throws } from '../../../support/errors.js';
import { COLUMN_NAMES, NINE } from '../../../support/queue-file.js';

test('a new file has the nine columns of dbbasic-queue first, in its order, and version last', () => {
  assert.equal(
    headOf(newLayout()),
    'id\ttype\tpayload\tstatus\tcreated_at\trun_at\tattempts\terror\tresult\t' +
      'priority\tmax_attempts\tforgiven\ttimeout\tdedupe_key\tlocked_by\tstarted_at\tfinished_at\tprogress\t' +
      'follow_ups\tgroup\tafter\tmeta\tclaim_timeout\tversion\n# tsvq format 2\n',
  );
  assert.equal(newLayout().current, true);
});

test('columns are found by their names, wherever they stand', () => {
  const layout = parseHeader(
    'id\tpayload\ttype\tresult\terror\tattempts\trun_at\tcreated_at\tstatus',
    'q.tsv',
  );
  assert.equal(layout.at.type, 2);
  assert.equal(layout.at.status, 8);
  assert.equal(layout.at.version, -1);
  assert.equal(layout.current, false);
});

test('a header is the same with CR, spaces or a byte order mark', () => {
  for (const header of [`${COLUMN_NAMES}\r`, `${COLUMN_NAMES}  `, `\uFEFF${COLUMN_NAMES}`]) {
    assert.deepEqual(parseHeader(header, 'q.tsv').names, [...COLUMNS], JSON.stringify(header));
  }
});

test('a file with only the nine columns gets the others, version last', () => {
  const layout = parseHeader(NINE, 'q.tsv');
  assert.equal(layout.current, false);
  assert.deepEqual(upgraded(layout).names, [...COLUMNS]);
  assert.equal(upgraded(layout).current, true);
});

test('an unknown column keeps its place, before version', () => {
  const layout = upgraded(parseHeader(`${NINE}\tcustomer\tversion\tregion`, 'q.tsv'));
  assert.deepEqual(layout.names.slice(0, 11), [...NINE.split('\t'), 'customer', 'region']);
  assert.equal(layout.names.at(-1), 'version');
  assert.equal(layout.names.length, COLUMNS.length + 2);
});

test("a malformed header is refused with the file's name, what it lacks and what to do", () => {
  throws(
    () => parseHeader('<!DOCTYPE html>', '/data/q.tsv'),
    'NOT_A_QUEUE',
    '/data/q.tsv',
    'id, type',
    'nothing was changed',
  );
  throws(() => parseHeader(COLUMN_NAMES.replace('status', 'state'), 'q.tsv'), 'NOT_A_QUEUE', /lacks status/);
  throws(() => parseHeader('', 'q.tsv'), 'NOT_A_QUEUE');
  throws(() => parseHeader(`${COLUMN_NAMES}\ttype`, 'q.tsv'), 'NOT_A_QUEUE', 'twice');
});
