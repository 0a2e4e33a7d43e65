import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { groupId, groupText } from '../../../lib/view/error-group.js';

/*
 * What errors of one cause have in common.
 */

for (const [error, text] of [
  ['Error: connect ECONNREFUSED 10.0.4.17:5432\n    at x', 'connect ECONNREFUSED 10.0.4.17:5432'],
  ['TypeError: x is not a function', 'TypeError: x is not a function'],
  ['hooks.acme.example answered 503', 'hooks.acme.example answered 503'],
  ['hooks.acme.example answered 429 after 1250 ms', 'hooks.acme.example answered 429 after # ms'],
  ['HTTP/1.1 502 Bad Gateway', 'HTTP/# 502 Bad Gateway'],
  ['request failed with status code 404', 'request failed with status code 404'],
  ['Error: 550 5.1.1 <ann@example.com>: no such user', '550 5.1.1 <…@…>: no such user'],
  ['order 335: no such user 12', 'order #: no such user #'],
  ['job 3fa95c01d2e8b764 is gone', 'job # is gone'],
  ['no row 7d6f1c2e-4a55-4f0e-9b1a-0c8d5e6f7a8b', 'no row #'],
  ['expired at 2030-01-31T09:00:00.123Z', 'expired at #'],
  ['took 12.5 s of 10 s', 'took # s of # s'],
  ['getaddrinfo ENOTFOUND db.example.com:3306', 'getaddrinfo ENOTFOUND db.example.com:3306'],
  ['', ''],
  ['\nsecond line', ''],
] as const)
  test(`${JSON.stringify(error)} belongs to ${JSON.stringify(text)}`, () =>
    assert.equal(groupText(error), text));

test('no text takes long, or throws', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 2000 }), (error) => {
      assert.ok(groupText(error).length <= 400);
    }),
  );
  for (const hostile of [
    'a@'.repeat(5000),
    '1.'.repeat(5000),
    'f'.repeat(10_000),
    '0'.repeat(10_000),
    '.'.repeat(9999),
  ])
    assert.ok(groupText(hostile).length <= 400);
});

test('a group has the same name in every process', () => {
  assert.equal(
    groupId('connect ECONNREFUSED 10.0.4.17:5432'),
    groupId(groupText('connect ECONNREFUSED 10.0.4.17:5432')),
  );
  assert.match(groupId('x'), /^[0-9a-f]{10}$/);
  assert.notEqual(groupId('x'), groupId('y'));
});
