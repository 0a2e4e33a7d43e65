import type { Command } from 'commander';
import { size } from '../../view/text.js';
import type { Cli } from '../cli.js';
import { examples } from '../help.js';

export function define(command: Command, cli: Cli): void {
  command
    .addHelpText(
      'after',
      `
Rewrites the file without superseded rows, and moves old finished jobs to archive/ next to it: failed ones after 30 days,
others after 7. Workers do this by themselves.
--plain prints: kept archived recovered bytes_before bytes_after
${examples('queue compact')}`,
    )
    .action(async () => {
      const { output, existingStore: store } = cli;
      const summary = await store.compact();
      const { kept, archived, recovered, bytesBefore, bytesAfter } = summary;
      const parts = [
        `${store.path}: ${kept} jobs kept`,
        `${archived} archived`,
        ...(recovered > 0 ? [`${recovered} recovered that a crash had cut off`] : []),
        `${size(bytesBefore)} before, ${size(bytesAfter)} after`,
      ];
      output.changed(summary, parts.join(', '), [kept, archived, recovered, bytesBefore, bytesAfter]);
    });
}
