import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  firstLine,
  harmless,
  harmlessLines,
  isoSeconds,
  size,
  span,
  toSafeJson,
} from '../../../lib/view/text.js';

const HARMFUL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

/** Any string, halves of surrogate pairs and controls among it. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom(
      '\u001b',
      '[',
      '2',
      'J',
      '\u009b',
      '\u202e',
      '\u2028',
      '\ud800',
      '\n',
      '"',
      '\\',
      '\u{e0041}',
    ),
  }),
);

describe('harmless', () => {
  test('removes everything that a terminal would obey, from any text', () => {
    fc.assert(fc.property(anyText, (text) => !HARMFUL.test(harmless(text))));
    fc.assert(fc.property(anyText, (text) => !HARMFUL.test(harmlessLines(text).replaceAll('\n', ''))));
  });

  test('shows the characters that were there', () => {
    assert.equal(
      harmless('a\u001b[31mb\tc\nd\re\u009bf\u202eg'),
      'a\\u001b[31mb\\tc\\nd\\re\\u009bf\\u202eg',
    );
    assert.equal(harmless('\u{e0041}\ud800'), '\\udb40\\udc41\\ud800');
    assert.equal(harmlessLines('a\u0007\nb'), 'a\\u0007\nb');
  });

  test('leaves ordinary text alone', () => {
    for (const text of ['Grüße, 你好 – «so» 🙂', 'C:\\temp', '{"a": "b"}'])
      assert.equal(harmless(text), text);
  });
});

describe('toSafeJson', () => {
  test('reads back the same, and is harmless', () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), anyText, fc.dictionary(anyText, anyText)), (value) => {
        for (const json of [toSafeJson(value), toSafeJson(value, 2)]) {
          assert.deepEqual(JSON.parse(json), JSON.parse(JSON.stringify(value)));
          assert.doesNotMatch(json.replaceAll('\n', ''), HARMFUL);
        }
        assert.doesNotMatch(toSafeJson(value), /\n/);
      }),
    );
  });

  test('shows values that are nested too deeply for JSON.stringify as far as possible', () => {
    const deep = JSON.parse('[{"a":1},'.repeat(20_000) + 0 + ']'.repeat(20_000));
    assert.throws(() => JSON.stringify(deep), RangeError);
    for (const json of [toSafeJson({ payload: deep, id: 'x' }), toSafeJson({ payload: deep, id: 'x' }, 2)]) {
      assert.equal(JSON.parse(json).id, 'x');
      assert.match(json, /"\(nested too deeply to be shown\)"/);
    }
  });

  test('gives null for undefined', () => assert.equal(toSafeJson(undefined), 'null'));
});

test('span names the largest unit', () => {
  const spans: [number, string][] = [
    [0, '0ms'],
    [999, '999ms'],
    [1000, '1s'],
    [59_999, '59s'],
    [60_000, '1m'],
    [3_600_000, '1h'],
    [90_000_000, '1d'],
    [864_000_000, '10d'],
  ];
  for (const [ms, text] of spans) assert.equal(span(ms), text);
});

test('size names the largest unit', () => {
  const sizes: [number, string][] = [
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [1_234_567, '1.2 MB'],
    [5e9, '5.0 GB'],
  ];
  for (const [bytes, text] of sizes) assert.equal(size(bytes), text);
});

test('isoSeconds is UTC, to the second', () => {
  assert.equal(isoSeconds(new Date(Date.UTC(2030, 0, 31, 9, 5, 7, 999))), '2030-01-31T09:05:07Z');
  assert.equal(isoSeconds(new Date(Number.NaN)), 'never');
});

test('firstLine cuts later lines, and text that is too long', () => {
  assert.equal(firstLine('Error: no\n    at work'), 'Error: no');
  assert.equal(firstLine(''), '');
  assert.equal(firstLine('abcdef', 6), 'abcdef');
  assert.equal(firstLine('abcdefg', 6), 'abcde…');
});
