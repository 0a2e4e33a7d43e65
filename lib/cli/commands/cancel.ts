import type { Command } from 'commander';
import { CHANGES } from '../../view/changes.js';
import { defineChange, MANY, PLAIN } from '../change-command.js';
import type { Cli } from '../cli.js';
import { about } from '../help.js';

export function define(command: Command, cli: Cli): void {
  defineChange(command, cli, () => CHANGES.cancel);
  about(command, {
    text: `Stops jobs that wait or run. The worker of a job that runs aborts it within a second, and drops the handler's result.
With the ID of a schedule, it removes the schedule. Options look among the jobs that wait or run, unless \`--status\` says
otherwise.

${MANY}`,
    plain: PLAIN,
    exits:
      '0 if all are cancelled; 1 if a job is finished already; 3 if a job is unknown; 75. With 1 and 3, the other jobs are cancelled all the same. 2 if an ID could be several jobs, and nothing was changed.',
    examples: ['queue cancel 3fa9', 'queue cancel --type report --status pending --dry-run'],
  });
}
