import type { Command } from 'commander';
import { countText, durationText } from '../../job/checks.js';
import { View } from '../../view/view.js';
import type { Cli } from '../cli.js';
import { EXIT } from '../exit.js';
import { examples } from '../help.js';

interface Options {
  maxAge: string;
  maxFailed: string;
}

export function define(command: Command, cli: Cli): void {
  command
    .option('--max-age <time>', 'the longest time without a worker, and the longest wait of a due job', '10m')
    .option('--max-failed <number>', 'how many failed jobs are acceptable', '0')
    .addHelpText(
      'after',
      `
Prints nothing and exits with 0 if all is well. Otherwise prints one line, which cron mails, and exits with 1.
--plain prints a line for each problem: file problem
In crontab: */10 * * * * cd /srv/app && /usr/bin/node node_modules/tsvq/dist/cli.js check
${examples('queue check --max-age 10m --max-failed 0')}`,
    )
    .action(async (options: Options) => {
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
