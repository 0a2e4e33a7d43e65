import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toJson } from '../../../../lib/file/format/json.js';
import { throws } from '../../../support/errors.js';

test('any JSON value is kept as it is, in one line without tabs', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const json = toJson(value, 'payload');
      assert.doesNotMatch(json, /[\t\n\r\0]/);
      assert.deepEqual(JSON.parse(json), JSON.parse(JSON.stringify(value)));
    }),
    { examples: [['\t\n\r\0\u2028'], [{ 'a\tb': ['\n'] }], [''], [0], [false], [null], [[]]] },
  );
});

test('a value with a JSON form of its own is kept in that form', () => {
  assert.equal(toJson({ at: new Date(0) }, 'payload'), '{"at":"1970-01-01T00:00:00.000Z"}');
  assert.equal(toJson({ to: 'ann', cc: undefined }, 'payload'), '{"to":"ann"}');
  assert.equal(toJson(undefined, 'payload'), 'null');
  assert.equal(toJson(Object.create(null), 'payload'), '{}');
  assert.equal(
    toJson({ n: Object(5), s: Object('x'), no: Object(false) }, 'payload'),
    '{"n":5,"s":"x","no":false}',
  );
  class User {
    name = 'Ann';
    get [Symbol.toStringTag]() {
      return 'User';
    }
  }
  assert.equal(
    toJson([new User(), Buffer.from('x')], 'payload'),
    '[{"name":"Ann"},{"type":"Buffer","data":[120]}]',
  );
});

test('the same object in two places is accepted', () => {
  const address = { city: 'Graz' };
  assert.equal(toJson([address, address], 'payload'), '[{"city":"Graz"},{"city":"Graz"}]');
});

const cycle: Record<string, unknown> = { name: 'a' };
cycle.self = { parent: cycle };
const deep = Array.from({ length: 600 }).reduce((inner: unknown) => [inner], 0);

for (const [name, value, ...message] of [
  ['a BigInt', { user: { id: 5n } }, 'payload.user.id is the BigInt 5n'],
  ['a cycle', cycle, 'payload.self.parent refers back'],
  ['a function', { list: [1, () => {}] }, 'payload.list[1] is a value of type function'],
  ['NaN', { age: Number.NaN }, 'payload.age is NaN'],
  ['Infinity', [Number.NEGATIVE_INFINITY], 'payload[0] is -Infinity'],
  ['a Map', { tags: new Map([['a', 1]]) }, 'payload.tags is a Map'],
  ['a Set', new Set([1]), 'payload is a Set'],
  ['a date that is none', { due: new Date('soon') }, 'payload.due is an invalid Date'],
  ['an error', { reason: new Error('x') }, 'payload.reason is an Error'],
  ['a regular expression', { match: /x/ }, 'payload.match is a RegExp'],
  ['what a URL was asked for', new URL('http://x/?a=1').searchParams, 'payload is a URLSearchParams'],
  ['a response of fetch', new Response('x'), 'payload is a Response'],
  ['bytes that are no Buffer', { image: new Uint8Array(2) }, 'payload.image is a Uint8Array'],
  ['an iterator', { rows: [1].values() }, 'payload.rows is an Array Iterator'],
  ['a NaN in a box', Object(Number.NaN), 'payload is a Number'],
  ['a symbol', { kind: Symbol('x') }, 'payload.kind is a value of type symbol'],
  ['undefined in an array', [1, undefined], 'payload[1] is a value of type undefined'],
  ['a key that is no name', { 'first name': Number.NaN }, 'payload["first name"] is NaN'],
  ['what is nested too deep', deep, /nested more than 500 levels deep/],
  ['what its toJSON can not say', { toJSON: () => 5n }, /^payload can't be written as JSON: .*BigInt/],
  ['what its toJSON leaves out', { toJSON: () => undefined }, 'payload is object'],
  [
    'what its toJSON throws',
    {
      toJSON: () => {
        throw 'no';
      },
    },
    'no',
  ],
] as [string, unknown, ...(string | RegExp)[]][]) {
  test(`JSON can't hold ${name}, and the error says where it is`, () => {
    throws(() => toJson(value, 'payload'), 'INVALID_ARGUMENT', ...message);
  });
}

test('a promise is refused instead of becoming {}', () => {
  throws(() => toJson({ user: Promise.resolve({ id: 1 }) }, 'payload'), 'INVALID_ARGUMENT', 'payload.user');
});

test('a getter that throws is an error of the argument', () => {
  const value = {
    get user() {
      throw new Error('not loaded');
    },
  };
  throws(() => toJson(value, 'payload'), 'INVALID_ARGUMENT', 'not loaded');
});
