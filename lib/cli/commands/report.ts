import { statSync } from 'node:fs';
import type { Command } from 'commander';
import { countText, durationText } from '../../job/checks.js';
import { createReport } from '../../web/report.js';
import type { Cli } from '../cli.js';
import { usageError } from '../exit.js';
import { about } from '../help.js';
import { replaceFile } from '../replace-file.js';

interface Options {
  out: string;
  failures: string;
  staleAfter: string;
  maxAge: string;
}

/** The web server's group may read it, and no one else, because it has payloads. */
const MODE = 0o640;

export function define(command: Command, cli: Cli): void {
  command
    .requiredOption('--out <file.html>', 'write the page into this file')
    .option('--failures <number>', 'how many of the newest failures it has', '20')
    .option('--stale-after <time>', 'after how long without a new page it turns red', '5m')
    .option(
      '--max-age <time>',
      'the longest time without a worker, and the longest wait of a due job',
      '10m',
    );
  about(command, {
    text: `Writes one page that shows how the queue is doing, like the first page of \`queue web\`, with the newest failures. It
needs no server: a line of the crontab writes it into a folder that your web server serves already, or you open the file. The
page loads itself again each minute. It says when it was written, and turns red if it was not written again for
\`--stale-after\`: then cron has stopped.

The page has payloads and errors of jobs. So its mode is 0640, and its place should ask for a password. It loads nothing from
elsewhere. To leave things out of it, write it by a program: \`createReport\` of tsvq/web takes a function \`redact\`.`,
    exits: '0; 3 if there is no queue file.',
    examples: [
      'queue report --out queue.html',
      'queue report --out queue.html --failures 100 --stale-after 15m',
    ],
  }).action(async ({ out, failures, staleAfter, maxAge }: Options) => {
    const most = countText('--failures', failures, 0);
    const longest = durationText('--max-age', maxAge);
    const stale = durationText('--stale-after', staleAfter);
    if (statSync(out, { throwIfNoEntry: false })?.isFile() === false)
      throw usageError(`--out is ${JSON.stringify(out)}, which is no file; name a file, like queue.html`);
    replaceFile(
      out,
      await createReport(cli.queue, { failures: most, staleAfter: stale, maxAge: longest }),
      MODE,
    );
  });
}
