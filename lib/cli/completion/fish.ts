import { everyWords, lastWord, type OptionWords, quote, type Words } from './words.js';

/** Returns the script for fish. */
export function fishScript(words: Words): string {
  const top = words.commands.map(lastWord);
  return `# queue completion fish
for program in queue tsvq
${everyWords(words)
  .flatMap((each) => linesOf(each, top))
  .map((line) => `  complete -c $program ${line}`)
  .join('\n')}
end
`;
}

function linesOf(words: Words, top: readonly string[]): string[] {
  const condition = conditionOf(words, top);
  return [
    ...words.commands.map(
      (each) => `-f -n ${quote(condition)} -a ${quote(lastWord(each))} -d ${quote(each.summary)}`,
    ),
    ...words.options.map((option) => optionLine(option, condition)),
  ];
}

/** Says when the words of a command are offered. */
function conditionOf({ name, commands }: Words, top: readonly string[]): string {
  if (name === '') return `not __fish_seen_subcommand_from ${top.join(' ')}`;
  const seen = name
    .split(' ')
    .map((word) => `__fish_seen_subcommand_from ${word}`)
    .join('; and ');
  return commands.length === 0
    ? seen
    : `${seen}; and not __fish_seen_subcommand_from ${commands.map(lastWord).join(' ')}`;
}

function optionLine({ names, about, takesValue, values }: OptionWords, condition: string): string {
  const flags = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  const offered = values === 'files' ? '-r -F' : takesValue ? '-x' : '';
  const list = values === 'files' || values.length === 0 ? '' : `-a ${quote(values.join(' '))}`;
  return ['-n', quote(condition), ...flags, offered, list, '-d', quote(about)]
    .filter((part) => part !== '')
    .join(' ');
}
