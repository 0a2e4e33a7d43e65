import type { Command } from 'commander';
import { durationText } from '../../job/checks.js';
import { retryWithin } from '../../view/changes.js';
import { defineChange, MANY, PLAIN } from '../change-command.js';
import type { Cli } from '../cli.js';
import { about } from '../help.js';

interface Options {
  delay?: string;
  spread?: string;
  fromStart?: boolean;
}

export function define(command: Command, cli: Cli): void {
  defineChange(command, cli, ({ delay, spread, fromStart = false }: Options) => {
    const wait = delay === undefined ? 0 : durationText('--delay', delay);
    const within = spread === undefined ? 0 : durationText('--spread', spread);
    return {
      ...retryWithin(within, { delay: wait, fromStart }),
      ifPending: 'use queue promote to run it now',
    };
  })
    .option('--delay <time>', "how long to wait before the jobs are due: '10m'; default: 0")
    .option(
      '--spread <time>',
      'the jobs become due one after another within this time, in equal steps; default: 0',
    )
    .option(
      '--from-start',
      "also run the jobs' recorded steps again; default: they go on after the last one",
    );
  about(command, {
    text: `Runs failed or cancelled jobs again, with all their attempts. They are due at once, or as \`--delay\` and \`--spread\`
say. With \`--spread\`, a service that has just recovered gets them a few at a time, if workers linger (\`queue cron print --linger
55s\`); otherwise each minute's worker runs those of the last minute. A job with recorded steps goes on after the last one; with \`--from-start\`,
its steps are forgotten first, and all of them run again. Options look among the failed jobs that were not dismissed, unless \`--status\` says otherwise. For a pending job, use
\`queue promote\`.

${MANY}`,
    plain: PLAIN,
    exits:
      '0 if all are pending; 1 if a job is neither failed nor cancelled, or is a schedule, or if another job, which stderr names, waits or runs with its key; 3 if a job is unknown; 75. With 1 and 3, the other jobs are retried all the same. 2 if an ID could be several jobs, and nothing was changed.',
    examples: [
      'queue retry 3fa9',
      'queue retry --type send_email --since 2h --dry-run',
      'queue retry --error 8693e1b4ae --yes --spread 10m',
      'queue retry --from-start 3fa9',
    ],
  });
}
