import { Admissions } from '../admission/admission.js';
import { ClaimView } from '../admission/claim-view.js';
import type { WorkerFacts } from '../admission/worker-facts.js';
import { type Rescued, rescueRows } from '../chores/rescue.js';
import type { Transaction } from '../commit/transaction.js';
import { Incomplete } from '../commit/update.js';
import type { StoredJob } from '../format/stored-job.js';
import type { JobIndex } from '../index/job-index.js';
import { withoutDuplicates } from '../joins/unique.js';
import type { Store } from '../store.js';
import type { ClaimedJob } from './claimed-job.js';
import { verdictRows } from './outcome.js';
import { type Candidate, claimOf, isUnchanged } from './pick.js';
import type { Verdict } from './verdict.js';

/** An attempt that ended, with its job's next state. */
export interface Ended {
  readonly attempt: ClaimedJob;
  readonly verdict: Verdict;
  /** The rows that record it, made while the previous commit waited for the disk. */
  readonly rows: readonly StoredJob[];
}

/** A worker's plan for its next commit. */
export interface Plan {
  readonly ended: readonly Ended[];
  readonly candidates: readonly Candidate[];
  /** Picks up to `limit` jobs from the index to replace candidates that another worker took. */
  readonly pickMore: (index: JobIndex, limit: number, admissions: Admissions) => Candidate[];
  readonly rescue: boolean;
  /** True if the worker knows that it has claimed the job. A claim whose commit failed may be in the file, too. */
  readonly holds: (id: string) => boolean;
  /** False once the worker was told to stop. Called under the lock, because the wait may be long. */
  readonly mayClaim: () => boolean;
  /** True if the worker has a place; see {@link ClaimView}. */
  readonly hasPlace: boolean;
  readonly mostLimited: number;
}

/** The result of claiming. */
interface Claiming {
  claimed: Candidate[];
  /** True if jobs wait because `maxWorkers` others are at work. */
  isCrowdedOut: boolean;
  /** True if the worker is one too many, and claimed types that no other runs. */
  isExtra: boolean;
}

/** The result of a {@link Plan}. */
export interface Result extends Claiming {
  readonly recorded: Ended[];
  /** Endings whose job was cancelled, or rescued by another worker. */
  readonly lost: Ended[];
  /** Endings to write again. */
  readonly unrecorded: Ended[];
  readonly rescued: Rescued[];
  /** Types of dead workers' jobs that wait for a worker with a handler. */
  readonly left: string[];
  readonly unclaimed: Candidate[];
  /** The error if some rows were not written. */
  readonly error: unknown;
}

/** The decisions of one try of a commit. */
interface Decided extends Claiming {
  ended: { ended: Ended; rows: readonly StoredJob[] }[];
  lost: Ended[];
  rescued: Rescued[];
  left: string[];
}

/**
 * One turn of a worker: one commit that records ended attempts, rescues jobs of dead workers and claims new
 * ones.
 */
export class Turn {
  readonly #store: Store;
  readonly #worker: WorkerFacts;
  readonly #plan: Plan;
  #candidates: readonly Candidate[];
  #isFirstTry = true;
  /** The candidates with limits that were admitted in an earlier try, and whose starts are written. */
  readonly #started = new Set<Candidate>();
  #last: Decided | undefined;

  constructor(store: Store, worker: WorkerFacts, plan: Plan) {
    this.#store = store;
    this.#worker = worker;
    this.#plan = plan;
    this.#candidates = plan.candidates;
  }

  /** @throws TsvqError if nothing was written; if some rows were, {@link Result.error} says why the others were not */
  async commit(): Promise<Result> {
    try {
      return this.#sortOut(await this.#store.update('open', (tx) => this.#decide(tx)));
    } catch (error) {
      if (!(error instanceof Incomplete) || this.#last === undefined) throw error;
      return this.#sortOut(this.#last, error);
    }
  }

  #decide(tx: Transaction): Decided {
    const claiming: Claiming = { claimed: [], isCrowdedOut: false, isExtra: false };
    const decided: Decided = { ended: [], lost: [], rescued: [], left: [], ...claiming };
    this.#last = decided;
    for (const ended of this.#plan.ended) {
      const rows = rowsOf(ended, tx);
      if (rows === undefined) decided.lost.push(ended);
      else {
        decided.ended.push({ ended, rows });
        for (const row of rows) tx.put(row);
      }
    }
    if (this.#plan.rescue) {
      const { owner, types } = this.#worker;
      const holds = (id: string): boolean => this.#plan.holds(id) || tx.written(id) !== undefined;
      Object.assign(decided, rescueRows(this.#store, tx, { owner, types, holds }));
      for (const { rows } of decided.rescued) for (const row of rows) tx.put(row);
    }
    if (this.#candidates.length > 0) this.#claim(tx, decided);
    this.#isFirstTry = false;
    return decided;
  }

  #claim(tx: Transaction, claiming: Claiming): void {
    const { mayClaim, pickMore } = this.#plan;
    const admissions = this.#admissions(tx);
    const claimAll = (candidates: readonly Candidate[]): Candidate[] =>
      candidates.map((candidate) => {
        // Not by its id, because a job that changed between pick and lock may be a candidate twice.
        const isWritten = tx.written(candidate.id) === candidate.claim;
        const hasStart = this.#started.has(candidate);
        if (!isWritten && !(mayClaim() && isFree(candidate, tx, admissions, hasStart))) return candidate;
        // The index has the claims that are written, but not those of an earlier try that are not.
        const claimed = isWritten ? candidate : this.#start(candidate, admissions, hasStart);
        claiming.claimed.push(claimed);
        return claimed;
      });
    this.#candidates = claimAll(this.#candidates);
    const taken = this.#candidates.length - claiming.claimed.length;
    // A later try would pick the same candidates again, because their claims may be in the file.
    if (this.#isFirstTry && taken > 0 && mayClaim()) {
      // Several workers pick the same jobs first. Under the lock, all their claims are known.
      const claimed = new Set(claiming.claimed.map(({ id }) => id));
      for (const { id } of tx.rows) claimed.add(id);
      // If the file was replaced after the pick, pickMore may return a claimed job.
      const more = pickMore(tx.index, taken, admissions).filter(({ id }) => !claimed.has(id));
      this.#candidates = this.#candidates.concat(claimAll(more));
    }
    claiming.claimed = this.#saveStarts(claiming.claimed, admissions);
    for (const { claim } of claiming.claimed) tx.put(claim);
    claiming.isCrowdedOut = admissions.isCrowdedOut;
    claiming.isExtra = admissions.view.isCrowded;
  }

  #admissions(tx: Transaction): Admissions {
    // If a claim of an earlier try is in the file, the worker already works.
    const isAtWork = this.#candidates.some(({ id }) => tx.written(id) !== undefined);
    const { hasPlace, mostLimited } = this.#plan;
    const look = {
      ...{ index: tx.index, now: tx.now, mostLimited },
      hasPlace: hasPlace || isAtWork,
      running: () => tx.running(),
      changes: () => tx.commitRows(),
    };
    return new Admissions(new ClaimView(this.#worker, look));
  }

  /** Returns a candidate as it is claimed. With a limit it starts now, and not when it was picked. */
  #start(candidate: Candidate, { limits, view, isLimited }: Admissions, hasStart: boolean): Candidate {
    const job = candidate.claim.from as StoredJob;
    if (!isLimited(job.type)) return candidate;
    limits.start(job);
    if (hasStart) return candidate;
    return { ...candidate, claim: claimOf(job, this.#worker, view.now) };
  }

  /**
   * Writes the new starts, before their claims: a crash in between wastes them, and never allows one too many.
   *
   * @returns the jobs to claim: without those starts if they can't be written. The next pick reports why
   */
  #saveStarts(claimed: Candidate[], { limits, isLimited }: Admissions): Candidate[] {
    const starts = claimed.filter(
      (candidate) => isLimited(candidate.claim.type) && !this.#started.has(candidate),
    );
    try {
      limits.save(starts.map(({ claim }) => claim));
    } catch {
      return claimed.filter((candidate) => !starts.includes(candidate));
    }
    for (const candidate of starts) this.#started.add(candidate);
    return claimed;
  }

  /** Returns the result of the last try. @param error why some rows are not in the file */
  #sortOut(decided: Decided, error?: Incomplete): Result {
    const written = error && new Set(error.written);
    const isIn = ({ id }: StoredJob): boolean => written?.has(id) ?? true;
    const recorded = decided.ended.filter(({ rows }) => isIn(rows[0] as StoredJob));
    const claimed = decided.claimed.filter(({ claim }) => isIn(claim));
    const isClaimed = new Set(claimed);
    return {
      ...decided,
      recorded: recorded.map(({ ended }) => ended),
      unrecorded: decided.ended.filter(({ rows }) => !isIn(rows[0] as StoredJob)).map(({ ended }) => ended),
      rescued: decided.rescued.filter(({ rows }) => isIn(rows[0])),
      claimed,
      unclaimed: this.#candidates.filter((candidate) => !isClaimed.has(candidate)),
      error,
    };
  }
}

/** True if a candidate may still be claimed. */
function isFree(candidate: Candidate, tx: Transaction, admissions: Admissions, hasStart: boolean): boolean {
  if (!isUnchanged(candidate, tx)) return false;
  const admission = admissions.of(candidate.claim.from as StoredJob, hasStart);
  return admission === 'start' || (admission === 'alone' && candidate.isLone);
}

/**
 * Returns the rows that record an ending.
 *
 * @returns undefined if the claim is superseded, because the job was cancelled, or rescued by another worker
 */
function rowsOf({ attempt, verdict, rows }: Ended, tx: Transaction): readonly StoredJob[] | undefined {
  const { claim } = attempt;
  if (!tx.isNewest(claim)) return undefined;
  // If the file was read again after the claim, a person may have edited the row or added columns.
  const isSame = claim.known?.index === tx.index;
  if (isSame && !attempt.hasKeyedFollowUps) return rows;
  const newest = isSame ? claim : (tx.job(attempt.id) as StoredJob);
  return verdictRows(attempt, verdict, newest, withoutDuplicates(tx, attempt.id, verdict.followUps ?? []));
}
