import { everyWords, lastWord, type OptionWords, quote, type Words } from './words.js';

/** Returns the script for zsh. */
export function zshScript(words: Words): string {
  return `#compdef queue tsvq
# queue completion zsh
_queue() {
  local line state
  local -a commands
${everyWords(words).map(functionOf).join('\n')}
  _queue_${FIRST}
}
compdef _queue queue tsvq
`;
}

/** The name of the program's own function. */
const FIRST = 'first';

const functionName = ({ name }: Words): string =>
  `_queue_${name === '' ? FIRST : name.replaceAll(/[ -]/g, '_')}`;

function functionOf(words: Words): string {
  const options = words.options.map(optionSpec);
  if (words.commands.length === 0)
    return `  ${functionName(words)}() { _arguments -S ${[...options, "'*:file:_files'"].join(' ')} }`;
  const described = words.commands.map((each) => quote(`${lastWord(each)}:${each.summary}`));
  return `  ${functionName(words)}() {
    _arguments -S -C ${[...options, "'1: :->command'", "'*:: :->rest'"].join(' ')}
    case $state in
      command) commands=(${described.join(' ')}); _describe command commands ;;
      rest) case $line[1] in
${words.commands.map((each) => `        ${lastWord(each)}) ${functionName(each)} ;;`).join('\n')}
      esac ;;
    esac
  }`;
}

/** Returns what _arguments needs to know of an option: \`'(-f --file)'{-f,--file}'[the queue file]:value:_files'\`. */
function optionSpec({ names, about, takesValue, values }: OptionWords): string {
  const said = about.replaceAll(/[[\]:\\]/g, '\\$&');
  const offered = values === 'files' ? '_files' : values.length === 0 ? ' ' : `(${values.join(' ')})`;
  const rest = `[${said}]${takesValue ? `:value:${offered}` : ''}`;
  return names.map((name) => quote(`*${name}${rest}`)).join(' ');
}
