import type { Command } from 'commander';
import {
  countPurgeable,
  countTooYoung,
  FINAL,
  PURGEABLE,
  type PurgeableStatus,
  type PurgeOptions,
} from '../../file/operations/purge.js';
import { durationText } from '../../job/checks.js';
import type { Cli } from '../cli.js';
import { isConfirmed } from '../confirm.js';
import { EXIT, notFound, usageError } from '../exit.js';
import { about } from '../help.js';
import { resolveIds } from '../ids.js';
import { addFilter, filtered, isEmpty, type JobFilter, pickFilter } from '../job-filter.js';
import { givenTypes } from '../job-types.js';
import { say } from '../output.js';

interface Options extends JobFilter {
  olderThan?: string;
  dryRun?: boolean;
  yes?: boolean;
}

export function define(command: Command, cli: Cli): void {
  addFilter(command.argument('[id...]', 'IDs of the jobs, or the beginnings of them'), 'jobs')
    .option(
      '--older-than <time>',
      'only jobs that ended so long ago; pending ones: added so long ago; default: any age',
    )
    .option('--dry-run', 'only say how many jobs they are')
    .option('--yes', "don't ask; needed without a terminal");
  about(command, {
    text: `Takes jobs out of the file for good. They don't go to the archive, and the archive stays as it is. On a terminal, it says
how many jobs these are, and asks first. A finished job goes once it finished a minute ago, and the command says how many are
younger, and stay for now. Without IDs, \`--status\`, \`--search\`, \`--error\`, \`--key\` or \`--label\` has to name jobs: \`completed\`, \`failed\`,
\`cancelled\` (these three without \`--status\`) or \`pending\` ones. [The API](api.md#functions) has the rest.`,
    plain: 'purged; with `--dry-run`, how many would be. `--json` has `tooYoung` as well.',
    exits:
      "0 done; 1 if the answer was no, and nothing was purged; 2 if an option can't be used, or `--yes` is missing without a terminal; 3 if there is no queue file, or a job is unknown; 75.",
    examples: [
      'queue purge --status failed --older-than 90d --yes',
      'queue purge --error 8693e1b4ae --dry-run',
      'queue purge --status pending --type report --yes',
    ],
  }).action(async (ids: string[], { dryRun = false, yes = false, ...given }: Options) => {
    const { output, queue, existingStore: store } = cli;
    const options = await purgeOf(cli, ids, given);
    if (dryRun) {
      const { purgeable, tooYoung } = await countPurgeable(store, options);
      const text = `${jobs(purgeable)} would be purged${young(tooYoung)}`;
      return output.record({ purged: purgeable, tooYoung }, text, [purgeable]);
    }
    if (!yes) {
      const count = jobs((await countPurgeable(store, options)).purgeable);
      if (!(await isConfirmed(`purge ${count} from ${store.path} for good?`))) {
        say('nothing was purged');
        process.exitCode = EXIT.failed;
        return;
      }
    }
    const { purged } = await queue.purge(options);
    const tooYoung = await countTooYoung(store, options);
    output.record({ purged, tooYoung }, `${jobs(purged)} purged${young(tooYoung)}`, [purged]);
  });
}

/** Reads which jobs are to go. Those that only a look at each job can tell are named by their ids. */
async function purgeOf(cli: Cli, given: string[], options: Options): Promise<PurgeOptions> {
  const { existingStore: store } = cli;
  const filter = pickFilter(options);
  const { status, type = [], ...marks } = filter;
  const olderThan = options.olderThan === undefined ? 0 : durationText('--older-than', options.olderThan);
  if (given.length > 0) {
    if (!isEmpty(filter)) throw usageError('give IDs, or options that name jobs, not both');
    const ids = await resolveIds(store, given);
    const unknown = given.filter((_, i) => ids[i] === undefined);
    if (unknown.length > 0)
      throw notFound(`there is no job ${unknown.join(', ')} in ${store.path}; nothing was purged`);
    return { olderThan, status: PURGEABLE, ids: ids as string[] };
  }
  const { search, error, key, label } = marks;
  if ([status, search, error, key, label].every((mark) => mark === undefined))
    throw usageError(`--status is missing; name one or more of ${PURGEABLE.join(', ')}`);
  // A state that can't be purged is refused by the purge.
  const states = (status ?? FINAL) as readonly PurgeableStatus[];
  if (isEmpty(marks)) {
    const { types, unknown } = await givenTypes(store, type);
    const isSimple = type.length === 0 || (types.length === 1 && unknown.length === 0);
    if (isSimple) return { olderThan, status: states, type: types[0] };
  }
  const ids: string[] = [];
  for await (const { id } of (await filtered(cli, filter, { states })).jobs) ids.push(id);
  return { olderThan, status: states, ids };
}

const jobs = (count: number): string => `${count} ${count === 1 ? 'job' : 'jobs'}`;

/** Says of jobs that a purge has left for now. */
const young = (count: number): string =>
  count === 0
    ? ''
    : `, and ${count} ended less than a minute ago, which ${count === 1 ? 'stays' : 'stay'} for now; try again in a minute`;
