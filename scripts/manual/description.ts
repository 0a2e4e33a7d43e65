import type { Argument, Command, Option } from 'commander';

/** One option or argument, as a page shows it. */
export interface Item {
  /** As it is typed: `--delay <time>`. */
  readonly flags: string;
  readonly about: string;
  /** In words; empty if there is none. */
  readonly byDefault: string;
}

/** Returns the arguments and options of a command, in their order. */
export const itemsOf = (command: Command): Item[] => [
  ...command.registeredArguments.map(argumentItem),
  ...command.options.filter(({ hidden }) => !hidden).map(optionItem),
];

function argumentItem(argument: Argument): Item {
  const name = argument.variadic ? `${argument.name()}...` : argument.name();
  const flags = argument.required ? `<${name}>` : `[${name}]`;
  return { flags, ...divided(argument.description), ...given(argument.defaultValue) };
}

function optionItem({ flags, description, defaultValue, argChoices }: Option): Item {
  const { about, byDefault } = divided(description);
  const choices =
    argChoices === undefined ? '' : `: ${argChoices.map((choice) => `\`${choice}\``).join(', ')}`;
  return { flags, about: `${about}${choices}`, byDefault, ...given(defaultValue) };
}

/** Options that are true by default are the negative ones. */
const given = (value: unknown): { byDefault?: string } =>
  value === undefined || value === true ? {} : { byDefault: `\`${value}\`` };

/** Divides a description from the default that ends it. */
function divided(description: string): Omit<Item, 'flags'> {
  const [about = '', byDefault = ''] = description.split('; default: ');
  return { about, byDefault };
}

/** Returns how a command is called, without its options: `queue add <type> [json]`. */
export const callOf = (command: Command): string =>
  [nameOf(command), ...command.registeredArguments.map((argument) => argumentItem(argument).flags)].join(' ');

/** Returns the whole name of a command: `queue schedule add`. */
export const nameOf = (command: Command): string =>
  command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;

/** Returns the commands of the program by their groups. */
export function byGroups(program: Command): [group: string, commands: Command[]][] {
  const groups = new Map<string, Command[]>();
  for (const command of program.commands)
    groups.set(command.helpGroup(), [...(groups.get(command.helpGroup()) ?? []), command]);
  return [...groups].map(([heading, commands]) => [heading.replace(/:$/, ''), commands]);
}
