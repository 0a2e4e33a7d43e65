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
The jobs are due at once, with all their attempts.
Exits with 1 if a job is neither failed nor cancelled, or if another job with its key waits or runs.
--plain prints what was changed: id type status
${examples('queue retry 3fa9', 'queue list --status failed --no-dismissed --plain | cut -f1 | xargs -r queue retry')}`,
    )
    .action((ids: string[]) =>
      changeJobs(cli, ids, {
        done: 'pending again:',
        wanted: 'failed and cancelled jobs can be retried',
        ifPending: 'use queue promote to run it now',
        apply: (queue, id) => queue.retryJob(id),
      }),
    );
}
