import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { durationText } from '../../job/checks.js';
import type { Cli } from '../cli.js';
import { isoSeconds } from '../format.js';
import { examples } from '../help.js';

export function define(command: Command, cli: Cli): void {
  command
    .argument('[type]', 'of the jobs that are not to start; without it, all')
    .option('--for <time>', 'when the pause ends by itself, from now; without it, queue resume ends it')
    .addHelpText(
      'after',
      `
Jobs that run go on, and jobs can be added, cancelled and retried. Workers start none until queue resume.
--plain prints: type since until by
${examples('queue pause send_email', 'queue pause --for 2h')}`,
    )
    .action(async (type: string | undefined, options: { for?: string }) => {
      const { output, queue } = cli;
      const until =
        options.for === undefined ? undefined : new Date(Date.now() + durationText('--for', options.for));
      // Whoever uses sudo is a person with another name.
      await queue.pause(type, { until, by: process.env.SUDO_USER ?? userInfo().username });
      for (const pause of await queue.paused()) {
        const { since, by } = pause;
        if (pause.type !== (type ?? '*')) continue;
        const end = pause.until === undefined ? 'until queue resume' : `until ${isoSeconds(pause.until)}`;
        output.text(`paused ${pause.type === '*' ? 'all types' : pause.type}, ${end}`);
        output.data(pause, [
          pause.type,
          isoSeconds(since),
          pause.until ? isoSeconds(pause.until) : '',
          by ?? '',
        ]);
      }
    });
}
