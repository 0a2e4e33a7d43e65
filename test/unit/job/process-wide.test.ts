import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as rule from '../../../lib/file/lock/overdue.js';
import { processWide } from '../../../lib/job/process-wide.js';

test('a value is made once for each name', () => {
  const one = processWide('test-one', () => new Set());
  assert.equal(
    processWide('test-one', () => new Set()),
    one,
  );
  assert.notEqual(
    processWide('test-two', () => new Set()),
    one,
  );
});

test('a worker that gave up is known as such to every copy of the package in its process', async () => {
  const path = '../../../lib/file/lock/overdue.js?copy';
  const copy = (await import(path)) as typeof rule;
  assert.notEqual(copy.giveUp, rule.giveUp);
  copy.giveUp('host.boot.1.2.3.abc');
  assert.equal(rule.hasGivenUp('host.boot.1.2.3.abc'), true);
  assert.equal(rule.hasGivenUp('host.boot.1.2.3.def'), false);
});
