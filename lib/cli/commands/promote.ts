import type { Command } from 'commander';
import { defineChange } from '../change-command.js';
import type { Cli } from '../cli.js';
import { examples } from '../help.js';

export function define(command: Command, cli: Cli): void {
  defineChange(command, cli, {
    done: 'due now:',
    wanted: 'pending jobs can be promoted',
    states: ['pending'],
    accepts: ({ runAt }) => runAt.getTime() > Date.now(),
    apply: (queue, id) => queue.promoteJob(id),
  }).addHelpText(
    'after',
    `
The jobs are due now, whether they waited for their time or for their next attempt. Their attempts stay.
Exits with 1 if a job is not pending.
Several jobs by options: it says how many, and asks unless --yes is given.
--plain prints what was changed: id type status; with options: changed left
${examples('queue promote 3fa9', 'queue promote --type report')}`,
  );
}
