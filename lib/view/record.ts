import type { Job } from '../job/job.js';
import type { FailureSnapshot, Snapshot } from './snapshot.js';
import type { Look, View } from './view.js';

/** Failed jobs whose errors have something in common, with the id of the one that failed last. */
type FailureRecord = Omit<FailureSnapshot, 'newestKey'> & { readonly newestId: string | undefined };

/** A look with jobs instead of their keys. */
type LookRecord = Omit<Snapshot, 'running' | 'retries' | 'failures'> &
  Pick<Look, 'health' | 'problems'> &
  Readonly<{ running: Job[]; retries: Job[]; failures: FailureRecord[] }>;

/** Returns a look as programs get it: `queue status --json` and the page's JSON interface. */
export function recordOf({ snapshot, health, problems }: Look, view: View): LookRecord {
  const { running, retries, failures: _, ...rest } = snapshot;
  return {
    ...rest,
    health,
    problems,
    running: view.jobs(running),
    retries: view.jobs(retries),
    failures: failuresOf(snapshot, view),
  };
}

/** Returns the groups of failures as programs get them, with the id of the newest job. */
export const failuresOf = ({ failures }: Snapshot, view: View): FailureRecord[] =>
  failures.map(({ newestKey, ...group }) => ({ ...group, newestId: view.jobs([newestKey])[0]?.id }));
