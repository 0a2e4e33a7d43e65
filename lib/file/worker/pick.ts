import type { Admissions } from '../admission/admission.js';
import type { WorkerFacts } from '../admission/worker-facts.js';
import type { Transaction } from '../commit/transaction.js';
import type { StoredJob } from '../format/stored-job.js';
import type { JobIndex } from '../index/job-index.js';
import { readJobs } from '../index/rows.js';
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
  /** True if the job is claimed alone; see the rule `lone`. */
  readonly isLone: boolean;
}

/** The input of {@link pickCandidates}. */
export interface Picking {
  readonly worker: WorkerFacts;
  readonly due: DueJobs;
  readonly now: number;
  /** The limit. */
  readonly most: number;
  /** True if the worker holds nothing. */
  readonly alone: boolean;
  readonly admissions: Admissions;
  /** Called if a row is not where the index says: it was crossed out, or an edit moved it. */
  readonly onGone: (slot: number) => void;
}

/** Picks the jobs to claim next. Without the lock: {@link isUnchanged} and the rules are asked again under it. */
export function pickCandidates(picking: Picking): Candidate[] {
  const { due, now, most, alone, worker, onGone } = picking;
  const { index } = due;
  const picked: Candidate[] = [];
  /** Taken, and put back at the end. */
  const later: number[] = [];
  let isFull = false;
  let bytes = 0;
  while (picked.length < most && bytes < MOST_BYTES && !isFull) {
    const slots = takeSlots(picking, picked.length, bytes);
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
      if (isFull) later.push(slot);
      else if (job === undefined) onGone(slot);
      else {
        const admission = picking.admissions.of(job);
        const isLone = admission === 'alone';
        if (admission === 'later') later.push(slot);
        else if (isLone && (!alone || picked.length > 0)) due.setAside(slot);
        else if (admission !== 'skip') {
          picked.push({ index, slot, id: job.id, claim: claimOf(job, worker, now), isLone });
          bytes += index.length(slot);
          isFull = isLone;
        }
      }
    }
  }
  for (const slot of later) due.putBack(slot);
  return picked;
}

/** Takes the slots of the jobs to read next. @param picked how many were picked before, with so many `bytes` */
function takeSlots({ due, now, most, alone, admissions }: Picking, picked: number, bytes: number): number[] {
  const slots: number[] = [];
  for (let read = bytes; picked + slots.length < most && read < MOST_BYTES; ) {
    const slot = due.take(now, alone && picked + slots.length === 0, admissions.ofType);
    if (slot === undefined) break;
    slots.push(slot);
    read += due.index.length(slot);
  }
  return slots;
}

/** True if a candidate's job is as it was when it was picked. Called under the lock. */
export function isUnchanged({ index, claim }: Candidate, tx: Transaction): boolean {
  // If the file was read again, a person may have edited the job. It is picked again later.
  return tx.index === index && tx.isNewest(claim.from as StoredJob);
}

function claimOf(job: StoredJob, { owner, timeout }: WorkerFacts, now: number): StoredJob {
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
