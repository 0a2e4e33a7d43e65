import assert from 'node:assert/strict';
import { type ErrorCode, TsvqError } from '../../lib/job/errors.js';

/** Checks that a promise rejects with one of our errors, and what its message says. */
export async function rejects(
  promise: Promise<unknown>,
  code: ErrorCode,
  ...message: (RegExp | string)[]
): Promise<TsvqError> {
  const error = await promise.then(
    (value) => assert.fail(`it resolved, with ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  return isError(error, code, ...message);
}

/** The same for what is thrown. */
export function throws(call: () => unknown, code: ErrorCode, ...message: (RegExp | string)[]): TsvqError {
  let error: unknown;
  try {
    call();
  } catch (caught) {
    error = caught;
  }
  return isError(error, code, ...message);
}

function isError(error: unknown, code: ErrorCode, ...message: (RegExp | string)[]): TsvqError {
  if (!(error instanceof TsvqError)) {
    throw new assert.AssertionError({ message: 'not a TsvqError', actual: error, expected: code });
  }
  assert.equal(error.code, code, error.message);
  for (const part of message) {
    if (typeof part === 'string') assert.ok(error.message.includes(part), `"${part}" in: ${error.message}`);
    else assert.match(error.message, part);
  }
  return error;
}
