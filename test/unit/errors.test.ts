import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PermanentError, RetryAfterError, TsvqError } from '../../lib/errors.js';

test('an error has a stable code, a message, its cause, and the ids that are in', () => {
  const cause = new Error('disk');
  const error = new TsvqError('DISK_FULL', 'no room', { cause, written: ['a'] });
  assert.ok(error instanceof Error);
  assert.deepEqual(
    [error.name, error.code, error.message, error.cause],
    ['TsvqError', 'DISK_FULL', 'no room', cause],
  );
  assert.deepEqual(error.written, ['a']);
});

test('an error without a cause has none, and no ids', () => {
  const error = new TsvqError('CLOSED', 'closed');
  assert.equal('cause' in error, false);
  assert.deepEqual(error.written, []);
});

test('the errors for handlers have their names, by which another copy of the package knows them', () => {
  const permanent = new PermanentError('gone', { cause: 410 });
  assert.deepEqual([permanent.name, permanent.message, permanent.cause], ['PermanentError', 'gone', 410]);
  const later = new RetryAfterError('busy', 90_000);
  assert.deepEqual([later.name, later.message, later.delay], ['RetryAfterError', 'busy', 90_000]);
});
