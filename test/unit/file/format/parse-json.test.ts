import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseJson } from '../../../../lib/file/format/parse-json.js';
import { throws } from '../../../support/errors.js';

const refuses = (text: string): void => {
  throws(() => parseJson(text, 'payload'), 'INVALID_ARGUMENT');
};
const takes = (text: string): void => assert.deepEqual(parseJson(text, 'payload'), JSON.parse(text));

test('an integer that would become another one is refused, with its place and what helps', () => {
  throws(
    () => parseJson('{"user_id":175928847299117063}', 'payload'),
    'INVALID_ARGUMENT',
    /^payload\.user_id is 175928847299117063, which JavaScript can't hold exactly \(it would become 175928847299117060\); write it as a string: "175928847299117063"$/,
  );
});

for (const [place, text] of [
  ['payload', '9007199254740993'],
  ['payload', ' -9007199254740993 '],
  ['payload[2]', '[1, [2, 3], 9007199254740993]'],
  [
    'payload.items[3].user_id',
    '{"a":{"b":[{}]},"items":[0,{"x":1},[],{"y":"z","user_id":9007199254740993}]}',
  ],
  ['payload["a b\\"]"].c', '{"n":{},"a b\\"]":{"c":9007199254740993}}'],
  ['payload["é"]', '{"\\u00e9":9007199254740993}'],
  ['payload.last', '{"text":"\\\\\\"1, 9007199254740993","o":{"p":1},"last":9007199254740993}'],
  ['payload.a', '{ "a" :\n\t9007199254740993 }'],
] as const)
  test(`the error names the place of a number: ${place}`, () => {
    assert.throws(
      () => parseJson(text, 'payload'),
      ({ message }: Error) => {
        assert.equal(message.slice(0, message.indexOf(' is ')), place);
        return true;
      },
    );
  });

for (const text of [
  '175928847299117063',
  '9007199254740993',
  '-9007199254740993',
  '9007199254740993.0',
  '9007199254740993e0',
  '90071992547409930e-1',
  '1152921504606846976',
  '100000000000000000000000000000001',
  '1e400',
  '-1e400',
  '1E+0400',
  `1${'0'.repeat(309)}`,
  '1e-400',
  '1.2345678901234567e-310',
  '0.1234567890123456789',
  '3.14159265358979323846',
  '12345678901234567890.5',
])
  test(`${text} is refused, since its value would change`, () => {
    refuses(text);
    refuses(`{"a":[true,${text}]}`);
  });

for (const text of [
  '0',
  '-0',
  '0.0',
  '0e999999999999999999999',
  '0.00000000000000000000',
  '1.0',
  '1e3',
  '1.50E+02',
  '0.1',
  '0.30000000000000004',
  '0.10000000000000001',
  '3.141592653589793',
  '1893456000.512',
  '9007199254740991',
  '9007199254740992',
  '1152921504606847000',
  '1e23',
  '1e300',
  '5e-324',
  '1.7976931348623157e308',
  '2.2250738585072014e-308',
  '1000000000000000000000000',
  '123456789012345000000000000000000e-15',
])
  test(`${text} is accepted, because its value stays`, () => {
    takes(text);
    takes(`{"a":[true,${text}]}`);
  });

test('digits in a string or a key are text', () => {
  takes('{"175928847299117063":"175928847299117063","a":": 175928847299117063, \\" 175928847299117063"}');
  takes('["\\\\", ", 175928847299117063 \\\\\\"", 1]');
});

test('all that JSON.stringify writes is accepted', () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => takes(JSON.stringify(value))));
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => takes(JSON.stringify(value))),
  );
});

test('an integer is accepted if, and only if, its digits come back', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 1n - 10n ** 21n, max: 10n ** 21n - 1n }), (value) => {
      const comesBack = String(Number(value)) === String(value);
      (comesBack ? takes : refuses)(String(value));
    }),
  );
});

test('a place among values of any form is the one that leads to the number', () => {
  const key = fc.string({ unit: 'binary' });
  const step = fc.oneof(key, fc.nat(4));
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 4 }), fc.jsonValue(), (steps, filler) => {
      const inner = steps.reduceRight<unknown>(
        (value, one) =>
          typeof one === 'number' ? [...Array(one).fill(filler), value, filler] : { [`0${one}`]: value },
        'HERE',
      );
      const json = JSON.stringify(inner).replace('"HERE"', '175928847299117063');
      const path = steps.map((one) => {
        if (typeof one === 'number') return `[${one}]`;
        return /^[\w$]*$/.test(one) ? `.0${one}` : `[${JSON.stringify(`0${one}`)}]`;
      });
      assert.throws(
        () => parseJson(json, ''),
        ({ message }: Error) => {
          assert.equal(message.split(' is 17592')[0]?.slice(0, 80), path.join('').slice(0, 80));
          return true;
        },
      );
    }),
  );
});

test('a text of many MiB takes no longer than the reading of it', () => {
  for (const text of [
    `[1${'0'.repeat(2_000_000)}1]`,
    `["${'\\"'.repeat(2_000_000)}, 1234567890123456"]`,
    `["${'\\\\'.repeat(2_000_000)}, 1234567890123456"]`,
    `[${'['.repeat(1000)}${']'.repeat(1000)},1234567890123456${',1'.repeat(1_000_000)}]`,
    `[0.${'0'.repeat(300)}${'1'.repeat(2_000_000)}]`,
  ]) {
    // Not of the wall, on which others work as well.
    const before = process.cpuUsage();
    try {
      parseJson(text, 'payload');
    } catch (error) {
      assert.ok((error as Error).message.length < 500);
    }
    assert.ok(process.cpuUsage(before).user < 5_000_000);
  }
});
