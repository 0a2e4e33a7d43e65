import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { errorText } from '../../../lib/runner/error-text.js';

test('the name, message and first frames of the stack of an error are kept', () => {
  const [head, ...frames] = errorText(new RangeError('too far')).split('\n');
  assert.equal(head, 'RangeError: too far');
  assert.ok(frames.length > 0 && frames.length <= 3);
  assert.match(frames[0] as string, /^ +at .*error-text\.test\.ts/);
});

test('anything that is thrown has a text', () => {
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
  assert.equal(errorText(''), "''");
  assert.equal(errorText({ code: 5 }), '{ code: 5 }');
  assert.match(errorText(Object.create(null)), /Object/);
  assert.equal(typeof errorText(hostile), 'string');
  assert.equal(errorText(Symbol('x')), 'Symbol(x)');
});

test('the causes of an error are kept after its message, because fetch says why in there', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const refused = await fetch(`http://127.0.0.1:${port}/`).then(String, errorText);
  assert.deepEqual(refused.split('\n').slice(0, 2), [
    'TypeError: fetch failed',
    `caused by: Error: connect ECONNREFUSED 127.0.0.1:${port}`,
  ]);
  const several = Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' });
  const inner = new Error('inner', { cause: several });
  const lines = errorText(new RangeError('outer', { cause: inner }))
    .split('\n')
    .slice(0, 4);
  assert.deepEqual(lines.slice(0, 3), [
    'RangeError: outer',
    'caused by: Error: inner',
    'caused by: AggregateError: ECONNREFUSED',
  ]);
  assert.match(lines[3] ?? '', /^ +at /);
  assert.match(errorText(new Error('x', { cause: 'a word' })), /^Error: x\ncaused by: a word\n/);
  assert.match(
    errorText(new Error('x', { cause: { status: 5 } })),
    /^Error: x\ncaused by: \{ status: 5 \}\n/,
  );
  const circle = new Error('round and round');
  circle.cause = circle;
  assert.doesNotMatch(errorText(circle), /caused by/);
  assert.doesNotMatch(
    errorText(new Error('not sent: no route', { cause: new Error('no route') })),
    /caused by/,
  );
  const deep = [4, 3, 2, 1].reduce((cause, n) => new Error(`level ${n}`, { cause }), new Error('level 5'));
  assert.deepEqual(errorText(deep).match(/level \d/g), ['level 1', 'level 2', 'level 3', 'level 4']);
  const trap = new Error('trap');
  Object.defineProperty(trap, 'message', {
    get: () => {
      throw new Error('no');
    },
  });
  assert.match(errorText(new Error('x', { cause: trap })), /^Error: x\n +at /);
  assert.ok(errorText(new Error('x', { cause: 'y'.repeat(1e6) })).length < 6000);
});

test('the first reasons of an AggregateError are kept, because it says nothing itself', async () => {
  const reasons = ['first', 'second', 'third', 'fourth'].map((word) => Promise.reject(new RangeError(word)));
  const error = await Promise.any(reasons).catch((error) => error);
  assert.deepEqual(errorText(error).split('\n').slice(0, 4), [
    'AggregateError: All promises were rejected',
    'caused by: RangeError: first',
    'caused by: RangeError: second',
    'caused by: RangeError: third',
  ]);
  assert.match(
    errorText(new AggregateError(['mine'], 'all of them')),
    /^AggregateError: all of them\ncaused by: mine\n/,
  );
});

test('a long message is cut', () => {
  assert.ok(errorText(new Error('x'.repeat(1e6))).length < 6000);
  assert.ok(errorText('x'.repeat(1e6)).length < 6000);
});

test('a line of a message that looks like a frame of the stack is cut', () => {
  assert.ok(errorText(new Error(`x\n    at ${'y'.repeat(1e6)}`)).length < 20_000);
});

test('a message of millions of lines costs no time, and the frames after it are found', () => {
  const text = errorText(new Error('\n'.repeat(5_000_000)));
  assert.match(text, /…\n +at .*error-text\.test/);
  assert.ok(text.length < 20_000);
});
