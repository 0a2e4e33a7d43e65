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

/** An attempt that ended, and what becomes of its job. */
export interface Ended {
  readonly attempt: Attempt;
  readonly verdict: Verdict;
  /** The rows that record it, made while the commit before waited for the disk. */
  readonly rows: readonly StoredJob[];
}

/** What a worker wants of its next commit. */
export interface Plan {
  readonly ended: readonly Ended[];
  readonly candidates: readonly Candidate[];
  /** Picks as many others from the index in place of candidates that somebody else has taken. */
  readonly pickMore: (index: JobIndex, most: number) => Candidate[];
  readonly rescue: boolean;
  /** Whether the worker has a handler for a type. */
  readonly handles: (type: string) => boolean;
  /** Whether the worker knows that it has this job: a claim whose commit failed may stand in the file all the same. */
  readonly holds: (id: string) => boolean;
  /** Asked under the lock, which may have been waited for: false once it was told to stop. */
  readonly mayClaim: () => boolean;
  /** It holds nothing so far: if too many others are at work, it claims nothing. */
  readonly comes: boolean;
}

/** What came of it. */
export interface Result {
  readonly recorded: Ended[];
  /** No longer this worker's: cancelled, or taken for dead. */
  readonly lost: Ended[];
  /** Not written; to be tried again. */
  readonly unrecorded: Ended[];
  /** Follow-ups were cut off a completion that is in. It carries them: the next compaction makes them. */
  readonly owesFollowUps: boolean;
  readonly rescued: Rescued[];
  /** Types of jobs of the dead that wait for a worker with a handler for them. */
  readonly left: string[];
  readonly claimed: { candidate: Candidate; claim: StoredJob }[];
  readonly unclaimed: Candidate[];
  readonly crowded: boolean;
  /** Why some of it was not written. */
  readonly error: unknown;
}

/** What a plan has come to, in the last try of its commit. */
interface Decided {
  ended: { ended: Ended; rows: readonly StoredJob[] }[];
  lost: Ended[];
  rescued: Rescued[];
  left: string[];
  claimed: { candidate: Candidate; claim: StoredJob }[];
  crowded: boolean;
}

/**
 * Records what has ended, takes jobs from the dead and claims new ones, in one commit.
 *
 * @throws TsvqError where nothing was written; where a part was, {@link Result.error} says why the rest was not
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
    // Not where a claim of an earlier try is in the file: then it is at work.
    const comes = plan.comes && !candidates.some(({ id }) => tx.written(id) !== undefined);
    decided.crowded =
      comes && candidates.length > 0 && otherWorkers(store, tx, owner, options.timeout) >= options.maxWorkers;
    if (decided.crowded) return decided;
    const claim = (candidate: Candidate): boolean => {
      const mine = tx.written(candidate.id);
      if (mine === undefined && !(plan.mayClaim() && isFree(candidate, tx))) return false;
      tx.put(candidate.claim);
      decided.claimed.push({ candidate, claim: mine ?? candidate.claim });
      return true;
    };
    const taken = candidates.filter((candidate) => !claim(candidate)).length;
    // In a further try, the candidates would be picked once more: their claims may be in the file.
    if (mayPickMore && taken > 0 && plan.mayClaim()) {
      // Several workers pick from the same end. Here, all that others have claimed and changed is known.
      const claimed = new Set(tx.rows.map(({ id }) => id));
      // Where the file was replaced since they were picked, the same job may come again.
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
 * The rows that record an ending.
 *
 * @returns undefined if the job is no longer this worker's: cancelled, or taken for dead. The version of the claim tells.
 */
function rowsOf({ attempt, verdict, rows }: Ended, tx: Transaction): readonly StoredJob[] | undefined {
  const { claim } = attempt;
  if (!tx.isNewest(claim)) return undefined;
  // Where the file was read again since the claim, a person may have edited the row, or given it new columns.
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
  const isClaimed = new Set(claimed.map(({ candidate }) => candidate));
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
