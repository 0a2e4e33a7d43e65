import { type ErrorCode, TsvqError } from '../job/errors.js';
import type { Job, Status } from '../job/job.js';
import type { Queue } from '../queue.js';
import type { Cli } from './cli.js';
import { EXIT } from './exit.js';
import { resolveIds } from './ids.js';
import { say } from './output.js';

/** A change of one job's state that a person requests. */
export interface Change {
  /** The participle that names the change in messages: `cancelled`. */
  readonly done: string;
  /** The jobs that allow the change, for messages: `only … can be cancelled`. */
  readonly wanted: string;
  /** What to do instead with a pending job, for messages. */
  readonly ifPending?: string;
  /**
   * Makes the change.
   *
   * @param place the job's place among all, from 0 to less than 1
   * @returns false if the job's state forbids it
   * @throws TsvqError of {@link REFUSALS}
   */
  readonly apply: (queue: Queue, id: string, place: number) => Promise<boolean>;
}

/** A change that a command makes of jobs: of those that it is given, or of all that a filter names. */
export interface CommandChange extends Change {
  /** The states of jobs that a filter without `--status` looks in. */
  readonly states: readonly Status[];
  /** True for a job in these states that the change is for. Default: all. */
  readonly accepts?: (job: Job) => boolean;
}

/**
 * Changes each of several jobs. A job that can't be changed is reported, and doesn't affect the others. The exit code
 * is 3 if a job is unknown, otherwise 1 if a job is in the wrong state, or another job has its key.
 */
export async function changeJobs(cli: Cli, given: readonly string[], change: Change): Promise<void> {
  const { output, existingStore: store, queue } = cli;
  // Looks up all ids before the first change, so that an ambiguous one stops the command before any change.
  const found = await resolveIds(store, given);
  // A job named twice changes once.
  const asked = given
    .map((text, i) => ({ text, id: found[i] }))
    .filter(({ id }, i) => id === undefined || found.indexOf(id) === i);
  // Changes requested together need one commit.
  const changed = await Promise.all(
    asked.map(({ id }, i) =>
      id === undefined ? false : change.apply(queue, id, i / asked.length).catch(toRefusal),
    ),
  );
  let exitCode: number = EXIT.done;
  for (const [i, { id, text }] of asked.entries()) {
    const job = id === undefined ? undefined : await queue.getJob(id);
    if (job === undefined) {
      say(`there is no job ${text} in ${store.path}${await archiveHint(queue, text)}`);
      exitCode = EXIT.notFound;
    } else if (changed[i] instanceof TsvqError) {
      say(changed[i].message);
      exitCode ||= EXIT.failed;
    } else if (changed[i]) {
      const { type, status } = job;
      output.changed({ id, type, status }, `${change.done} ${describe(job)}`, [id, type, status]);
    } else {
      const what = job.status === 'recurring' ? 'a schedule, not a job' : job.status;
      const instead = job.status === 'pending' && change.ifPending ? `; ${change.ifPending}` : '';
      say(`job ${describe(job)} is ${what}; only ${change.wanted}${instead}`);
      exitCode ||= EXIT.failed;
    }
  }
  if (exitCode !== EXIT.done) process.exitCode = exitCode;
}

/** Changes that are asked for together, so that they need one commit. */
const TOGETHER = 500;

/** Changes jobs by their ids. @returns how many are changed, and the first error about one job */
export async function changeAll(
  queue: Queue,
  ids: readonly string[],
  { apply }: Change,
): Promise<{ changed: number; refusal: TsvqError | undefined }> {
  let changed = 0;
  let refusal: TsvqError | undefined;
  for (let i = 0; i < ids.length; i += TOGETHER) {
    const asked = ids.slice(i, i + TOGETHER).map((id, k) => apply(queue, id, (i + k) / ids.length));
    for (const answer of await Promise.all(asked.map((change) => change.catch(toRefusal)))) {
      if (answer === true) changed++;
      else if (answer !== false) refusal ??= answer;
    }
  }
  return { changed, refusal };
}

/** The refusals that concern one job: another job has its key, or it is a schedule. */
const REFUSALS: readonly ErrorCode[] = ['DUPLICATE_JOB', 'INVALID_ARGUMENT'];

/** Returns the error about one job. It must not keep the other jobs from their change. */
function toRefusal(error: unknown): TsvqError {
  if (error instanceof TsvqError && REFUSALS.includes(error.code)) return error;
  throw error;
}

async function archiveHint(queue: Queue, id: string): Promise<string> {
  try {
    const archived = await queue.getJob(id, { archive: true });
    return archived ? '; it is archived, and can no longer change: add a new one' : '';
  } catch (error) {
    // The other jobs' results must still be reported.
    return `; could not look in the archive: ${(error as Error).message}`;
  }
}

const describe = ({ id, type }: Job): string => `${id} (${type})`;
