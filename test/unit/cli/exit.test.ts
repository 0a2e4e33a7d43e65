import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CliError, exitCodeOf, messageOf, notFound, usageError } from '../../../lib/cli/exit.js';
import { type ErrorCode, TsvqError } from '../../../lib/job/errors.js';

test('exitCodeOf tells usage, not found, busy and failed apart', () => {
  const codes: [ErrorCode, number][] = [
    ['INVALID_ARGUMENT', 2],
    ['PAYLOAD_TOO_LARGE', 2],
    ['NO_QUEUE_FILE', 3],
    ['NOT_A_QUEUE', 1],
    ['NO_ACCESS', 1],
    ['LOCK_TIMEOUT', 75],
    ['DISK_FULL', 1],
    ['DUPLICATE_JOB', 1],
    ['WRITE_FAILED', 1],
    ['SYNC_FAILED', 1],
    ['CLOSED', 1],
  ];
  for (const [code, exitCode] of codes) assert.equal(exitCodeOf(new TsvqError(code, 'no')), exitCode, code);
  assert.equal(exitCodeOf(usageError('no')), 2);
  assert.equal(exitCodeOf(notFound('no')), 3);
  assert.equal(exitCodeOf(new CliError(127, 'no')), 127);
  assert.equal(exitCodeOf(new Error('no')), 1);
  assert.equal(exitCodeOf('no'), 1);
});

test('exitCodeOf knows the errors of another copy of the package', () => {
  const foreign = Object.assign(new Error('busy'), { name: 'TsvqError', code: 'LOCK_TIMEOUT' });
  assert.equal(exitCodeOf(foreign), 75);
  assert.equal(messageOf(foreign), 'busy');
});

test('messageOf gives the stack of mistakes only', () => {
  assert.equal(messageOf(new TsvqError('DISK_FULL', 'no room')), 'no room');
  assert.equal(messageOf(usageError('so not')), 'so not');
  assert.equal(
    messageOf(Object.assign(new Error('EACCES: open'), { code: 'EACCES', syscall: 'open' })),
    'EACCES: open',
  );
  assert.match(messageOf(new Error('a mistake')), /^Error: a mistake\n +at /);
  assert.equal(messageOf('text'), 'text');
});
