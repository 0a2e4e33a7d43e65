import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorText } from '../../../lib/worker/error-text.js';

test('of an error its name, its message and the first frames of its stack are kept', () => {
  const [head, ...frames] = errorText(new RangeError('too far')).split('\n');
  assert.equal(head, 'RangeError: too far');
  assert.ok(frames.length > 0 && frames.length <= 3);
  assert.match(frames[0] as string, /^ +at .*error-text\.test\.ts/);
});

test('whatever was thrown has a text', () => {
  const hostile = new Error('x');
  Object.defineProperty(hostile, 'message', {
    get: () => {
      throw new Error('no');
    },
  });
  const noStack = new Error('bare');
  delete noStack.stack;
  assert.equal(errorText('no luck'), 'no luck');
  assert.equal(errorText(noStack), 'Error: bare');
  assert.equal(errorText(undefined), 'undefined');
  assert.equal(errorText({ code: 5 }), '{ code: 5 }');
  assert.match(errorText(Object.create(null)), /Object/);
  assert.equal(typeof errorText(hostile), 'string');
  assert.equal(errorText(Symbol('x')), 'Symbol(x)');
});

test('a long message is cut', () => {
  assert.ok(errorText(new Error('x'.repeat(1e6))).length < 6000);
  assert.ok(errorText('x'.repeat(1e6)).length < 6000);
});

test('so is a line of a message that looks like a frame of the stack', () => {
  assert.ok(errorText(new Error(`x\n    at ${'y'.repeat(1e6)}`)).length < 20_000);
});

test('a message of millions of lines takes no time of its own, and the frames are found behind it', () => {
  const text = errorText(new Error('\n'.repeat(5_000_000)));
  assert.match(text, /…\n +at .*error-text\.test/);
  assert.ok(text.length < 20_000);
});
