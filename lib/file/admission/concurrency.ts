import type { ClaimView } from './claim-view.js';
import { laneName } from './limits-file.js';
import { type Lane, type LimitRule, UNKNOWN } from './rule.js';

/** Counts jobs that run, by type and by group. */
class Running {
  readonly #counts = new Map<string, number>();

  add(type: string, group: string, jobs: number): void {
    this.#add(laneName(type, ''), jobs);
    if (group !== '') this.#add(laneName(type, group), jobs);
  }

  of({ type, group }: Lane): number {
    return this.#counts.get(laneName(type, group)) ?? 0;
  }

  #add(name: string, jobs: number): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + jobs);
  }
}

/**
 * Counts the jobs that run once this commit is in the file: their rows say so, and nothing else is kept that could be
 * wrong after a crash. A handler in this process that ignored its abort counts as well, although its job's row says
 * that it waits or has failed.
 */
function countRunning({ index, runningSlots, changes, worker }: ClaimView): Running {
  const counts = new Running();
  for (const slot of runningSlots) counts.add(index.type(slot), index.group(slot), 1);
  const changed = new Map<string, string>();
  for (const { id, type, group, status } of changes()) {
    changed.set(id, status);
    const slot = index.find(id);
    if (slot !== undefined && index.status(slot) === 'processing')
      counts.add(index.type(slot), index.group(slot), -1);
    if (status === 'processing') counts.add(type, group, 1);
  }
  for (const id of worker.runningHere) {
    const slot = index.find(id);
    const status = changed.get(id) ?? (slot === undefined ? undefined : index.status(slot));
    if (slot !== undefined && (status === 'pending' || status === 'failed'))
      counts.add(index.type(slot), index.group(slot), 1);
    // Its row has left the index, for the sealed part or the archive.
    const left = slot === undefined ? worker.goingOn.get(id) : undefined;
    if (left !== undefined) counts.add(left.type, left.group, 1);
  }
  return counts;
}

/** Of a type, or of each group of a type, at most `max` jobs run at a time. */
export const concurrency: LimitRule = {
  name: 'concurrency',
  by: ({ concurrency }) => concurrency?.by,
  open: (view) => {
    let running: Running | undefined;
    return (lane, { concurrency }, starting) => {
      running ??= countRunning(view);
      const max = concurrency?.max ?? Number.POSITIVE_INFINITY;
      return running.of(lane) + starting < max ? 0 : UNKNOWN;
    };
  },
};
