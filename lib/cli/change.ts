import type { Job } from '../job/job.js';
import type { Queue } from '../queue.js';
import type { Cli } from './cli.js';
import { EXIT } from './exit.js';
import { resolveIds } from './ids.js';
import { say } from './output.js';

/** A change of state that a person asks for, of one job. */
export interface Change {
  /** What is done to it, for messages: `cancelled`. */
  readonly done: string;
  /** Which jobs it can be done to, for messages: `only … can be cancelled`. */
  readonly wanted: string;
  /** @returns false if the job is not in a state for it */
  readonly apply: (queue: Queue, id: string) => Promise<boolean>;
}

/**
 * Makes a change to each of several jobs; those for which it can't be made are reported, and change nothing for the
 * others. Exits with 3 if one is unknown, else with 1 if one is in the wrong state.
 */
export async function changeJobs(cli: Cli, given: readonly string[], change: Change): Promise<void> {
  const { output, existingStore: store, queue } = cli;
  // All are looked up before any is changed: an ambiguous one stops the command while nothing has happened.
  const found = await resolveIds(store, given);
  // One that is named twice is changed once.
  const asked = given
    .map((text, i) => ({ text, id: found[i] }))
    .filter(({ id }, i) => id === undefined || found.indexOf(id) === i);
  // Asked for together, they go into one commit.
  const changed = await Promise.all(
    asked.map(({ id }) => (id === undefined ? false : change.apply(queue, id))),
  );
  let exitCode: number = EXIT.done;
  for (const [i, { id, text }] of asked.entries()) {
    const job = id === undefined ? undefined : await queue.getJob(id);
    if (job === undefined) {
      say(`there is no job ${text} in ${store.path}${await archiveHint(queue, text)}`);
      exitCode = EXIT.notFound;
    } else if (changed[i]) {
      const { type, status } = job;
      output.changed({ id, type, status }, `${change.done} ${describe(job)}`, [id, type, status]);
    } else {
      say(`job ${describe(job)} is ${job.status}; only ${change.wanted}`);
      exitCode ||= EXIT.failed;
    }
  }
  if (exitCode !== EXIT.done) process.exitCode = exitCode;
}

async function archiveHint(queue: Queue, id: string): Promise<string> {
  try {
    const archived = await queue.getJob(id, { archive: true });
    return archived ? '; it is archived, and stays as it is: add one like it' : '';
  } catch (error) {
    // What was done to the others is still to be told.
    return `; whether it is archived can't be told: ${(error as Error).message}`;
  }
}

const describe = ({ id, type }: Job): string => `${id} (${type})`;
