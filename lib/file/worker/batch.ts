import type { ResolvedWorkerOptions } from '../../job/options.js';
import { type Rescued, rescueRows } from '../chores/rescue.js';
import type { Transaction } from '../commit/transaction.js';
import { Incomplete } from '../commit/update.js';
import type { StoredJob } from '../format/stored-job.js';
import type { JobIndex } from '../index/job-index.js';
import type { Store } from '../store.js';
import type { Attempt } from './attempt.js';
import { type Candidate, isFree, otherWorkers } from './claim.js';
import { type Verdict, verdictRows } from './outcome.js';

/** An attempt that ended, with its job's next state. */
export interface Ended {
  readonly attempt: Attempt;
  readonly verdict: Verdict;
  /** The rows that record it, made while the previous commit waited for the disk. */
  readonly rows: readonly StoredJob[];
}

/** What a worker wants from its next commit. */
export interface Plan {
  readonly ended: readonly Ended[];
  readonly candidates: readonly Candidate[];
  /** Picks up to `most` jobs from the index to replace candidates that another worker took. */
  readonly pickMore: (index: JobIndex, most: number) => Candidate[];
  readonly rescue: boolean;
  /** True if the worker has a handler for the type. */
  readonly handles: (type: string) => boolean;
  /** True if the worker knows that it holds the job. A claim whose commit failed may be in the file. */
  readonly holds: (id: string) => boolean;
  /** False once the worker was told to stop. Called under the lock, because the wait may be long. */
  readonly mayClaim: () => boolean;
  /** True if the worker holds no job. Then it claims nothing if too many others work. */
  readonly comes: boolean;
}

/** The result of a {@link Plan}. */
export interface Result {
  readonly recorded: Ended[];
  /** Attempts whose job was cancelled, or rescued by another worker. */
  readonly lost: Ended[];
  /** Endings to write again. */
  readonly unrecorded: Ended[];
  /** True if a completion is in without its follow-ups. The next compaction makes them from its row. */
  readonly owesFollowUps: boolean;
  readonly rescued: Rescued[];
  /** Types of dead workers' jobs that wait for a worker with a handler. */
  readonly left: string[];
  readonly claimed: Candidate[];
  readonly unclaimed: Candidate[];
  readonly crowded: boolean;
  /** Why some rows were not written. */
  readonly error: unknown;
}

/** What the last try of a commit decided. */
interface Decided {
  ended: { ended: Ended; rows: readonly StoredJob[] }[];
  lost: Ended[];
  rescued: Rescued[];
  left: string[];
  claimed: Candidate[];
  crowded: boolean;
}

/**
 * Records ended attempts, rescues jobs of dead workers and claims new ones, in one commit.
 *
 * @throws TsvqError if nothing was written; if a part was, {@link Result.error} says why the rest was not
 */
export async function commitBatch(
  store: Store,
  owner: string,
  options: ResolvedWorkerOptions,
  plan: Plan,
): Promise<Result> {
  let candidates = plan.candidates;
  let isFirstTry = true;
  let last: Decided | undefined;
  const decide = (tx: Transaction): Decided => {
    const decided: Decided = { ended: [], lost: [], rescued: [], left: [], claimed: [], crowded: false };
    last = decided;
    const mayPickMore = isFirstTry;
    isFirstTry = false;
    for (const ended of plan.ended) {
      const rows = rowsOf(ended, tx);
      if (rows === undefined) decided.lost.push(ended);
      else {
        decided.ended.push({ ended, rows });
        for (const row of rows) tx.put(row);
      }
    }
    if (plan.rescue) {
      const { handles } = plan;
      const holds = (id: string): boolean => plan.holds(id) || tx.written(id) !== undefined;
      Object.assign(decided, rescueRows(store, tx, { owner, handles, holds }, options));
      for (const { row } of decided.rescued) tx.put(row);
    }
    // If a claim of an earlier try is in the file, the worker already works.
    const comes = plan.comes && !candidates.some(({ id }) => tx.written(id) !== undefined);
    decided.crowded =
      comes && candidates.length > 0 && otherWorkers(store, tx, owner, options.timeout) >= options.maxWorkers;
    if (decided.crowded) return decided;
    const claim = (candidate: Candidate): boolean => {
      // Not by its id: a job that changed between pick and lock may be there twice, picked before and after.
      const isWritten = tx.written(candidate.id) === candidate.claim;
      if (!isWritten && !(plan.mayClaim() && isFree(candidate, tx))) return false;
      tx.put(candidate.claim);
      decided.claimed.push(candidate);
      return true;
    };
    const taken = candidates.filter((candidate) => !claim(candidate)).length;
    // A later try would pick the same candidates again, because their claims may be in the file.
    if (mayPickMore && taken > 0 && plan.mayClaim()) {
      // Several workers pick from the same end. Under the lock, all their claims are known.
      const claimed = new Set(tx.rows.map(({ id }) => id));
      // If the file was replaced after the pick, the same job may come again.
      const more = plan.pickMore(tx.index, taken).filter(({ id }) => !claimed.has(id));
      candidates = candidates.concat(more);
      more.forEach(claim);
    }
    return decided;
  };
  try {
    return sortOut(await store.update('open', decide), candidates);
  } catch (error) {
    if (!(error instanceof Incomplete) || last === undefined) throw error;
    return sortOut(last, candidates, error);
  }
}

/**
 * Returns the rows that record an ending.
 *
 * @returns undefined if the claim's row is superseded: the job was cancelled, or rescued by another worker
 */
function rowsOf({ attempt, verdict, rows }: Ended, tx: Transaction): readonly StoredJob[] | undefined {
  const { claim } = attempt;
  if (!tx.isNewest(claim)) return undefined;
  // If the file was read again after the claim, a person may have edited the row or added columns.
  return claim.known?.index === tx.index
    ? rows
    : verdictRows(attempt, verdict, tx.job(attempt.id) as StoredJob);
}

/** @param error why some rows are not in the file */
function sortOut(decided: Decided, candidates: readonly Candidate[], error?: Incomplete): Result {
  const written = error && new Set(error.written);
  const isIn = ({ id }: StoredJob): boolean => written?.has(id) ?? true;
  const recorded = decided.ended.filter(({ rows }) => isIn(rows[0] as StoredJob));
  const claimed = decided.claimed.filter(({ claim }) => isIn(claim));
  const isClaimed = new Set(claimed);
  return {
    recorded: recorded.map(({ ended }) => ended),
    lost: decided.lost,
    unrecorded: decided.ended.filter(({ rows }) => !isIn(rows[0] as StoredJob)).map(({ ended }) => ended),
    owesFollowUps: !recorded.every(({ rows }) => rows.every(isIn)),
    rescued: decided.rescued.filter(({ row }) => isIn(row)),
    left: decided.left,
    claimed,
    unclaimed: candidates.filter((candidate) => !isClaimed.has(candidate)),
    crowded: decided.crowded,
    error,
  };
}
