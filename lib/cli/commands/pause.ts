import type { Command } from 'commander';
import { durationText } from '../../job/checks.js';
import { isoSeconds } from '../../view/text.js';
import type { Cli } from '../cli.js';
import { EXIT } from '../exit.js';
import { examples } from '../help.js';
import { personName } from '../person.js';

interface Options {
  for?: string;
  /** The time, or true for --drain without one. */
  drain?: string | true;
}

export function define(command: Command, cli: Cli): void {
  command
    .argument('[type]', 'the type of the jobs that must not start; default: all types')
    .option('--for <time>', 'how long the pause lasts; default: until queue resume')
    .option(
      '--drain [time]',
      'wait until no such job runs, for this time at most; default: as long as it takes',
    )
    .addHelpText(
      'after',
      `
Jobs that run go on, and jobs can still be added, cancelled and retried. Workers claim none until queue resume. A job
that was claimed before may still start; with --drain, the command waits for it too. Exits with 1 if jobs still run when
the time of --drain is over. The pause stays.
--plain prints: type since until by; with --drain also: running
${examples('queue pause send_email', 'queue pause --for 2h', 'queue pause --drain 5m')}`,
    )
    .action(async (type: string | undefined, options: Options) => {
      const { output, queue } = cli;
      const until =
        options.for === undefined ? undefined : new Date(Date.now() + durationText('--for', options.for));
      const timeout = typeof options.drain === 'string' ? durationText('--drain', options.drain) : undefined;
      const by = personName();
      await queue.pause(type, { until, by });
      const pause = (await queue.paused()).find((pause) => pause.type === (type ?? '*'));
      if (pause === undefined) return;
      const what = type ?? 'all types';
      const end = pause.until === undefined ? 'until queue resume' : `until ${isoSeconds(pause.until)}`;
      output.text(`paused ${what}, ${end}`);
      const plain = [pause.type, pause.since, pause.until, pause.by];
      if (options.drain === undefined) return output.data(pause, plain);
      const { running } = await queue.drain({ type, timeout, until, by });
      const kind = type === undefined ? '' : `${type} `;
      if (running === 0) output.text(`no ${kind}job runs`);
      else output.text(running === 1 ? `1 ${kind}job still runs` : `${running} ${kind}jobs still run`);
      output.data({ ...pause, running }, [...plain, running]);
      if (running > 0) process.exitCode = EXIT.failed;
    });
}
