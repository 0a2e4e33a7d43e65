import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_ATTEMPT_NOTES, readMeta, writeMeta } from '../../../../lib/file/format/meta.js';

test('an entry of the queue is added after those of a caller, which stay as they are', () => {
  for (const [field, written] of [
    ['', '{"@interruptions":2}'],
    ['{}', '{"@interruptions":2}'],
    ['{"b":1,"1":2,"a":{"x":[1,"},{"]}}', '{"b":1,"1":2,"a":{"x":[1,"},{"]},"@interruptions":2}'],
    ['{"n":12345678901234567890,"e":1e999}', '{"n":12345678901234567890,"e":1e999,"@interruptions":2}'],
    ['{"quote\\",":"\\\\"}', '{"quote\\",":"\\\\","@interruptions":2}'],
    ['{"__proto__":{"a":1}}', '{"__proto__":{"a":1},"@interruptions":2}'],
    ['{ "a" : 1 , "b" : [ ] }', '{"a" : 1,"b" : [ ],"@interruptions":2}'],
    ['{"@interruptions":1,"a":1}', '{"a":1,"@interruptions":2}'],
    ['{"@other":7}', '{"@other":7,"@interruptions":2}'],
  ] as const) {
    assert.equal(writeMeta(field, { '@interruptions': 2 }), written);
    assert.equal(readMeta(written)['@interruptions'], 2);
  }
});

test('entries that are not named stay, and those that are undefined go', () => {
  const both = '{"a":1,"@askedToWaitSince":1000.5,"@interruptions":3,"b":2}';
  assert.equal(
    writeMeta(both, { '@interruptions': 4 }),
    '{"a":1,"@askedToWaitSince":1000.5,"b":2,"@interruptions":4}',
  );
  assert.equal(writeMeta(both, { '@interruptions': undefined }), '{"a":1,"@askedToWaitSince":1000.5,"b":2}');
  assert.equal(writeMeta(both, NO_ATTEMPT_NOTES), '{"a":1,"b":2}');
  assert.equal(writeMeta('{"@interruptions":3}', NO_ATTEMPT_NOTES), '');
  assert.equal(writeMeta('{"\\u0040interruptions":3}', NO_ATTEMPT_NOTES), '');
  assert.equal(writeMeta('{ "a": 1 }', NO_ATTEMPT_NOTES), '{ "a": 1 }');
  assert.equal(writeMeta('', NO_ATTEMPT_NOTES), '');
});

test('a meta that is not a JSON object counts as empty, and can hold no note', () => {
  for (const field of ['no JSON', '[1]', '"text"', 'null', '7', '{"a":1', '{"a":1} x']) {
    assert.deepEqual(readMeta(field), {}, field);
    assert.equal(writeMeta(field, { '@interruptions': 1 }), undefined, field);
  }
});

test('the field has at most 4 KiB, and an entry that does not fit is not noted', () => {
  const field = (bytes: number): string => `{"a":"${'x'.repeat(bytes - 8)}"}`;
  const entry = ',"@interruptions":1'.length;
  assert.equal(writeMeta(field(4096 - entry), { '@interruptions': 1 })?.length, 4096);
  assert.equal(writeMeta(field(4097 - entry), { '@interruptions': 1 }), undefined);
  assert.equal(writeMeta(`{"a":"${'ü'.repeat(2040)}"}`, { '@interruptions': 1 }), undefined);
  assert.deepEqual(readMeta(field(100_000)), {});
});

test('an entry counts as absent if an edit has left it without a valid number', () => {
  for (const value of ['"3"', '-1', '1e999', 'null', '[3]', 'true', '2.5']) {
    assert.equal(readMeta(`{"@interruptions":${value}}`)['@interruptions'], undefined, value);
  }
  for (const value of ['"3"', '-1', '1e999', 'null']) {
    assert.equal(readMeta(`{"@askedToWaitSince":${value}}`)['@askedToWaitSince'], undefined, value);
  }
});
