import { type Command, Option } from 'commander';
import { countText } from '../../job/checks.js';
import { STATUSES, type Status } from '../../job/job.js';
import type { Cli } from '../cli.js';
import { about } from '../help.js';
import { labelOption, labelsOf } from '../labels.js';
import { say } from '../output.js';
import { jobShape } from '../shapes.js';

interface Options {
  status?: Status[];
  type?: string;
  key?: string;
  group?: string;
  dismissed?: boolean;
  label?: string[];
  limit?: string;
}

export function define(command: Command, cli: Cli): void {
  command
    .addOption(
      new Option('--status <status...>', 'only jobs in this state, or in one of these').choices(STATUSES),
    )
    .option('--type <type>', 'only jobs of this type')
    .option('--key <key>', 'only jobs with this key')
    .option('--group <group>', 'only jobs of this group')
    .option('--dismissed', 'only failed jobs that queue dismiss has dealt with')
    .option('--no-dismissed', 'no such jobs')
    .addOption(labelOption('only jobs with this label; several must all fit'))
    .option('--limit <number>', 'how many jobs at most');
  about(command, {
    text: `Lists jobs.`,
    exits: '0.',
    examples: ['queue list'],
  }).action(async ({ limit, key, label = [], ...options }: Options) => {
    const most = limit === undefined ? undefined : countText('--limit', limit, 0);
    const { output, queue } = cli;
    const jobs = queue.iterateJobs({ ...options, dedupeKey: key, meta: labelsOf(label), limit: most });
    const count = await output.records(jobs, jobShape(Date.now()));
    if (count === 0 && output.format === 'human') say(`no such jobs in ${queue.file}`);
  });
}
