import type { Command, Help } from 'commander';

/** What the help, the man page and docs/cli.md say of a command, besides its arguments and options. */
export interface About {
  /** What it does, in paragraphs with `code`, [links](limits.md) and indented lines that stay as they are. */
  readonly text: string;
  /** The fields that `--plain` prints. */
  readonly plain?: string;
  /** What its exit codes mean: `0 done; 1 a job is finished already`. 2, 3 and 75 mean the same for all commands. */
  readonly exits: string;
  readonly examples: readonly string[];
}

const ABOUTS = new WeakMap<Command, About>();

/** The widest help; longer lines are hard to read. */
const WIDEST = 100;

/** Says what a command does. `--help` prints it after the options. */
export function about(command: Command, text: About): Command {
  ABOUTS.set(command, text);
  return command.addHelpText('after', () => helpText(command, text));
}

/** Returns what was said of a command. */
export const aboutOf = (command: Command): About | undefined => ABOUTS.get(command);

function helpText(command: Command, { text, plain, exits, examples }: About): string {
  const all = [text, ...(plain === undefined ? [] : [`--plain prints ${plain}`]), `Exit codes: ${exits}`];
  return ['', ...paragraphs(command.createHelp(), all.join('\n\n')), '', ...exampleLines(examples)].join(
    '\n',
  );
}

export const helpWidth = (): number => Math.min(process.stdout.columns ?? 80, WIDEST);

/** Returns the lines of a text that fit the terminal. */
export const paragraphs = (help: Help, markdown: string): string[] =>
  help.boxWrap(toPlain(markdown), helpWidth()).split('\n');

export const exampleLines = (examples: readonly string[]): string[] => [
  'Examples:',
  ...examples.map((example) => `  $ ${example}`),
];

/** Joins the lines of each paragraph, and leaves out marks. */
export const toPlain = (markdown: string): string =>
  markdown
    .trim()
    .replaceAll(/(?<!\n)\n(?![\n ])/g, ' ')
    .replaceAll(/\[([^\]]+)\]\([^)]+\)/g, '$1')
    .replaceAll('`', '');
