import type { Command } from 'commander';
import { defineChange } from '../change-command.js';
import type { Cli } from '../cli.js';
import { examples } from '../help.js';

export function define(command: Command, cli: Cli): void {
  defineChange(command, cli, {
    done: 'dismissed',
    wanted: 'failed jobs can be dismissed',
    states: ['failed'],
    accepts: ({ dismissed }) => !dismissed,
    apply: (queue, id) => queue.dismissJob(id),
  }).addHelpText(
    'after',
    `
The jobs stay failed, and queue check no longer counts them. queue retry undoes it.
Exits with 1 if a job is not failed.
Several jobs by options: it says how many, and asks unless --yes is given.
--plain prints what was changed: id type status; with options: changed left
${examples('queue dismiss 3fa9', 'queue dismiss --error 8693e1b4ae --yes')}`,
  );
}
