import type { Command } from 'commander';
import { changeJobs } from '../change.js';
import type { Cli } from '../cli.js';
import { examples } from '../help.js';

export function define(command: Command, cli: Cli): void {
  command
    .argument('<id...>', 'IDs of the jobs, or the beginnings of them')
    .addHelpText(
      'after',
      `
The jobs stay failed, and queue check no longer counts them. queue retry undoes it.
Exits with 1 if a job is not failed.
--plain prints what is dismissed: id type status
${examples('queue dismiss 3fa9', 'queue list --status failed --no-dismissed --plain | cut -f1 | xargs -r queue dismiss')}`,
    )
    .action((ids: string[]) =>
      changeJobs(cli, ids, {
        done: 'dismissed',
        wanted: 'failed jobs can be dismissed',
        apply: (queue, id) => queue.dismissJob(id),
      }),
    );
}
