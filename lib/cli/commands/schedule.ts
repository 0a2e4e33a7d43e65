import type { Command } from 'commander';
import type { Cli } from '../cli.js';
import { about } from '../help.js';
import { defineAdd } from '../schedule/add.js';
import { definePause, defineRemove, defineResume, defineRun } from '../schedule/change.js';
import { defineList } from '../schedule/list.js';
import { defineNext } from '../schedule/next.js';

/** The subcommands of `queue schedule`. */
const SUBCOMMANDS: Record<string, [summary: string, define: (command: Command, cli: Cli) => void]> = {
  add: ['add a schedule, or change it', defineAdd],
  list: ['list the schedules', defineList],
  next: ['print when a schedule, or a cron expression, is due', defineNext],
  pause: ['let a schedule make no jobs', definePause],
  resume: ['let a schedule make jobs again', defineResume],
  run: ['make a job of a schedule now, and print its id', defineRun],
  remove: ['remove a schedule', defineRemove],
};

export function define(command: Command, cli: Cli): void {
  command.helpCommand(false);
  about(command, {
    text: `Adds, lists, tries, pauses and removes [schedules](schedules.md), which make jobs of one type again and again, at the times
of a cron expression or an interval. A worker makes them.

If code declares a schedule (\`schedules\` of [\`processJobs\`](api.md#recurring-jobs), or of the module of [\`queue
work\`](#queue-work)), the next worker adds it again after \`remove\`. So pause it, or change the code.`,
    exits:
      "0 done; 2 if an argument or option can't be used; 3 if there is no schedule of this name, or no queue file; 75.",
    examples: [
      "queue schedule add nightly backup --cron '30 2 * * *' --timezone Europe/Berlin",
      'queue schedule list',
      'queue schedule add --help',
    ],
  });
  for (const [name, [summary, defineOne]] of Object.entries(SUBCOMMANDS))
    defineOne(command.command(name).description(summary), cli);
}
