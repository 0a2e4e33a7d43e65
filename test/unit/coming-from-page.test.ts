import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../support/folders.js';
import { read } from '../support/pages.js';
import { blocks, compile } from '../support/snippets.js';

/* What the page for users of other queues says is true. */

const page = read('docs/coming-from.md');

test('the programs on the page for users of other queues compile', () => {
  const programs = blocks(page, 'ts');
  assert.equal(programs.length, 8, 'an app and a worker for each of four');
  assert.deepEqual(programs.flatMap(compile), []);
});

test('the commands that the page names exist', () => {
  const commands = readdirSync(join(root, 'lib/cli/commands')).map((name) => name.replace('.ts', ''));
  assert.ok(page.includes(`\`queue\`, ${commands.length} commands`));
  const named = [...page.matchAll(/`queue ([a-z]+)/g)].map(([, name]) => name as string);
  assert.ok(named.length >= 10);
  assert.deepEqual(
    named.filter((name) => !commands.includes(name)),
    [],
  );
});
