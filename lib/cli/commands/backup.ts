import type { Command } from 'commander';
import { backup } from '../../file/moving/backup.js';
import { size } from '../../view/text.js';
import type { Cli } from '../cli.js';
import { notFound } from '../exit.js';
import { about } from '../help.js';
import { interruptible } from '../moving/interruptible.js';

interface Options {
  archive?: boolean;
  force?: boolean;
}

export function define(command: Command, cli: Cli): void {
  about(command, {
    text: `Copies the queue to FILE, as it is at one moment, while it is in use. Workers and the web app wait only for the
last part, some milliseconds. Every job that was acknowledged before the command began is in the copy, or in the archive if
it is past its retention time. Pauses and the limits file come along, as FILE.paused and FILE.limits. The copy has the
queue's owner and mode, as far as this user may give it away, and takes its name only once it is whole and on the disk.

If FILE ends in \`.gz\`, the copies are compressed. An existing file is left alone without \`--force\`. The command needs the
lock, so it needs the rights to write the queue.

[Operations](operations.md#backup) says how to put a backup back.`,
    plain: 'file, bytes, archive_files: how many files of the archive were copied.',
    exits: '0 done; 1 it failed, and an older backup is unchanged; 2 FILE exists, or belongs to the queue.',
    examples: [
      'queue backup /backup/queue.tsv',
      'queue backup --archive "/backup/queue-$(date +%F).tsv.gz"',
      'queue --file /backup/queue.tsv doctor',
    ],
  })
    .argument('<file>', 'where the copy goes')
    .option('--archive', 'also copy archive/, to archive/ next to FILE')
    .option('--force', 'replace an existing file')
    .action(async (file: string, { archive = false, force = false }: Options) => {
      const { output, existingStore: store } = cli;
      const made = await interruptible((signal) => backup(store, file, { archive, force, signal }));
      if (made === undefined)
        throw notFound(`there is no queue file at ${store.path}, so no backup was made`);
      const { bytes, archiveFiles } = made;
      const more = archiveFiles === 0 ? '' : `, and ${archiveFiles} files of the archive`;
      output.changed(made, `${store.path}: copied to ${made.file}, ${size(bytes)}${more}`, [
        made.file,
        bytes,
        archiveFiles,
      ]);
    });
}
