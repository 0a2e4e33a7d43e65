import type { Command } from 'commander';
import { defineChange } from '../change-command.js';
import type { Cli } from '../cli.js';
import { examples } from '../help.js';

export function define(command: Command, cli: Cli): void {
  defineChange(command, cli, {
    done: 'cancelled',
    wanted: 'waiting, pending and processing jobs can be cancelled',
    states: ['pending', 'waiting', 'processing'],
    apply: (queue, id) => queue.cancelJob(id),
  }).addHelpText(
    'after',
    `
The worker of a running job aborts it within a second, and drops what it still returns.
Exits with 1 if a job is finished already.
Several jobs by options: it says how many, and asks unless --yes is given.
--plain prints what was changed: id type status; with options: changed left
${examples('queue cancel 3fa9', 'queue cancel --type report --status pending')}`,
  );
}
