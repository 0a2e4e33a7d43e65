import { isWithin } from '../../job/clock.js';
import { isOverdue } from '../chores/rescue-rule.js';
import type { Transaction } from '../commit/transaction.js';
import type { StoredJob } from '../format/stored-job.js';
import type { JobIndex } from '../index/job-index.js';
import { readJobs } from '../index/rows.js';
import { UNJUDGED_MS } from '../lock/process-id.js';
import type { Store } from '../store.js';
import type { DueJobs } from './due-jobs.js';

/** A pick ends when its rows have this many bytes, so that large payloads don't fill the memory. */
const MOST_BYTES = 16 * 1024 * 1024;

/** A pending row that a worker wants to claim. */
export interface Candidate {
  readonly id: string;
  readonly index: JobIndex;
  readonly slot: number;
  /** The row that claims it. */
  readonly claim: StoredJob;
  /** True if the job's last worker died. The job is claimed alone, so that no other job suffers. */
  readonly suspect: boolean;
}

/** The rules by which a worker claims. */
export interface ClaimRules {
  /** The name in its claims. */
  readonly owner: string;
  /** The default time limit of a job, in ms. */
  readonly timeout: number;
  /** True if the type has a handler. */
  readonly handles: (type: string) => boolean;
  /** True if an earlier attempt of the job still runs in this process. */
  readonly isBusy: (id: string) => boolean;
}

/** The input of {@link pickCandidates}. */
export interface Picking extends ClaimRules {
  readonly due: DueJobs;
  readonly now: number;
  /** The limit. */
  readonly most: number;
  /** True if the worker holds nothing. */
  readonly alone: boolean;
  /** Called if a row is not where the index says: it was crossed out, or an edit moved it. */
  readonly onGone: (slot: number) => void;
}

/**
 * Picks the jobs to claim next, without the lock; {@link isFree} checks them under it. A job that may have
 * killed its worker is picked alone or not at all.
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

/** True if a candidate is unchanged since it was picked. Called under the lock. */
export function isFree({ id, index, claim }: Candidate, tx: Transaction): boolean {
  // The file was read again, and a person may have edited the job. It is picked again later.
  if (tx.index !== index) return false;
  // An unreadable line with its id was appended meanwhile, which holds the job.
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
 * True if a claim is not superseded, as far as the file was read: no newer row, and the job is still open.
 * A job that is not open was finished by another process. Its row was moved to the sealed part or the
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
  // While a person edits the file, any part of it may be missing.
  const isWhole = !store.lock.isRewriting && file.isCurrent() && index.position === file.size;
  return !isWhole || index.isHeld(id);
}

/**
 * Counts the other workers that hold claims that are not overdue. Under the lock it is exact.
 *
 * @param timeout as for {@link isOverdue}
 */
export function otherWorkers(store: Store, tx: Transaction, owner: string, timeout: number): number {
  /** When each of them last claimed, in ms. */
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
