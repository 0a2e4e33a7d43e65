import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import type { Cli } from '../cli.js';
import { notFound } from '../exit.js';
import { examples } from '../help.js';
import { findProject, projectCronLine, workerScript } from '../project.js';

export function define(command: Command, cli: Cli): void {
  command
    .helpCommand(false)
    .command('print')
    .description('print the line that starts the worker every minute, with the paths of this machine')
    .addHelpText(
      'after',
      `
It starts workers/queue_worker.js of the project at or above the working directory, and appends what it prints to
worker.log next to the queue. It installs nothing: paste the line with crontab -e, as the user that the app runs as.
${examples('queue cron print', '(crontab -l; queue cron print) | crontab -')}`,
    )
    .action(() => {
      const project = findProject();
      const script = workerScript(project);
      if (!existsSync(script)) throw notFound(`there is no worker at ${script} (queue init writes one)`);
      const line = projectCronLine(project, cli.options);
      cli.output.record({ line }, line, [line]);
    });
}
