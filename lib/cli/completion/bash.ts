import { everyWords, lastWord, type OptionWords, quote, type Words } from './words.js';

/** Returns the script for bash. */
export function bashScript(words: Words): string {
  const all = everyWords(words);
  const withValue = new Set(all.flatMap(({ options }) => options.filter(({ takesValue }) => takesValue)));
  const names = [...new Set([...withValue].flatMap((option) => option.names))];
  return `# queue completion bash
_queue() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  local command='' commands='' options='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      ${names.join('|')}) ((i++)) ;;
      -*) ;;
      *) case "$command \${COMP_WORDS[i]}" in
${words.commands
  .flatMap(everyWords)
  .map(({ name }) => `        ${quote(name.includes(' ') ? name : ` ${name}`)}) command=${quote(name)} ;;`)
  .join('\n')}
      esac ;;
    esac
  done
  case "$command $previous" in
${all.flatMap(valuesOf).join('\n')}
    ${names.map((name) => `*' ${name}'`).join('|')}) return ;;
  esac
  case $command in
${all.map((each) => `    ${quote(each.name)}) commands=${quote(each.commands.map(lastWord).join(' '))} options=${quote(each.options.flatMap((option) => option.names).join(' '))} ;;`).join('\n')}
  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$current"))
  elif [[ -n $commands ]]; then
    COMPREPLY=($(compgen -W "$commands" -- "$current"))
  else
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}
complete -o filenames -F _queue queue tsvq
`;
}

/** Returns the lines that offer the values of a command's options. */
const valuesOf = ({ name, options }: Words): string[] =>
  options.flatMap((option) => option.names.flatMap((flag) => valueLine(`${name} ${flag}`, option)));

function valueLine(before: string, { values }: OptionWords): string[] {
  if (values === 'files') return [`    ${quote(before)}) COMPREPLY=($(compgen -f -- "$current")); return ;;`];
  if (values.length === 0) return [];
  return [
    `    ${quote(before)}) COMPREPLY=($(compgen -W ${quote(values.join(' '))} -- "$current")); return ;;`,
  ];
}
