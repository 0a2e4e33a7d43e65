import type { Command } from 'commander';
import { countText } from '../../job/checks.js';
import type { Job } from '../../job/job.js';
import type { Cli } from '../cli.js';
import { usageError } from '../exit.js';
import { about } from '../help.js';
import { COLUMN_NAMES, columnNames, jobShape, type Looks } from '../job-columns.js';
import { addFilter, filtered, type ListFilter } from '../job-filter.js';
import { orderOf, SORT_FIELDS, sorted } from '../job-sort.js';
import { say, screenOf } from '../output.js';
import { addTimes, type TimeOptions, timeTextOf } from '../screen/times.js';

interface Options extends ListFilter, TimeOptions {
  archive?: boolean;
  sort?: string;
  reverse?: boolean;
  limit?: string;
  columns?: string;
  color: boolean;
}

export function define(command: Command, cli: Cli): void {
  addFilter(command, 'only jobs')
    .option('--dismissed', 'only failed jobs that queue dismiss has dealt with')
    .option('--no-dismissed', 'no such jobs')
    .option('--archive', 'after them, the archived jobs, which are past their retention time')
    .option('--sort <field>', 'sort by a field; with a - before it, the largest or newest first')
    .option('--reverse', 'turn the order of --sort round')
    .option('--limit <number>', 'how many jobs at most')
    .option(
      '--columns <names>',
      'the columns of the table, or the fields of --plain, in this order: id,error',
    )
    .option('--no-color', 'print no colours, as with NO_COLOR in the environment');
  addTimes(command);
  about(command, {
    text: `Lists jobs in the order of the file. After a compaction, finished jobs come first. Without \`--sort\` a list of
any length needs no more memory than a short one; with \`--sort\` and \`--limit\` it holds so many jobs, with \`--sort\`
alone all of them. \`--sort\` takes ${SORT_FIELDS.join(', ')}; jobs without the value come last.

\`--since\` and \`--until\` choose ended jobs by their end, and others by when they were added. They take a duration back
from now (2h), an ISO time with its offset (2030-01-31T09:00:00Z), or Unix seconds. \`--search\` looks for the text as it is.

On a terminal, the table leaves out columns that don't fit, the least important first; cuts long texts; and shows the
first 8 digits of an ID below 100 columns, which all commands take. Where there is room, it shows when jobs ended, and
their payload. Elsewhere, as in a pipe, nothing is left out, and these two columns are shown only if \`--columns\` names them.

\`--columns\` takes ${COLUMN_NAMES.join(', ')}; such columns always stay. TIME says how long a job waits, runs or took;
ENDED how long ago it ended. ATTEMPTS counts all attempts; \`queue show\` tells how many of them don't count.

Times in the table are in the zone of this machine, with their offset, unless \`--utc\` is given. \`--json\` and \`--plain\`
always have UTC.`,
    plain:
      'id type status attempts run_at created_at started_at finished_at error dedupe_key after meta group; with --columns those fields.',
    exits: '0, also if no job fits; 3 if there is no queue file.',
    examples: [
      'queue list --status failed --since 2h --sort -finished --limit 20',
      'queue list --status pending,processing --type send_email',
      'queue list --search ann@example.com --archive',
      'queue list --status failed --no-dismissed --plain --columns id,error',
      'queue list --key daily --label by=cron',
      "queue list --json | jq -r 'select(.attempts > 1) | .id'",
    ],
  }).action(async (options: Options) => list(cli, options));
}

async function list(cli: Cli, options: Options): Promise<void> {
  const { output, queue } = cli;
  const most =
    options.limit === undefined ? Number.POSITIVE_INFINITY : countText('--limit', options.limit, 0);
  if (options.reverse && options.sort === undefined) throw usageError('--reverse needs --sort');
  if (options.columns !== undefined && output.format === 'json')
    throw usageError('--columns is for the table and --plain; with --json, use jq');
  const chosen = options.columns === undefined ? undefined : columnNames(options.columns);
  const order = options.sort === undefined ? undefined : orderOf(options.sort, options.reverse ?? false);
  const { archive = false } = options;
  const { jobs, isUnknownType } = await filtered(cli, options, { archive });
  const listed = order === undefined ? first(jobs, most) : await sorted(jobs, order, most);
  const count = await output.records(listed, jobShape(await looksOf(cli, options), chosen));
  if (count === 0 && !isUnknownType && output.format === 'human') say(`no such jobs in ${queue.file}`);
}

/** Yields the first jobs. */
async function* first(jobs: AsyncIterable<Job>, most: number): AsyncIterableIterator<Job> {
  let left = most;
  if (left === 0) return;
  for await (const job of jobs) {
    yield job;
    if (--left === 0) return;
  }
}

async function looksOf({ output }: Cli, { color, ...times }: Options): Promise<Looks> {
  const looks = { now: Date.now(), time: timeTextOf(times), screen: await screenOf() };
  if (output.format !== 'human' || looks.screen === undefined) return { ...looks, colours: undefined };
  // Colours load only for a terminal.
  const { coloursOf } = await import('../screen/colours.js');
  return { ...looks, colours: coloursOf(color ? undefined : false) };
}
