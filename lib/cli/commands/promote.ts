import type { Command } from 'commander';
import { CHANGES } from '../../view/changes.js';
import { defineChange, MANY, PLAIN } from '../change-command.js';
import type { Cli } from '../cli.js';
import { about } from '../help.js';

export function define(command: Command, cli: Cli): void {
  defineChange(command, cli, () => CHANGES.promote);
  about(command, {
    text: `Makes pending jobs due now, whether they wait for their time or for their next attempt. Their attempts stay. Options
look among the pending jobs that are not due yet.

${MANY}`,
    plain: PLAIN,
    exits:
      '0 if all are due; 1 if a job is not pending; 3 if a job is unknown; 75. With 1 and 3, the other jobs are promoted all the same. 2 if an ID could be several jobs, and nothing was changed.',
    examples: ['queue promote 3fa9', 'queue promote --type report --yes'],
  });
}
