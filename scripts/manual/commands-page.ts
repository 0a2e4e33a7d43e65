import type { Command } from 'commander';
import { aboutOf } from '../../lib/cli/help.js';
import { CONVENTIONS, EXIT_CODES, VARIABLES } from '../../lib/cli/overview.js';
import { byGroups, callOf, type Item, itemsOf, nameOf } from './description.js';

/** Returns docs/cli.md. */
export function commandsPage(program: Command): string {
  return `${[
    '# Commands',
    `\`queue\` is the command for a queue; in a project it is \`npx queue\`. The same program is installed as \`tsvq\` too. This page is
made from the commands themselves: it has each command with its arguments, options, defaults and exit codes. \`queue help
COMMAND\` prints the same, and so does \`man queue\` where the package is installed for the machine.`,
    ...byGroups(program).flatMap(([group, commands]) => [
      `**${group}**`,
      table(
        ['command', ''],
        commands.map((command) => [link(command), command.description()]),
      ),
    ]),
    '## For every command',
    CONVENTIONS,
    options([...itemsOf(program), { flags: '-h, --help', about: 'explain the command', byDefault: '' }]),
    table(
      ['variable', ''],
      VARIABLES.map(([name, about]) => [`\`${name}\``, about]),
    ),
    `All but the first are the [queue's own settings](operations.md#settings-of-workersqueue_workerjs). Set the same for the worker
and the web app.`,
    '### Exit codes',
    table(
      ['code', 'meaning'],
      EXIT_CODES.map(([code, about]) => [String(code), about]),
    ),
    `Any command can end with 1, 2 or 3. Any command that writes can end with 75. Each section below says what a code means for
that command, and which codes the command adds.`,
    ...program.commands.flatMap((command) => section(command, '##')),
  ].join('\n\n')}\n`;
}

const link = (command: Command): string =>
  `[\`${callOf(command)}\`](#${nameOf(command).replaceAll(' ', '-')})`;

function section(command: Command, level: string): string[] {
  const about = aboutOf(command);
  if (about === undefined) throw new Error(`nothing is said about ${nameOf(command)}`);
  const { text, plain, exits, examples } = about;
  const items = itemsOf(command);
  return [
    `${level} ${nameOf(command)}`,
    `\`${callOf(command)}\`: ${command.description()}.`,
    text.trim(),
    ...(items.length === 0 ? [] : [options(items)]),
    ...(command.commands.length === 0 ? [] : [commandsOf(command)]),
    ...(plain === undefined ? [] : [`\`--plain\` prints ${plain}`]),
    `Exit codes: ${exits}`,
    `\`\`\`sh\n${examples.join('\n')}\n\`\`\``,
    ...command.commands.flatMap((sub) => section(sub, `${level}#`)),
  ];
}

const commandsOf = (command: Command): string =>
  table(
    ['command', ''],
    command.commands.map((sub) => [link(sub), sub.description()]),
  );

const options = (items: readonly Item[]): string =>
  table(
    ['option', 'default', ''],
    items.map(({ flags, byDefault, about }) => [`\`${flags}\``, byDefault, about]),
  );

/** Returns a table of Markdown, in which a bar would end a cell. */
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n');
