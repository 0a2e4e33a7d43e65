import type { Command } from 'commander';
import { CHANGES } from '../../view/changes.js';
import { defineChange, MANY, PLAIN } from '../change-command.js';
import type { Cli } from '../cli.js';
import { about } from '../help.js';

export function define(command: Command, cli: Cli): void {
  defineChange(command, cli, () => CHANGES.dismiss);
  about(command, {
    text: `Notes that you have seen that jobs failed. They stay failed, \`queue check\` and \`queue status\` no longer count them, and
\`queue stats\`, \`list\` and \`show\` say that they are dismissed. \`queue retry\` undoes it. Options look among the failed jobs
that were not dismissed.

${MANY}`,
    plain: PLAIN,
    exits:
      '0 if all are dismissed; 1 if a job is not failed, or its `meta` has no room for the note; 3 if a job is unknown; 75. With 1 and 3, the other jobs are dismissed all the same. 2 if an ID could be several jobs, and nothing was changed.',
    examples: ['queue dismiss 3fa9', 'queue dismiss --error 8693e1b4ae --yes'],
  });
}
