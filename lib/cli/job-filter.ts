import { type Command, InvalidArgumentError, Option } from 'commander';
import { archivedJobs } from '../file/compaction/archive.js';
import { defined, durationText, instant, invalid } from '../job/checks.js';
import { TsvqError } from '../job/errors.js';
import type { Job, Status } from '../job/job.js';
import { STATUSES } from '../job/job.js';
import { groupId, groupText } from '../view/error-group.js';
import type { Cli } from './cli.js';
import { instantOf } from './job-texts.js';
import { type GivenTypes, givenTypes, sayUnknownTypes } from './job-types.js';
import { labelOption, labelsOf } from './labels.js';
import { didYouMean } from './nearest.js';

/** A filter of jobs, as the command line gives it. */
export interface JobFilter {
  status?: Status[];
  type?: string[];
  since?: string;
  until?: string;
  search?: string;
  error?: string;
  key?: string;
  group?: string;
  label?: string[];
}

/** The filter of a command that lists jobs. */
export interface ListFilter extends JobFilter {
  dismissed?: boolean;
}

/** Makes the option `--status`, with several states or commas. @param flags without `...` in a command with arguments */
export const statusOption = (description: string, flags: string = '--status <status...>'): Option =>
  new Option(flags, description)
    .choices(STATUSES)
    .argParser((text: string, others: Status[] = []) => [...others, ...text.split(',').map(statusOf)]);

function statusOf(text: string): Status {
  const status = STATUSES.find((status) => status === text.trim());
  if (status !== undefined) return status;
  const hint = didYouMean(text, STATUSES);
  throw new InvalidArgumentError(`Allowed choices are ${STATUSES.join(', ')}${hint && `; ${hint}`}`);
}

/** Makes the option `--type`, which may be given several times. */
export const typeOption = (description: string): Option =>
  new Option('--type <type>', description).argParser((text: string, others: string[] = []) => [
    ...others,
    text,
  ]);

/** Adds the options of a filter to a command. @param which how its jobs are named: `all jobs`, `only jobs` */
export const addFilter = (command: Command, which: string = 'all jobs', status?: string): Command =>
  command
    .addOption(statusOption(`${which} in this state, or in one of these: failed,cancelled`, status))
    .addOption(typeOption(`${which} of this type, or of one of these: email,report`))
    .option(
      '--since <time>',
      `${which} that ended since then, or were added if they have not ended: '2h' ago, an ISO time, or Unix seconds`,
    )
    .option('--until <time>', `${which} that ended until then, or were added if they have not ended`)
    .option('--search <text>', `${which} with this text in their payload, error, result or id`, searchText)
    .option(
      '--error <group>',
      `${which} whose error belongs to this group of queue errors, or the beginning of its ID`,
      groupStart,
    )
    .option('--key <key>', `${which} with this key`)
    .option('--group <group>', `${which} of this group`)
    .addOption(labelOption(`${which} with this label; several must all fit`));

/** Refuses a text that all jobs have: a script whose variable is empty must not change them all. */
function searchText(text: string): string {
  if (text === '') throw new InvalidArgumentError('It is empty, and would name all jobs.');
  return text;
}

/** Refuses so short a beginning that several groups may have it. */
function groupStart(text: string): string {
  if (text.length < 4)
    throw new InvalidArgumentError('Give at least four characters of the ID; see queue errors.');
  return text;
}

/** Returns the filter among the options of a command. */
export const pickFilter = (options: JobFilter): JobFilter => {
  const { status, type, since, until, search, error, key, group, label } = options;
  return defined({ status, type, since, until, search, error, key, group, label });
};

/** True if a filter names no jobs. */
export const isEmpty = (filter: JobFilter): boolean => Object.keys(filter).length === 0;

/** What a filter looks at. */
export interface Reach {
  /** The states to look in unless the filter names some. Default: all. */
  readonly states?: readonly Status[];
  /** True to go on with the archived jobs. */
  readonly archive?: boolean;
}

/** The jobs that a filter names. */
export interface FilteredJobs {
  /** In the order of the file. */
  readonly jobs: AsyncIterableIterator<Job>;
  /** True if no job has a type that the filter names; the reader was told. */
  readonly isUnknownType: boolean;
}

/**
 * Finds the jobs that a filter names. It tells people of a type that no job has.
 *
 * @throws TsvqError `INVALID_ARGUMENT` for a time that can't be read
 */
export async function filtered(
  cli: Cli,
  filter: ListFilter,
  { states, archive = false }: Reach,
): Promise<FilteredJobs> {
  const { existingStore: store, output } = cli;
  const given = filter.type === undefined ? undefined : await givenTypes(store, filter.type);
  // A type may be only in the archive.
  const isTold = given !== undefined && !archive && output.format === 'human';
  if (isTold) sayUnknownTypes(given, store.path);
  const statuses = filter.status ?? states;
  const fits = testOf(filter, statuses, given);
  return {
    jobs: found(cli, filter, { ...(statuses && { states: statuses }), archive }, given, fits),
    isUnknownType: isTold && given.unknown.length === given.types.length,
  };
}

/**
 * Makes the test of a filter, for jobs that don't come from the queue itself.
 *
 * @param states the states to look in unless the filter names some
 * @throws TsvqError `INVALID_ARGUMENT` for a time that can't be read
 */
export async function filterTest(
  { existingStore: store }: Cli,
  filter: ListFilter,
  states: readonly Status[],
): Promise<(job: Job) => boolean> {
  const given = filter.type === undefined ? undefined : await givenTypes(store, filter.type);
  return testOf(filter, filter.status ?? states, given);
}

async function* found(
  { queue, existingStore: store }: Cli,
  { key, group, dismissed, label = [] }: ListFilter,
  { states, archive }: Reach,
  given: GivenTypes | undefined,
  fits: (job: Job) => boolean,
): AsyncIterableIterator<Job> {
  // The index knows states and types, so that other rows needn't be read.
  const type = given?.types.length === 1 ? given.types[0] : undefined;
  const options = { status: states, type, dedupeKey: key, group, dismissed, meta: labelsOf(label) };
  for await (const job of queue.iterateJobs(options)) if (fits(job)) yield job;
  if (!archive) return;
  // A crash may have left a job in both.
  const index = await store.read('all');
  for await (const archived of archivedJobs(store.fs, store.realPath)) {
    if (index?.find(archived.id) !== undefined) continue;
    const job = archived.toJob();
    if (fits(job)) yield job;
  }
}

/** Makes the test that a job has to pass. */
function testOf(
  { key, group, dismissed, label = [], since, until, search, error }: ListFilter,
  statuses: readonly Status[] | undefined,
  given: GivenTypes | undefined,
): (job: Job) => boolean {
  const now = Date.now();
  const oldest = since === undefined ? undefined : momentOf('--since', since, now);
  const newest = until === undefined ? undefined : momentOf('--until', until, now);
  const types = given && new Set(given.types);
  const labels = Object.entries(labelsOf(label));
  return (job) =>
    (statuses === undefined || statuses.includes(job.status)) &&
    (types === undefined || types.has(job.type)) &&
    (key === undefined || job.dedupeKey === key) &&
    (group === undefined || job.group === group) &&
    (dismissed === undefined || job.dismissed === dismissed) &&
    labels.every(([name, value]) => job.meta[name] === value) &&
    !(oldest !== undefined && timeOf(job) < oldest) &&
    !(newest !== undefined && timeOf(job) > newest) &&
    (error === undefined || groupOf(job)?.startsWith(error) === true) &&
    (search === undefined || hasText(job, search));
}

/** The time by which jobs are chosen: of an ended one its end, otherwise when it was added. */
const timeOf = ({ finishedAt, createdAt }: Job): number => (finishedAt ?? createdAt).getTime();

const groupOf = ({ error }: Job): string | undefined =>
  error === undefined ? undefined : groupId(groupText(error));

const hasText = ({ id, payload, result, error = '' }: Job, text: string): boolean =>
  id.includes(text) ||
  error.includes(text) ||
  [payload, result].some((value) => (JSON.stringify(value) ?? '').includes(text));

/** Reads a time: a duration back from now, an ISO time or Unix seconds. @returns ms since 1970 */
function momentOf(option: string, text: string, now: number): number {
  const time = instantOf(text);
  if (typeof time === 'number' || /^\d{4}-/.test(text)) return instant(option, time);
  try {
    return now - durationText(option, text);
  } catch (error) {
    // One without a unit has a message of its own.
    if (!(error instanceof TsvqError) || Number(text) > 0) throw error;
    throw invalid(
      option,
      text,
      "a duration back from now ('2h'), an ISO time with an offset ('2030-01-31T09:00:00Z'), or Unix seconds",
    );
  }
}
