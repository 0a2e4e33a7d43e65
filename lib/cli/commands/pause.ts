import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { durationText } from '../../job/checks.js';
import type { Cli } from '../cli.js';
import { isoSeconds } from '../format.js';
import { examples } from '../help.js';

export function define(command: Command, cli: Cli): void {
  command
    .argument('[type]', 'the type of the jobs that must not start; default: all types')
    .option('--for <time>', 'how long the pause lasts; default: until queue resume')
    .addHelpText(
      'after',
      `
Jobs that run go on, and jobs can still be added, cancelled and retried. Workers claim none until queue resume. A job
that was claimed before may still start.
--plain prints: type since until by
${examples('queue pause send_email', 'queue pause --for 2h')}`,
    )
    .action(async (type: string | undefined, options: { for?: string }) => {
      const { output, queue } = cli;
      const until =
        options.for === undefined ? undefined : new Date(Date.now() + durationText('--for', options.for));
      // Under sudo, the person has another name than the process's user.
      await queue.pause(type, { until, by: process.env.SUDO_USER ?? userInfo().username });
      for (const pause of await queue.paused()) {
        const { since, by } = pause;
        if (pause.type !== (type ?? '*')) continue;
        const end = pause.until === undefined ? 'until queue resume' : `until ${isoSeconds(pause.until)}`;
        output.text(`paused ${pause.type === '*' ? 'all types' : pause.type}, ${end}`);
        output.data(pause, [pause.type, since, pause.until, by]);
      }
    });
}
