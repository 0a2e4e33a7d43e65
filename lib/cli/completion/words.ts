import type { Command, Option } from 'commander';

/** What can follow a command's name: `schedule add` for a subcommand, empty for the program itself. */
export interface Words {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly OptionWords[];
  readonly commands: readonly Words[];
}

/** An option, as a shell offers it. */
export interface OptionWords {
  /** `-f` and `--file`. */
  readonly names: readonly string[];
  readonly about: string;
  readonly takesValue: boolean;
  /** The values to offer. `files` stands for the names of files. */
  readonly values: readonly string[] | 'files';
}

/** Returns what can follow each command. The options of the program can follow all of them. */
export function wordsOf(program: Command): Words {
  const own = program.options.map(optionWords);
  return {
    name: '',
    summary: '',
    options: [...own, HELP],
    commands: program.commands.map((it) => sub(it, own)),
  };
}

const HELP: OptionWords = {
  names: ['-h', '--help'],
  about: 'explain the command',
  takesValue: false,
  values: [],
};

function sub(command: Command, all: readonly OptionWords[], before = ''): Words {
  const name = `${before}${command.name()}`;
  return {
    name,
    summary: command.description(),
    options: [...command.options.map(optionWords), ...all, HELP],
    commands: command.commands.map((it) => sub(it, all, `${name} `)),
  };
}

const optionWords = ({ short, long, description, argChoices, required, optional }: Option): OptionWords => ({
  names: [short, long].filter((name) => name !== undefined),
  about: description.split('; default: ')[0] as string,
  takesValue: required || optional,
  values: long === '--file' ? 'files' : (argChoices ?? []),
});

/** Returns the words of the program and of all its commands. */
export const everyWords = (words: Words): Words[] => [words, ...words.commands.flatMap(everyWords)];

/** Returns the last word of a command's name. */
export const lastWord = ({ name }: Words): string => name.split(' ').at(-1) as string;

/** Quotes a text for a shell. */
export const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
