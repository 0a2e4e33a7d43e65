import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Command } from 'commander';
import type { Cli, CommandModule, GlobalOptions } from '../../lib/cli/cli.js';
import { EXIT } from '../../lib/cli/exit.js';
import { DEFAULTS } from '../../lib/job/options.js';
import { WORKER_DEFAULTS } from '../../lib/job/settings.js';
import { root } from '../support/folders.js';
import { firstColumn, keys, read, section } from '../support/pages.js';

/* What the page on commands says is true: options, exit codes and defaults. */

const cli = read('docs/cli.md');

const COMMANDS = readdirSync(join(root, 'lib/cli/commands'))
  .map((name) => name.replace('.ts', ''))
  .sort();

test('the page on commands has a section for each, and lists it', () => {
  const listed = firstCalls(cli).map((call) => call.split(' ')[1]);
  assert.deepEqual(listed.sort(), COMMANDS);
});

/** The commands in the first column of a table of links. */
const firstCalls = (page: string): string[] =>
  [...page.matchAll(/^\| \[`(queue [^`]+)`\]/gm)].map(([, call]) => call as string);

for (const name of COMMANDS) {
  test(`the page on commands has the options and exit codes of queue ${name}`, async () => {
    const { define } = (await import(`../../lib/cli/commands/${name}.js`)) as CommandModule;
    const command = new Command(name);
    define(command, {} as Cli);
    checkCommand(command, `queue ${name}`);
    for (const sub of command.commands.filter(({ options }) => options.length > 0))
      checkCommand(sub, `queue ${name} ${sub.name()}`);
  });
}

test('the page on commands names every subcommand of queue schedule', async () => {
  const { define } = (await import('../../lib/cli/commands/schedule.js')) as CommandModule;
  const command = new Command('schedule');
  define(command, {} as Cli);
  const listed = firstColumn(section(cli, 'queue schedule')).map((call) => call.split(' ')[2]);
  assert.deepEqual(
    listed,
    command.commands.map((sub) => sub.name()),
  );
});

/** Checks the section of a command: its options, their defaults, and its exit codes. */
function checkCommand(command: Command, name: string): void {
  const text = section(cli, name);
  assert.deepEqual(
    firstColumn(text).filter((cell) => cell.startsWith('-')),
    command.options.map(({ flags }) => flags),
  );
  assert.match(text, /^Exit codes: /m);
  for (const { defaultValue, flags } of command.options)
    if (defaultValue !== undefined)
      assert.match(text, new RegExp(`^\\| \`${flags}\` \\| \`?${defaultValue}\`? `, 'm'));
}

test('the page on commands has the options of all commands, and all exit codes', () => {
  const text = section(cli, 'For every command');
  const options = firstColumn(text).filter((flags) => flags.startsWith('-'));
  const long = options.map((flags) => /--([\w-]+)/.exec(flags)?.[1]);
  const all = keys<GlobalOptions>({
    file: true,
    json: true,
    plain: true,
    lockTimeout: true,
    anyFileSystem: true,
  });
  const kebab = (name: string): string => name.replace(/[A-Z]/g, '-$&').toLowerCase();
  assert.deepEqual(long, [...all.map(kebab), 'version', 'help']);
  const codes = [...section(cli, 'Exit codes').matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
  assert.deepEqual(codes, Object.values(EXIT));
});

test('the defaults of queue work on the page on commands are those of the code', () => {
  const text = section(cli, 'queue work');
  const { maxAttempts, backoff } = WORKER_DEFAULTS;
  const { base, factor, max } = backoff as { base: number; factor: number; max: number };
  assert.match(text, new RegExp(`--max-attempts <number>\` \\| ${maxAttempts} `));
  assert.match(text, new RegExp(`\`${(base * factor) / 1000}s\`, doubled up to \`${max / 3_600_000}h\``));
  assert.match(text, new RegExp(`--timeout <time>\` \\| \`${DEFAULTS.timeout / 3_600_000}h\` `));
  assert.match(text, new RegExp(`--concurrency <number>\` \\| ${DEFAULTS.concurrency} `));
  assert.match(text, new RegExp(`--linger <time>\` \\| ${DEFAULTS.linger} `));
});
