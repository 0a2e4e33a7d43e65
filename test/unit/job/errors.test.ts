import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import {
  errorMessage,
  isInstance,
  PermanentError,
  RetryAfterError,
  TsvqError,
} from '../../../lib/job/errors.js';
import { errorText } from '../../../lib/runner/error-text.js';

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

test('an error of another copy of the package is an instance as well, of its own class alone', async () => {
  const path = '../../../lib/job/errors.js?copy';
  const copy = (await import(path)) as typeof import('../../../lib/job/errors.js');
  assert.notEqual(copy.TsvqError, TsvqError);
  const error = new copy.TsvqError('CLOSED', 'closed');
  assert.ok(error instanceof TsvqError);
  assert.ok(!(error instanceof PermanentError));
  class Theirs extends copy.PermanentError {}
  class Mine extends PermanentError {}
  assert.ok(new Theirs('no') instanceof PermanentError);
  assert.ok(!(new Theirs('no') instanceof Mine));
  assert.ok(!(new copy.PermanentError('no') instanceof Mine));
  for (const other of [undefined, null, 'TsvqError', { name: 'TsvqError' }, new Error('plain')]) {
    assert.ok(!isInstance(TsvqError, other));
  }
});

test('an error of another realm, as Jest makes one for the tests, is reported like any other', () => {
  const error = runInNewContext(`new TypeError('no', { cause: new Error('because of the disk') })`);
  assert.ok(!(error instanceof Error));
  assert.equal(errorMessage(error), 'no');
  assert.match(errorText(error), /^TypeError: no\ncaused by: Error: because of the disk\n {4}at /);
  const both = runInNewContext(
    `new AggregateError([new Error('the first address'), new Error('the second')])`,
  );
  assert.match(errorText(both), /caused by: Error: the first address\ncaused by: Error: the second/);
});
