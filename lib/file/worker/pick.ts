import type { Admissions } from '../admission/admission.js';
import type { WorkerFacts } from '../admission/worker-facts.js';
import type { Transaction } from '../commit/transaction.js';
import type { StoredJob } from '../format/stored-job.js';
import type { JobIndex } from '../index/job-index.js';
import { readJobs } from '../index/rows.js';
import type { DueJobs } from './due-jobs.js';

/** A pick ends when its rows have this many bytes together, so that large payloads don't fill the memory. */
const MOST_BYTES = 16 * 1024 * 1024;

/** A pending job that a worker wants to claim. */
export interface Candidate {
  readonly id: string;
  readonly index: JobIndex;
  readonly slot: number;
  /** The row that claims the job. */
  readonly claim: StoredJob;
  /** True if the job is claimed alone; see the rule `lone`. */
  readonly isLone: boolean;
}

/** The input of {@link pickCandidates}. */
export interface PickInput {
  readonly worker: WorkerFacts;
  readonly due: DueJobs;
  readonly now: number;
  /** The most jobs to pick. */
  readonly limit: number;
  /** True if the worker has claimed nothing. */
  readonly isIdle: boolean;
  readonly admissions: Admissions;
  /** Called for each row that is not where the index says, because it was struck or an edit moved it. */
  readonly onRowMissing: (slot: number) => void;
}

/** Picks the jobs to claim next, without the lock. Under it, {@link isUnchanged} and the rules are asked again. */
export function pickCandidates(input: PickInput): Candidate[] {
  const { due, now, limit, isIdle, worker, onRowMissing } = input;
  const { index } = due;
  const picked: Candidate[] = [];
  /** The slots that were taken from the due jobs and not picked. */
  const toPutBack: number[] = [];
  let isFull = false;
  let bytes = 0;
  due.reopen(now);
  while (picked.length < limit && bytes < MOST_BYTES && !isFull) {
    const slots = takeSlots(input, picked.length, bytes);
    if (slots.length === 0) break;
    let jobs: (StoredJob | undefined)[];
    try {
      jobs = readJobs(index, slots);
    } catch (error) {
      for (const slot of [...toPutBack, ...slots, ...picked.map(({ slot }) => slot)]) due.putBack(slot);
      throw error;
    }
    for (const [i, slot] of slots.entries()) {
      const job = jobs[i];
      if (isFull) toPutBack.push(slot);
      else if (job === undefined) onRowMissing(slot);
      else {
        const admission = input.admissions.of(job);
        const isLone = admission === 'alone';
        if (admission === 'later') toPutBack.push(slot);
        else if (isLone && (!isIdle || picked.length > 0)) due.setAside(slot);
        else if (admission !== 'skip') {
          if (input.admissions.isLimited(job.type)) input.admissions.limits.start(job);
          picked.push({ index, slot, id: job.id, claim: claimOf(job, worker, now), isLone });
          bytes += index.length(slot);
          isFull = isLone;
        }
      }
    }
  }
  for (const slot of toPutBack) due.putBack(slot);
  return picked;
}

/** Takes the slots of the jobs to read next. @param picked how many jobs were picked before, with so many `bytes` */
function takeSlots(
  { due, now, limit, isIdle, admissions }: PickInput,
  picked: number,
  bytes: number,
): number[] {
  const slots: number[] = [];
  for (let read = bytes; picked + slots.length < limit && read < MOST_BYTES; ) {
    const slot = due.take(now, isIdle && picked + slots.length === 0, admissions);
    if (slot === undefined) break;
    slots.push(slot);
    read += due.index.length(slot);
    // Whether a second one may start depends on whether this one does.
    if (admissions.isLimited(due.index.type(slot))) break;
  }
  return slots;
}

/** True if a candidate's job has not changed since the pick. Called under the lock. */
export function isUnchanged({ index, claim }: Candidate, tx: Transaction): boolean {
  // If the file was read again, a person may have edited the job. Then a later turn picks it again.
  return tx.index === index && tx.isNewest(claim.from as StoredJob);
}

/** Makes the row that claims a job. */
export function claimOf(job: StoredJob, { owner, types }: WorkerFacts, now: number): StoredJob {
  const own = job.timeout ?? 0;
  const claim = job.next({
    status: 'processing',
    attempts: job.attempts + 1,
    lockedBy: owner,
    startedAt: now,
    progress: '',
    claimTimeout: own > 0 ? own : types.policyOf(job.type).timeout,
  });
  claim.prepare();
  return claim;
}
