import type { Command } from 'commander';
import type { FailureSnapshot } from '../../view/snapshot.js';
import { harmless } from '../../view/text.js';
import { View } from '../../view/view.js';
import type { Cli } from '../cli.js';
import { examples } from '../help.js';
import { writeOut } from '../output.js';
import { columnsOf } from '../screen/colours.js';
import { lasting } from '../screen/numbers.js';
import { type Column, tableLines } from '../screen/table.js';

export function define(command: Command, cli: Cli): void {
  command
    .addHelpText(
      'after',
      `
Failed jobs by what their errors have in common: the first line, without numbers, ids, times and mail addresses. Jobs
that queue dismiss has dealt with are left out. HOUR: how many failed in the last hour. The ID is the same each time:
queue list, retry, dismiss and cancel take it as --error.
--plain prints: id last_hour jobs newest types text
${examples('queue errors', 'queue retry --error 8693e1b4ae')}`,
    )
    .action(async () => {
      const { output, queue } = cli;
      const view = new View(queue);
      const { failures, at } = await view.snapshot(Date.now());
      if (output.format === 'human') {
        if (failures.length > 0)
          writeOut(`${tableLines(failures, columnsFor(at), columnsOf()).join('\n')}\n`);
        else output.text('no failed jobs');
        return;
      }
      for (const { newestKey, ...group } of failures) {
        const newestId = view.jobs([newestKey])[0]?.id;
        const { id, lastHour, jobs, newest, types, text } = group;
        output.data({ ...group, newestId }, [id, lastHour, jobs, newest, types.join(' '), text]);
      }
    });
}

const columnsFor = (at: Date): Column<FailureSnapshot>[] => [
  { head: 'ID', cell: ({ id }) => id },
  { head: 'HOUR', isRight: true, rank: 3, cell: ({ lastHour }) => String(lastHour) },
  { head: 'ALL', isRight: true, cell: ({ jobs }) => String(jobs) },
  {
    head: 'NEWEST',
    isRight: true,
    rank: 1,
    cell: ({ newest }) =>
      Number.isNaN(newest.getTime()) ? '' : `${lasting(Math.max(0, at.getTime() - newest.getTime()))} ago`,
  },
  { head: 'TYPES', rank: 2, least: 12, cell: ({ types }) => harmless(types.join(', ')) },
  { head: 'ERROR', least: 20, cell: ({ text }) => harmless(text) },
];
