import type { Command } from 'commander';
import { Option } from 'commander';
import { defined, durationText } from '../job/checks.js';
import type { Job, Status } from '../job/job.js';
import { STATUSES } from '../job/job.js';
import type { Queue } from '../queue.js';
import { groupId, groupText } from '../view/error-group.js';

/** A filter of jobs, as the command line gives it. */
export interface JobFilter {
  status?: Status[];
  type?: string;
  since?: string;
  search?: string;
  error?: string;
}

/** Adds the options of a filter to a command. */
export const addFilter = (command: Command): Command =>
  addMarks(
    command.addOption(
      new Option('--status <status...>', 'all jobs in this state, or in one of these').choices(STATUSES),
    ),
  );

/** Adds the options of a filter but the state to a command. */
export const addMarks = (command: Command): Command =>
  command
    .option('--type <type>', 'all jobs of this type')
    .option(
      '--since <time>',
      "all jobs that ended within this time, or were added if they have not ended: '2h', '1d'",
    )
    .option('--search <text>', 'all jobs with this text in their payload, error or id')
    .option('--error <group>', 'all jobs whose error belongs to this group; see queue errors');

/** Returns the filter among the options of a command. */
export const pickFilter = ({ status, type, since, search, error }: JobFilter): JobFilter =>
  defined({ status, type, since, search, error });

/** True if a filter names no jobs. */
export const isEmpty = (filter: JobFilter): boolean => Object.keys(filter).length === 0;

/**
 * Yields the jobs that a filter names, in the order of the file.
 *
 * @param states the states to look in unless the filter names some
 * @throws TsvqError `INVALID_ARGUMENT` for a time that can't be read
 */
export async function* filtered(
  queue: Queue,
  { status, type, since, search, error }: JobFilter,
  states: readonly Status[],
): AsyncIterableIterator<Job> {
  const oldest = since === undefined ? undefined : Date.now() - durationText('--since', since);
  for await (const job of queue.iterateJobs({ status: status ?? states, type })) {
    if (oldest !== undefined && (job.finishedAt ?? job.createdAt).getTime() < oldest) continue;
    if (error !== undefined && groupOf(job) !== error) continue;
    if (search !== undefined && !hasText(job, search)) continue;
    yield job;
  }
}

const groupOf = ({ error }: Job): string | undefined =>
  error === undefined ? undefined : groupId(groupText(error));

const hasText = ({ id, payload, error = '' }: Job, text: string): boolean =>
  id.includes(text) || error.includes(text) || (JSON.stringify(payload) ?? '').includes(text);
