import type { Command } from 'commander';
import { type CommandChange, changeJobs } from './change.js';
import { changeMany, type ManyOptions } from './change-many.js';
import type { Cli } from './cli.js';
import { usageError } from './exit.js';
import { addFilter, isEmpty, type JobFilter, pickFilter } from './job-filter.js';

/** What the help of each such command says of options that name jobs. */
export const MANY = `Options name jobs instead of IDs, and have to fit all together. If they name more than one job, the command says how
many, and asks; without a terminal it needs \`--yes\`. Then it says how many it has changed, and how many were in another state by
then.`;

/** What such commands print with `--plain`. */
export const PLAIN = 'the changed jobs: id, type, status; with options instead of IDs: changed, left.';

/**
 * Gives a command its arguments and options, and lets it make the change.
 *
 * @param changeOf makes the change from all options of the command
 */
export function defineChange<Options extends object>(
  command: Command,
  cli: Cli,
  changeOf: (options: Options) => CommandChange,
): Command {
  return addFilter(command.argument('[id...]', 'IDs of the jobs, or the beginnings of them'))
    .option('--dry-run', 'only say how many jobs the options name, and of which types')
    .option('--yes', "don't ask, if the options name more than one")
    .action(async (ids: string[], options: Options & JobFilter & ManyOptions) => {
      const filter = pickFilter(options);
      const change = changeOf(options);
      if (ids.length > 0 && !isEmpty(filter))
        throw usageError('give IDs, or options that name jobs, not both');
      if (ids.length === 0 && isEmpty(filter))
        throw usageError('no jobs are named; give IDs, or an option that names jobs, like --type');
      if (ids.length > 0) await changeJobs(cli, ids, change);
      else await changeMany(cli, filter, change, options);
    });
}
