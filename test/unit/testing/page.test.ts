/* The examples of docs/testing.md run: those for node:test here, the others by scripts/check-consumers.js. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testQueue } from 'tsvq/testing';
import { firstColumn, read, section } from '../../support/pages.js';
import { blocks } from '../../support/snippets.js';
import '../../../docs/examples/testing/signup.test.js';

const page = read('docs/testing.md');

test('the page on testing has the examples as they are run', () => {
  const [code, ownTest] = blocks(page, 'ts');
  assert.equal(code, read('docs/examples/testing/signup.ts'));
  assert.equal(ownTest, read('docs/examples/testing/signup.test.ts'));
});

test('the page on testing names all that a queue for a test has', async () => {
  const made = testQueue();
  const named = firstColumn(section(page, 'A queue for a test')).map((name) => name.replace(/\(.*/, ''));
  assert.deepEqual(named.sort(), Object.keys(made).sort());
  await made.close();
});
