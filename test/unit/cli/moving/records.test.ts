import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import Papa from 'papaparse';
import { problemOfNames } from '../../../../lib/cli/moving/fields.js';
import { type Lines, linesOf } from '../../../../lib/cli/moving/lines.js';
import { type InputRecord, type MovedFormat, readerOf } from '../../../../lib/cli/moving/records.js';
import { nearest } from '../../../../lib/cli/nearest.js';

/** Reads a file that comes in pieces of so many bytes. */
async function read(format: MovedFormat, bytes: Buffer, piece: number) {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += piece) pieces.push(bytes.subarray(at, at + piece));
  const headers: (readonly string[])[] = [];
  const reader = readerOf(format, (names) => headers.push(names));
  const records: InputRecord[] = [];
  let last: Lines | undefined;
  for await (const lines of linesOf(Readable.from(pieces))) {
    if (last !== undefined) records.push(...reader.read(last, false));
    last = lines;
  }
  if (last !== undefined) records.push(...reader.read(last, true));
  return { headers, records };
}

const cell = fc.string({
  unit: fc.constantFrom('a', '"', ',', ';', '\n', '\r\n', ' ', '日', "'", '=', '1', '\t'),
  maxLength: 6,
});

test('CSV is read alike in whatever pieces it comes, with the numbers of its lines', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 40 }),
      fc.boolean(),
      async (rows, piece, isWindows) => {
        const eol = isWindows ? '\r\n' : '\n';
        const quoted = { newline: eol, quotes: true } as const;
        // An apostrophe that guards a formula is taken away.
        const plain = rows.map((row) =>
          row.map((text) => text.replace(/^'+(?=[=\t])/, '').replace(/\r/g, '')),
        );
        const csv = Papa.unparse([['x', 'y', 'z'], ...plain], quoted) + eol;
        const { headers, records } = await read('csv', Buffer.from(csv), piece);
        assert.deepEqual(headers, [['x', 'y', 'z']]);
        let line = 2;
        const expected = plain.map((row) => {
          const fields = Object.fromEntries(
            row.flatMap((text, i) => (text === '' ? [] : [[['x', 'y', 'z'][i] as string, text]])),
          );
          const at = line;
          line += 1 + row.join('').split('\n').length - 1;
          return { line: at, fields, isText: true };
        });
        assert.deepEqual(records, expected);
      },
    ),
    { numRuns: 300, seed: 5 },
  );
});

test('TSV and JSON Lines are read alike in whatever pieces they come', async () => {
  const tsv = 'type\tpayload\r\na\t"1\r\n\nb\t{"x":"日本"}\nc\n';
  const jsonl = '{"type":"a"}\n\n{"type":"日本","x":null}\r\n[]\n{';
  for (let piece = 1; piece < 60; piece++) {
    assert.deepEqual((await read('tsv', Buffer.from(tsv), piece)).records, [
      { line: 2, fields: { type: 'a', payload: '"1' }, isText: true },
      { line: 4, fields: { type: 'b', payload: '{"x":"日本"}' }, isText: true },
      { line: 5, error: 'it has 1 field, where the header has 2' },
    ]);
    const { records } = await read('jsonl', Buffer.from(jsonl), piece);
    assert.deepEqual(records.slice(0, 3), [
      { line: 1, fields: { type: 'a' } },
      { line: 3, fields: { type: '日本' } },
      { line: 4, error: 'it is not a JSON object' },
    ]);
    assert.deepEqual([records.length, records[3]?.line], [4, 5]);
    assert.match(records[3]?.error ?? '', /^it is not JSON: /);
  }
});

test('a record with quotes that are wrong is named, and the others are read', async () => {
  const { records } = await read('csv', Buffer.from('a,b\n1,"x"y"\n2,ok\n'), 100);
  assert.deepEqual(
    records.map(({ line, error }) => [line, error]),
    [
      [2, 'a quote in a quoted field is not doubled'],
      [3, undefined],
    ],
  );
});

test('a name that is misspelt finds the one that was meant, and no other', () => {
  const names = ['type', 'payload', 'priority', 'run_at', 'timeout', 'group', 'max_attempts'];
  for (const [given, meant] of [
    ['tpye', 'type'],
    ['priorty', 'priority'],
    ['max_attempt', 'max_attempts'],
    ['prio', 'priority'],
    ['colour', undefined],
    ['x', undefined],
    ['ru', undefined],
  ])
    assert.equal(nearest(given as string, names), meant, given);
});

test('columns are known by each of their spellings', () => {
  const rules = { type: undefined, labels: undefined, ignoresUnknown: false };
  for (const names of [
    ['type', 'runAt', 'max attempts', 'dedupe-key', 'Priority', 'finishedAt', 'interruptions'],
    ['Type', 'RUN_AT', 'key', 'labels', 'version', 'locked_by'],
  ])
    assert.equal(problemOfNames(names, rules), undefined, names.join());
  assert.match(
    problemOfNames(['type', 'runAt', 'run_at'], rules) ?? '',
    /the column "run_at" is there twice/,
  );
  assert.match(problemOfNames(['constructor', 'type'], rules) ?? '', /"constructor" is no column/);
  assert.equal(problemOfNames(['toString'], { ...rules, type: 'a', ignoresUnknown: true }), undefined);
});
