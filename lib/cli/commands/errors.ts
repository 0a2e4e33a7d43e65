import type { Command } from 'commander';
import { failuresOf } from '../../view/record.js';
import { View } from '../../view/view.js';
import type { Cli } from '../cli.js';
import { about } from '../help.js';
import { screenOf, writeOut } from '../output.js';
import { tableLines } from '../screen/table.js';
import { errorColumns } from '../status/errors.js';

export function define(command: Command, cli: Cli): void {
  about(command, {
    text: `Groups the failed jobs by what their errors have in common: the first line, in which numbers, ids, times and
mail addresses are replaced; status codes, ports and IP addresses stay. Jobs that \`queue dismiss\` has dealt with are left
out. HOUR is how many failed in the last hour, ALL how many are in the file.

The ID of a group is the same each time, and in every process: \`queue list\`, \`retry\`, \`cancel\`, \`promote\` and \`dismiss\`
take it as \`--error\`.`,
    plain: 'for each group: id, last_hour, jobs, newest, types, text.',
    exits: '0; 3 if there is no queue file.',
    examples: ['queue errors', 'queue retry --error 8693e1b4ae'],
  }).action(async () => {
    const { output, queue } = cli;
    const view = new View(queue);
    const snapshot = await view.snapshot(Date.now());
    const { failures, at } = snapshot;
    if (output.format === 'human') {
      // In a pipe nothing is cut.
      const columns = (await screenOf()) ?? Number.POSITIVE_INFINITY;
      if (failures.length > 0) writeOut(`${tableLines(failures, errorColumns(at), columns).join('\n')}\n`);
      else output.text('no failed jobs');
      return;
    }
    for (const group of failuresOf(snapshot, view)) {
      const { id, lastHour, jobs, newest, types, text } = group;
      output.data(group, [id, lastHour, jobs, newest, types.join(' '), text]);
    }
  });
}
