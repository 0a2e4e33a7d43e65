import type { Command } from 'commander';
import { aboutOf } from '../../lib/cli/help.js';
import { CONVENTIONS, EXAMPLES, EXIT_CODES, VARIABLES } from '../../lib/cli/overview.js';
import { callOf, type Item, itemsOf } from './description.js';

/** Returns the man page, as man(7) has it. It carries no date or version, which would change with each release. */
export function manPage(program: Command): string {
  return `${[
    '.TH QUEUE 1 "" tsvq "User Commands"',
    '.SH NAME',
    'queue, tsvq \\- a job queue that is one plain-text file, driven by cron',
    '.SH SYNOPSIS',
    '.B queue\n[\\fIoptions\\fR] \\fIcommand\\fR [\\fIarguments\\fR]',
    '.SH DESCRIPTION',
    ...paragraphs(CONVENTIONS),
    '.SH OPTIONS',
    'For every command, before or after its name:',
    ...itemsOf(program).flatMap(item),
    ...item({ flags: '-h, --help', about: 'explain the command', byDefault: '' }),
    '.SH COMMANDS',
    ...program.commands.flatMap(section),
    '.SH ENVIRONMENT',
    ...VARIABLES.flatMap(([name, about]) => tagged(name, about)),
    '.SH EXIT STATUS',
    ...EXIT_CODES.flatMap(([code, about]) => tagged(String(code), about)),
    '.SH EXAMPLES',
    code([...EXAMPLES, ...program.commands.flatMap(examplesOf)]),
    '.SH FILES',
    ...tagged('data/queue.tsv', 'the queue, which grep, awk and cat can read'),
    ...tagged('data/archive/', 'jobs that ended long ago, by months'),
    ...tagged('data/queue.tsv.paused', 'the pauses'),
    '.SH SEE ALSO',
    '.BR crontab (5),\n.BR grep (1),\n.BR awk (1)',
  ].join('\n')}\n`;
}

const section = (command: Command): string[] => {
  const { text = '', plain, exits } = aboutOf(command) ?? {};
  return [
    `.SS ${escaped(callOf(command))}`,
    ...paragraphs(text),
    ...itemsOf(command).flatMap(item),
    ...(plain === undefined ? [] : paragraphs(`\`--plain\` prints ${plain}`)),
    ...paragraphs(`Exit codes: ${exits}`),
    ...command.commands.flatMap(section),
  ];
};

const examplesOf = (command: Command): string[] => [
  ...(aboutOf(command)?.examples ?? []).filter((example) => !EXAMPLES.includes(example)),
  ...command.commands.flatMap(examplesOf),
];

const item = ({ flags, about, byDefault }: Item): string[] =>
  tagged(flags, byDefault === '' ? about : `${about}; default: ${byDefault}`);

const tagged = (tag: string, text: string): string[] => ['.TP', `\\fB${escaped(tag)}\\fR`, inline(text)];

/** Turns paragraphs of Markdown into requests of man(7). */
const paragraphs = (markdown: string): string[] =>
  markdown
    .trim()
    .split(/\n\n+/)
    .flatMap((text) =>
      text.startsWith('    ') ? [code(text.split('\n').map((line) => line.slice(4)))] : ['.PP', inline(text)],
    );

const code = (lines: readonly string[]): string =>
  ['.PP', '.EX', ...lines.map((line) => guard(escaped(line))), '.EE'].join('\n');

const inline = (markdown: string): string =>
  markdown
    .replaceAll(/\[([^\]]+)\]\([^)]+\)/g, '$1')
    .split('`')
    .map((part, i) => (i % 2 === 0 ? escaped(part) : `\\fB${escaped(part)}\\fR`))
    .join('')
    .split('\n')
    .map(guard)
    .join('\n');

/** Escapes what troff would read: a backslash, and a hyphen that has to stay one, so that it can be copied. */
const escaped = (text: string): string =>
  text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll("'", '\\(aq');

/** Keeps a line that begins with a dot from being a request. */
const guard = (line: string): string => line.replace(/^\./, '\\&.');
