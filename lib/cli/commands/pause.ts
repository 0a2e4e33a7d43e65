import type { Command } from 'commander';
import { durationText } from '../../job/checks.js';
import { isoSeconds } from '../../view/text.js';
import type { Cli } from '../cli.js';
import { EXIT } from '../exit.js';
import { about } from '../help.js';
import { givenTypes, sayUnknownTypes } from '../job-types.js';
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
    );
  about(command, {
    text: `Keeps workers from starting jobs of a type, or, without a type, of all types. Once it returns, workers claim none of them; a
job that was claimed before may still start. Jobs that run go on, and jobs can still be added, cancelled and retried. A pause
outlives every process, because it is a line in \`queue.tsv.paused\`, with type, since, until and by. \`queue check\` reports a pause
that is older than a day, and doesn't count the due jobs of paused types.

With \`--drain\` the command waits for each job that was claimed before the pause, also if it has not started yet. A job whose
worker is known to be dead isn't counted. If the command is interrupted or killed, the pause stays. Let a pause with \`--for\`
last longer than the wait, because workers start jobs again when it ends.

To see the pauses, read the file: \`cat data/queue.tsv.paused\`.`,
    plain: 'type, since, until, by; with `--drain` also: running.',
    exits:
      "0 done; 1 if jobs still run when the time of `--drain` is over, and the pause stays; 2 if an argument can't be used; 3 if there is no queue file; 75.",
    examples: ['queue pause webhook --for 2h', 'queue pause --drain 5m && npm run deploy && queue resume'],
  }).action(async (type: string | undefined, options: Options) => {
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
    if (type !== undefined && output.format === 'human') {
      const { known } = await givenTypes(cli.existingStore, []);
      if (!known.has(type)) sayUnknownTypes({ types: [type], unknown: [type], known }, queue.file);
    }
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
