import { TsvqError } from '../job/errors.js';
import type { Job } from '../job/job.js';
import type { Queue } from '../queue.js';
import { type FilterChange, toRefusal } from '../view/changes.js';
import type { Cli } from './cli.js';
import { EXIT } from './exit.js';
import { resolveIds } from './ids.js';
import { say } from './output.js';

/** A change that a command makes of jobs: of those that it is given, or of all that a filter names. */
export interface CommandChange extends FilterChange {
  /** What to do instead with a pending job, for messages. */
  readonly ifPending?: string;
}

/**
 * Changes each of several jobs. A job that can't be changed is reported, and doesn't affect the others. The exit code
 * is 3 if a job is unknown, otherwise 1 if a job is in the wrong state, or another job has its key.
 */
export async function changeJobs(cli: Cli, given: readonly string[], change: CommandChange): Promise<void> {
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
