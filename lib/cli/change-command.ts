import type { Command } from 'commander';
import { type CommandChange, changeJobs } from './change.js';
import { changeMany, type ManyOptions } from './change-many.js';
import type { Cli } from './cli.js';
import { usageError } from './exit.js';
import { addFilter, isEmpty, type JobFilter } from './job-filter.js';

/** Gives a command its arguments and options, and lets it make the change. */
export function defineChange(command: Command, cli: Cli, change: CommandChange): Command {
  return addFilter(command.argument('[id...]', 'IDs of the jobs, or the beginnings of them'))
    .option('--dry-run', 'only say how many jobs the options name')
    .option('--yes', "don't ask, if the options name more than one")
    .action(async (ids: string[], { dryRun, yes, ...filter }: JobFilter & ManyOptions) => {
      if (ids.length > 0 && !isEmpty(filter))
        throw usageError('give IDs, or options that name jobs, not both');
      if (ids.length === 0 && isEmpty(filter))
        throw usageError('no jobs are named; give IDs, or an option that names jobs, like --type');
      if (ids.length > 0) await changeJobs(cli, ids, change);
      else await changeMany(cli, filter, change, { ...(dryRun && { dryRun }), ...(yes && { yes }) });
    });
}
