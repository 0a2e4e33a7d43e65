import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Command } from 'commander';
import type { GlobalOptions } from '../../lib/cli/cli.js';
import { EXIT } from '../../lib/cli/exit.js';
import { aboutOf } from '../../lib/cli/help.js';
import { EXIT_CODES } from '../../lib/cli/overview.js';
import { wholeProgram } from '../../lib/cli/program.js';
import { DEFAULTS } from '../../lib/job/options.js';
import { WORKER_DEFAULTS } from '../../lib/job/settings.js';
import { commandsPage } from '../../scripts/manual/commands-page.js';
import { manPage } from '../../scripts/manual/man-page.js';
import { root } from '../support/folders.js';
import { keys, read, section } from '../support/pages.js';

/* The page on commands and the man page are what the commands themselves say. */

const program = await wholeProgram();
const page = commandsPage(program);

test('docs/cli.md and docs/queue.1 are made from the commands (npm run manual)', () => {
  assert.equal(read('docs/cli.md'), page);
  assert.equal(read('docs/queue.1'), manPage(program));
});

test('each command has a file, and belongs to a group', () => {
  const files = readdirSync(join(root, 'lib/cli/commands')).map((name) => name.replace('.ts', ''));
  assert.deepEqual(program.commands.map((command) => command.name()).sort(), files.sort());
  for (const command of program.commands) assert.match(command.helpGroup(), /^[A-Z].*:$/);
});

const everyCommand = (command: Command): Command[] => [command, ...command.commands.flatMap(everyCommand)];

for (const command of program.commands.flatMap(everyCommand)) {
  test(`${command.parent?.name()} ${command.name()} says what it does, how it exits, and has an example of each`, () => {
    const about = aboutOf(command);
    assert.match(about?.text.trim() ?? '', /\.$|[\w`]$/m);
    assert.match(about?.exits ?? '', /\.$/);
    assert.match(about?.plain ?? '.', /\.$/);
    assert.ok((about?.examples.length ?? 0) > 0);
    assert.match(command.description(), /^[a-z].*[^.]$/);
    for (const { description, flags } of command.options) assert.match(description, /\w/, flags);
  });
}

test('all exit codes, and the options of all commands, are said', () => {
  assert.deepEqual(
    EXIT_CODES.map(([code]) => code),
    Object.values(EXIT),
  );
  const all = keys<GlobalOptions>({
    file: true,
    json: true,
    plain: true,
    lockTimeout: true,
    anyFileSystem: true,
  });
  assert.deepEqual(
    program.options.map((option) => option.attributeName()),
    ['version', ...all],
  );
});

test('the defaults of queue work that are said are those of the code', () => {
  const text = section(page, 'queue work');
  const { maxAttempts, backoff } = WORKER_DEFAULTS;
  const { base, factor, max } = backoff as { base: number; factor: number; max: number };
  assert.match(text, new RegExp(`--max-attempts <number>\` \\| ${maxAttempts} `));
  assert.match(text, new RegExp(`\\| ${(base * factor) / 1000}s, doubled up to ${max / 3_600_000}h `));
  assert.match(text, new RegExp(`--timeout <time>\` \\| ${DEFAULTS.timeout / 3_600_000}h `));
  assert.match(text, new RegExp(`--concurrency <number>\` \\| ${DEFAULTS.concurrency} `));
});

test('the man page is what man can read without a warning', (t) => {
  const { error, stderr, stdout } = spawnSync('man', ['--warnings', '-l', join(root, 'docs/queue.1')], {
    encoding: 'utf8',
    env: { ...process.env, MANWIDTH: '80' },
  });
  if (error !== undefined) return t.skip('man is not installed');
  assert.equal(stderr, '');
  assert.match(stdout, /queue retry \[id\.\.\.\]/);
});
