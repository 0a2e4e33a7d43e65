import { isWithin } from '../../job/clock.js';
import { isOverdue } from '../chores/rescue-rule.js';
import type { Transaction } from '../commit/transaction.js';
import type { StoredJob } from '../format/stored-job.js';
import type { JobIndex } from '../index/job-index.js';
import { readJobs } from '../index/rows.js';
import { UNJUDGED_MS } from '../lock/process-id.js';
import type { Store } from '../store.js';
import type { DueJobs } from './due-jobs.js';

/** Rows are picked until they have so many bytes together, so that large payloads don't fill the memory. */
const MOST_BYTES = 16 * 1024 * 1024;

/** A pending row that a worker means to claim. */
export interface Candidate {
  readonly id: string;
  readonly index: JobIndex;
  readonly slot: number;
  /** The row that claims it. */
  readonly claim: StoredJob;
  /** The job's last worker died with it: it is claimed alone, so that it takes nobody with it. */
  readonly suspect: boolean;
}

/** What a worker claims. */
export interface ClaimRules {
  /** How it signs its claims. */
  readonly owner: string;
  /** Time limit of jobs without one of their own, in ms. */
  readonly timeout: number;
  /** Whether there is a handler for a type. */
  readonly handles: (type: string) => boolean;
  /** Whether an earlier attempt of a job still runs in this process. */
  readonly isBusy: (id: string) => boolean;
}

/** What {@link pickCandidates} goes by. */
export interface Picking extends ClaimRules {
  readonly due: DueJobs;
  readonly now: number;
  /** How many. */
  readonly most: number;
  /** Nothing else is held. */
  readonly alone: boolean;
  /** Called for a job whose row is not where the index has it: struck since, or moved by an edit in place. */
  readonly onGone: (slot: number) => void;
}

/**
 * The jobs to claim next. Outside of the lock; {@link isFree} looks again under it. A job that may have killed its
 * worker is picked alone or not at all.
 */
export function pickCandidates({
  due,
  now,
  owner,
  timeout,
  most,
  alone,
  handles,
  isBusy,
  onGone,
}: Picking): Candidate[] {
  const { index } = due;
  const picked: Candidate[] = [];
  const later: number[] = [];
  let blocked = false;
  let bytes = 0;
  while (picked.length < most && bytes < MOST_BYTES && !blocked) {
    const slots: number[] = [];
    for (let read = bytes; picked.length + slots.length < most && read < MOST_BYTES; ) {
      const slot = due.take(now, alone && picked.length + slots.length === 0);
      if (slot === undefined) break;
      slots.push(slot);
      read += index.length(slot);
    }
    if (slots.length === 0) break;
    let jobs: (StoredJob | undefined)[];
    try {
      jobs = readJobs(index, slots);
    } catch (error) {
      for (const slot of [...later, ...slots, ...picked.map(({ slot }) => slot)]) due.putBack(slot);
      throw error;
    }
    for (const [i, slot] of slots.entries()) {
      const job = jobs[i];
      if (blocked) {
        later.push(slot);
        continue;
      }
      if (job === undefined) {
        onGone(slot);
        continue;
      }
      const { id } = job;
      if (!handles(job.type) || index.isHeld(id)) continue;
      if (isBusy(id)) {
        later.push(slot);
        continue;
      }
      const suspect = job.meta['@lone'] === true;
      if (suspect && (!alone || picked.length > 0)) {
        due.setAside(slot);
        continue;
      }
      const claim = claimOf(job, { owner, timeout }, now);
      picked.push({ index, slot, id, claim, suspect });
      bytes += index.length(slot);
      blocked = suspect;
    }
  }
  for (const slot of later) due.putBack(slot);
  return picked;
}

/** Whether a candidate is still as it was picked. Under the lock. */
export function isFree({ id, index, claim }: Candidate, tx: Transaction): boolean {
  // The file was read again since: a person has edited the job, perhaps. It is picked again, as it is now.
  if (tx.index !== index) return false;
  // Or held since: a line with its id that can't be read has come in.
  if (index.isHeld(id)) return false;
  return tx.isNewest(claim.from as StoredJob);
}

function claimOf(
  job: StoredJob,
  { owner, timeout }: Pick<ClaimRules, 'owner' | 'timeout'>,
  now: number,
): StoredJob {
  const own = job.timeout ?? 0;
  const claim = job.next({
    status: 'processing',
    attempts: job.attempts + 1,
    lockedBy: owner,
    startedAt: now,
    claimTimeout: own > 0 ? own : timeout,
  });
  claim.prepare();
  return claim;
}

/**
 * Whether a claim stands, as far as the file was read: nothing newer is there, and the job is still among the open
 * ones. One that is not was finished by somebody else, and its row moved since, to where no worker looks or into the
 * archive.
 */
export function stands(
  { id, version }: { id: string; version: number },
  index: JobIndex,
  store: Store,
): boolean {
  const slot = index.find(id);
  if (slot !== undefined) return index.version(slot) <= version;
  const { file } = index;
  // While somebody edits the file, any part of it may be missing.
  const isWhole = !store.lock.isRewriting && file.isCurrent() && index.position === file.size;
  return !isWhole || index.isHeld(id);
}

/**
 * How many other workers hold claims that are not overdue. Under the lock, where it is exact.
 *
 * @param timeout as for {@link isOverdue}
 */
export function otherWorkers(store: Store, tx: Transaction, owner: string, timeout: number): number {
  /** When each of them has claimed last, in ms. */
  const owners = new Map<string, number>();
  for (const job of tx.running()) {
    if (isOverdue(job, store.processes, tx.now, timeout)) continue;
    owners.set(job.lockedBy, Math.max(owners.get(job.lockedBy) ?? 0, job.startedAt ?? 0));
  }
  owners.delete(owner);
  const counts = ([by, since]: [string, number]): boolean =>
    store.processes.liveness(by) !== 'unknown' || isWithin(UNJUDGED_MS, since, tx.now);
  return [...owners].filter(counts).length;
}
