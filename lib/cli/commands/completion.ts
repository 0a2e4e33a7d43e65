import { Argument, type Command } from 'commander';
import type { Cli } from '../cli.js';
import { bashScript } from '../completion/bash.js';
import { fishScript } from '../completion/fish.js';
import { type Words, wordsOf } from '../completion/words.js';
import { zshScript } from '../completion/zsh.js';
import { about } from '../help.js';
import { writeOut } from '../output.js';

const SHELLS: Record<string, (words: Words) => string> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

export function define(command: Command, cli: Cli): void {
  command.addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(SHELLS)));
  about(command, {
    text: `Prints a script for your shell, which then completes the commands, their options and the values that these can have, for
\`queue\` and \`tsvq\`. For bash, put the first example into \`~/.bashrc\`; for zsh the second into \`~/.zshrc\`, after \`compinit\`; for
fish run the third once.`,
    exits: '0; 2 if the shell is another.',
    examples: [
      'source <(queue completion bash)',
      'source <(queue completion zsh)',
      'queue completion fish > ~/.config/fish/completions/queue.fish',
    ],
  }).action(async (shell: string) => {
    const script = SHELLS[shell] as (typeof SHELLS)[string];
    writeOut(script(wordsOf(await cli.program())));
  });
}
