import type { Job } from '../job/job.js';
import { changeAll, type FilterChange } from '../view/changes.js';
import { counted, typesText } from '../view/job-text.js';
import type { Cli } from './cli.js';
import { isConfirmed } from './confirm.js';
import { EXIT } from './exit.js';
import { filtered, type JobFilter } from './job-filter.js';
import { say } from './output.js';

/** How a person wants many jobs changed. */
export interface ManyOptions {
  /** True to say only what would be changed. */
  readonly dryRun?: boolean;
  /** True not to ask. */
  readonly yes?: boolean;
}

/**
 * Changes all jobs that a filter names. It says how many, and asks if they are more than one. Jobs that are no longer in
 * a state for it when their turn comes are counted apart.
 *
 * @throws CliError (usage) if it has to ask, and there is no terminal
 */
export async function changeMany(
  cli: Cli,
  filter: JobFilter,
  change: FilterChange,
  { dryRun = false, yes = false }: ManyOptions,
): Promise<void> {
  const { output, queue } = cli;
  const types = new Map<string, number>();
  const ids: string[] = [];
  const { jobs } = await filtered(cli, filter, { states: change.states });
  for await (const { id, type, ...job } of jobs) {
    if (change.accepts?.({ id, type, ...job } as Job) === false) continue;
    ids.push(id);
    types.set(type, (types.get(type) ?? 0) + 1);
  }
  const what = `${counted(ids.length)}${ids.length === 0 ? '' : ` (${typesText(types)})`}`;
  if (ids.length === 0 && filter.error !== undefined)
    say(`no such job has an error of the group ${filter.error}; queue errors lists the groups`);
  if (dryRun)
    return output.record(
      { jobs: ids.length, types: Object.fromEntries(types) },
      `${what} would be ${change.done.replace(':', '')}`,
      [ids.length],
    );
  if (ids.length > 1 && !yes && !(await isConfirmed(`${what}: go on?`))) {
    say('nothing was changed');
    process.exitCode = EXIT.failed;
    return;
  }
  const { changed, refusal } = await changeAll(queue, ids, change);
  const left = ids.length - changed;
  const rest =
    left === 0 ? '' : `; ${counted(left)} could not be: ${refusal?.message ?? `only ${change.wanted}`}`;
  output.record({ changed, left }, `${change.done} ${counted(changed)}${rest}`, [changed, left]);
  if (left > 0 || ids.length === 0) process.exitCode = EXIT.failed;
}
