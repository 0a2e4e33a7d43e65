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
The jobs are due now, whether they waited for their time or for their next attempt. Their attempts stay.
Exits with 1 if a job is not pending.
--plain prints what is due: id type status
${examples('queue promote 3fa9', 'queue list --type report --status pending --plain | cut -f1 | xargs -r queue promote')}`,
    )
    .action((ids: string[]) =>
      changeJobs(cli, ids, {
        done: 'due now:',
        wanted: 'pending jobs can be promoted',
        apply: (queue, id) => queue.promoteJob(id),
      }),
    );
}
