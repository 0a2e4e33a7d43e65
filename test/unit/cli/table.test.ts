import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sparkline } from '../../../lib/cli/screen/sparkline.js';
import { Table, tableLines } from '../../../lib/cli/screen/table.js';
import { fit, pad, widthOf, wrap } from '../../../lib/cli/screen/width.js';
import { lasting, short } from '../../../lib/view/numbers.js';

/*
 * Text in the width of a terminal.
 */

const anyText = fc.string({ unit: 'grapheme', maxLength: 60 });

test('a text that is cut takes no more columns than it may, and a short one stays', () => {
  fc.assert(
    fc.property(anyText, fc.integer({ min: 0, max: 80 }), (text, columns) => {
      const fitted = fit(text, columns);
      assert.ok(widthOf(fitted) <= columns, JSON.stringify(fitted));
      if (widthOf(text) <= columns) assert.equal(fitted, text);
    }),
  );
  assert.deepEqual(
    [fit('日本語のエラー', 8), fit('👩‍👩‍👧 family', 5), fit('abcdef', 4)],
    ['日本語…', '👩‍👩‍👧 f…', 'abc…'],
  );
});

test('a text that is filled up takes as many columns as it should', () => {
  fc.assert(
    fc.property(anyText, fc.integer({ min: 60 * 2, max: 200 }), fc.boolean(), (text, columns, isRight) => {
      assert.equal(widthOf(pad(text, columns, isRight)), columns);
    }),
  );
});

test('a text is broken between words, and no line is too long', () => {
  assert.deepEqual(wrap('no worker for 2h (the last one at noon)', 16), [
    'no worker for 2h',
    '(the last one at',
    'noon)',
  ]);
  fc.assert(
    fc.property(anyText, fc.integer({ min: 1, max: 40 }), (text, columns) => {
      for (const line of wrap(text, columns)) assert.ok(widthOf(line) <= columns);
    }),
  );
});

interface Row {
  name: string;
  n: number;
}

const COLUMNS = [
  { head: 'NAME', cell: ({ name }: Row) => name, least: 6 },
  { head: 'N', cell: ({ n }: Row) => String(n), isRight: true },
  { head: 'DOUBLE', cell: ({ n }: Row) => String(2 * n), isRight: true, rank: 1 },
  { head: 'TEN TIMES', cell: ({ n }: Row) => String(10 * n), isRight: true, rank: 2 },
];

test('a table leaves out columns by their rank, and cuts what may be cut', () => {
  const rows = [
    { name: 'a', n: 5 },
    { name: 'a long name', n: 1234 },
  ];
  assert.deepEqual(tableLines(rows, COLUMNS, 80), [
    'NAME            N  DOUBLE  TEN TIMES',
    'a               5      10         50',
    'a long name  1234    2468      12340',
  ]);
  assert.deepEqual(tableLines(rows, COLUMNS, 25), [
    'NAME            N  DOUBLE',
    'a               5      10',
    'a long name  1234    2468',
  ]);
  assert.deepEqual(tableLines(rows, COLUMNS, 14), ['NAME         N', 'a            5', 'a long…   1234']);
});

test('a table of any length keeps only its first rows, by which later ones are aligned', () => {
  const table = new Table(COLUMNS.slice(0, 2), undefined);
  let shown = '';
  let waited = 0;
  for (; shown === ''; waited++) shown = table.add({ name: 'a name', n: 1 });
  assert.ok(waited < 1000);
  assert.equal(table.add({ name: 'b', n: 2 }), 'b       2\n');
  assert.equal(table.add({ name: 'a longer name', n: 3 }), 'a longer name  3\n');
  assert.equal(table.end(), '');
});

test('a later row that is wider is cut where columns may be, so that it fits the terminal', () => {
  const table = new Table(COLUMNS.slice(0, 2), 12);
  for (let i = 0; i < 500; i++) table.add({ name: 'a long name', n: 1 });
  assert.equal(table.add({ name: 'a long name', n: 1 }), 'a long n…  1\n');
  assert.equal(table.add({ name: 'a long name', n: 12345 }), 'a lo…  12345\n');
});

test('wide characters are measured, and nothing is left out or cut where there is no terminal', () => {
  const table = new Table([...COLUMNS, { head: 'EXTRA', cell: () => 'x', isExtra: true }], undefined);
  assert.equal(table.add({ name: '日本', n: 5 }) + table.add({ name: 'x'.repeat(90), n: 5 }), '');
  assert.deepEqual(table.end().split('\n').slice(0, 2), [
    `NAME${' '.repeat(86)}  N  DOUBLE  TEN TIMES`,
    `日本${' '.repeat(86)}  5      10         50`,
  ]);
});

test('no line of a table is wider than the terminal, as long as what must stay fits', () => {
  const rows = fc.array(fc.record({ name: anyText, n: fc.nat() }), { maxLength: 5 });
  fc.assert(
    fc.property(rows, fc.integer({ min: 20, max: 120 }), (list, columns) => {
      for (const line of tableLines(list, COLUMNS, columns))
        assert.ok(widthOf(line) <= columns, `${columns}: ${line}`);
    }),
  );
});

test('numbers, times and bars are short', () => {
  assert.deepEqual([0, 999, 9999, 10_000, 999_949, 999_950, 12_345_678].map(short), [
    '0',
    '999',
    '9999',
    '10.0k',
    '999.9k',
    '1.0M',
    '12.3M',
  ]);
  assert.deepEqual(
    [0, 378, 999.6, 2500, 9949, 9999, 37_000, 204_000, 3_600_000, 5_160_000, 352_800_000].map(lasting),
    ['0ms', '378ms', '1.0s', '2.5s', '9.9s', '10s', '37s', '3m 24s', '1h', '1h 26m', '4d 2h'],
  );
  assert.deepEqual(
    [sparkline([0, 1, 4, 8], 4), sparkline([1, 1, 2, 2], 2), sparkline([0, 0], 2), sparkline([], 5)],
    [' ▁▄█', '▄█', '  ', ''],
  );
});
