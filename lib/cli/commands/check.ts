import type { Command } from 'commander';
import { countText, durationText } from '../../job/checks.js';
import { View } from '../../view/view.js';
import type { Cli } from '../cli.js';
import { EXIT } from '../exit.js';
import { about } from '../help.js';

interface Options {
  maxAge: string;
  maxFailed: string;
}

export function define(command: Command, cli: Cli): void {
  command
    .option('--max-age <time>', 'the longest time without a worker, and the longest wait of a due job', '10m')
    .option('--max-failed <number>', 'how many failed jobs are acceptable', '0');
  about(command, {
    text: `For cron. It prints nothing if all is well. Otherwise it prints one line, which cron mails.
[Operations](operations.md#knowing-that-it-works) lists what it checks, and how to hear of a cron that has stopped itself. The line
in crontab:

    */10 * * * * cd /srv/app && /usr/bin/node node_modules/tsvq/dist/cli.js check`,
    plain: 'a line for each problem: file, problem.',
    exits: '0 if all is well; 1 if something is wrong; 3 if there is no queue file.',
    examples: ['queue check', 'queue check --max-age 30m --max-failed 5'],
  }).action(async (options: Options) => {
    const { output, queue } = cli;
    const patience = {
      maxAge: durationText('--max-age', options.maxAge),
      maxFailed: countText('--max-failed', options.maxFailed, 0),
    };
    const { problems } = await new View(queue).look(Date.now(), patience);
    if (problems.length === 0) return;
    process.exitCode = EXIT.failed;
    output.text(`queue ${queue.file}: ${problems.map(({ text }) => text).join('; ')}`);
    for (const { code, text } of problems)
      output.data({ file: queue.file, problem: text, code }, [queue.file, text]);
  });
}
