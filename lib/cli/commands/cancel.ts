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
The worker of a running job aborts it within a second, and drops what it still returns.
Exits with 1 if a job is finished already.
--plain prints what was cancelled: id type status
${examples('queue cancel 3fa9', 'queue list --type report --status pending --plain | cut -f1 | xargs -r queue cancel')}`,
    )
    .action((ids: string[]) =>
      changeJobs(cli, ids, {
        done: 'cancelled',
        wanted: 'waiting, pending and processing jobs can be cancelled',
        apply: (queue, id) => queue.cancelJob(id),
      }),
    );
}
