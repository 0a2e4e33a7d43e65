import assert from 'node:assert/strict';
import { test } from 'node:test';
import { argsOf } from '../../../lib/cli/argv.js';

/*
 * Arguments that commander would take for the program's own option -f.
 */

for (const [given, wanted] of [
  ['tail -f', 'tail --follow'],
  ['tail -fn5 --type email', 'tail --follow -n5 --type email'],
  ['-f tail tail -f', '-f tail tail --follow'],
  ['--json --file a.tsv tail -n 5 -f', '--json --file a.tsv tail -n 5 --follow'],
  ['list -f a.tsv', 'list -f a.tsv'],
  ['list --sort -finished --limit 5', 'list --sort=-finished --limit 5'],
  ['list --sort finished', 'list --sort finished'],
  ['help add', 'add --help'],
  ['-f', '-f'],
] as const)
  test(`${given} means ${wanted}`, () => {
    assert.deepEqual(argsOf(given.split(' ')), wanted.split(' '));
  });
