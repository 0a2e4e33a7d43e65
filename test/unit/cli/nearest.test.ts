import assert from 'node:assert/strict';
import { test } from 'node:test';
import { didYouMean, nearest } from '../../../lib/cli/nearest.js';

test('finds the word that a mistyped one is most like', () => {
  const known = ['send_email', 'send_sms', 'webhook', 'report'];
  for (const [word, found] of [
    ['send_emial', 'send_email'],
    ['webhok', 'webhook'],
    ['eport', 'report'],
    ['reprot', 'report'],
    ['nightly', undefined],
    ['', undefined],
  ] as const)
    assert.equal(nearest(word, known), found, word);
  assert.deepEqual(
    [didYouMean('faild', ['failed']), didYouMean('x', ['failed'])],
    ['did you mean failed?', ''],
  );
});
