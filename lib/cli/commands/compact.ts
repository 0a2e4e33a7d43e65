import type { Command } from 'commander';
import { size } from '../../view/text.js';
import type { Cli } from '../cli.js';
import { about } from '../help.js';

export function define(command: Command, cli: Cli): void {
  about(command, {
    text: `Rewrites the file without superseded rows. It moves failed jobs to \`archive/\` 30 days after their end, and other finished jobs
after 7 days. Workers do both by themselves, so you needn't call it.`,
    plain: 'kept, archived, recovered, bytes_before, bytes_after.',
    exits: '0; 3 if there is no queue file; 75.',
    examples: ['queue compact'],
  }).action(async () => {
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
