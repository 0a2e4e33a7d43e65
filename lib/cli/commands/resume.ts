import type { Command } from 'commander';
import type { Cli } from '../cli.js';
import { EXIT } from '../exit.js';
import { about } from '../help.js';
import { say } from '../output.js';

export function define(command: Command, cli: Cli): void {
  command.argument(
    '[type]',
    'the type of the jobs that may start again; default: end the pause of all types',
  );
  about(command, {
    text: `Lets the jobs of a type start again; without a type, it ends the pause of all types. A pause of one type then stays.
Lingering workers start the jobs within half a second, others with the next tick.`,
    plain: 'type.',
    exits:
      "0 done; 1 if the type was not paused, or all types are; 2 if an argument can't be used; 3 if there is no queue file; 75.",
    examples: ['queue resume webhook', 'queue resume'],
  }).action(async (type: string | undefined) => {
    const { output, queue } = cli;
    const what = type ?? 'all types';
    const wasPaused = (await queue.paused()).some((pause) => pause.type === (type ?? '*'));
    if (await queue.resume(type)) {
      output.changed({ type: type ?? '*' }, `resumed ${what}`, [type ?? '*']);
      return;
    }
    const paused = (await queue.paused()).map((pause) => pause.type);
    const hint = paused.includes('*')
      ? 'all types are paused: queue resume'
      : paused.length > 0
        ? `paused: ${paused.join(', ')}`
        : 'nothing is paused';
    if (wasPaused && paused.includes('*')) {
      say(`the pause of ${what} has ended, but none starts, because ${hint}`);
      process.exitCode = EXIT.failed;
      return;
    }
    const why = type === undefined ? 'there is no pause of all types' : 'it is not paused';
    say(`${what} can't be resumed, because ${why}; ${hint}`);
    process.exitCode = EXIT.failed;
  });
}
