import type { Command } from 'commander';
import { defineChange } from '../change-command.js';
import type { Cli } from '../cli.js';
import { examples } from '../help.js';

export function define(command: Command, cli: Cli): void {
  defineChange(command, cli, {
    done: 'pending again:',
    wanted: 'failed and cancelled jobs can be retried',
    ifPending: 'use queue promote to run it now',
    states: ['failed'],
    accepts: ({ dismissed }) => !dismissed,
    apply: (queue, id) => queue.retryJob(id),
  }).addHelpText(
    'after',
    `
The jobs are due at once, with all their attempts. Options look among the failed jobs that were not dismissed, unless
--status says otherwise.
Exits with 1 if a job is neither failed nor cancelled, or if another job with its key waits or runs.
Several jobs by options: it says how many, and asks unless --yes is given.
--plain prints what was changed: id type status; with options: changed left
${examples(
  'queue retry 3fa9',
  'queue retry --type send_email --since 2h --dry-run',
  'queue retry --error 8693e1b4ae --yes',
)}`,
  );
}
