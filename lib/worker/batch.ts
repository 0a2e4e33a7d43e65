import type { ResolvedWorkerOptions } from '../options.js';
import type { Store } from '../store/store.js';
import type { Draft, View } from '../store/view.js';
import type { Row } from '../tsv/row.js';
import type { Attempt } from './attempt.js';
import { type Candidate, claimRow, otherWorkers } from './claim.js';
import { type Verdict, verdictRows } from './outcome.js';
import { type Rescued, rescueRows } from './rescue.js';

/** An attempt that ended, and what becomes of its job. */
export interface Ended {
  readonly attempt: Attempt;
  readonly verdict: Verdict;
}

/** What a worker wants of its next commit. */
export interface Plan {
  readonly ended: readonly Ended[];
  readonly candidates: readonly Candidate[];
  readonly rescue: boolean;
  /** Its first commit: if too many others are at work, it claims nothing. */
  readonly first: boolean;
}

/** What came of it. */
export interface Result {
  readonly recorded: Ended[];
  /** No longer this worker's: cancelled, or taken for dead. */
  readonly lost: Ended[];
  /** Not written; to be tried again. */
  readonly unrecorded: Ended[];
  readonly rescued: Rescued[];
  readonly claimed: { candidate: Candidate; row: Row }[];
  readonly unclaimed: Candidate[];
  readonly crowded: boolean;
  /** Why some of it was not written. */
  readonly error: unknown;
}

/** One thing of a plan, with the rows that bring it about; none if they are in already. */
type Item = { drafts: readonly Draft[] } & (
  | { ended: Ended }
  | { rescued: Rescued }
  | { candidate: Candidate; row: Row }
);

/** Records what has ended, takes jobs from the dead and claims new ones, in one commit. */
export async function commitBatch(
  store: Store,
  owner: string,
  options: ResolvedWorkerOptions,
  plan: Plan,
): Promise<Result> {
  let items: Item[] = [];
  let lost: Ended[] = [];
  let crowded = false;
  const { written, error } = await store.commit('open', (view, round) => {
    const before = round > 0 ? items : [];
    items = [];
    lost = [];
    for (const ended of plan.ended) {
      const drafts = recordRows(ended, view, before);
      if (drafts === undefined) lost.push(ended);
      else items.push({ ended, drafts });
    }
    crowded = plan.first && otherWorkers(store, view, owner) >= options.maxWorkers;
    if (!crowded) {
      if (plan.rescue) {
        for (const rescued of rescueRows(store, view, owner, options))
          items.push({ rescued, drafts: [rescued] });
      }
      for (const candidate of plan.candidates) {
        const claim = claimOne(candidate, owner, view, before);
        if (claim !== undefined) items.push(claim);
      }
    }
    return items.flatMap(({ drafts }) => drafts);
  });
  return sortOut(items, written, { plan, lost, crowded, error });
}

/** @returns undefined if the job is no longer this worker's */
function recordRows({ attempt, verdict }: Ended, view: View, before: readonly Item[]): Draft[] | undefined {
  const state = view.state(attempt.id, attempt.known);
  // Finish only what is still ours: it may have been cancelled, or taken for dead. The version of the claim tells.
  if (state?.version === attempt.version && state.status === 'processing')
    return verdictRows(attempt, verdict, view);
  // The commit started over, and its first round is in the file.
  const tried = before.some((item) => 'ended' in item && item.ended.attempt === attempt);
  const isIn = state?.version === attempt.version + 1 && state.status === verdict.change.status;
  return tried && isIn ? [] : undefined;
}

function claimOne(
  candidate: Candidate,
  owner: string,
  view: View,
  before: readonly Item[],
): Item | undefined {
  const tried = before.some((item) => 'candidate' in item && item.candidate === candidate);
  const row = tried ? view.row(candidate.id) : undefined;
  // The commit started over: whose claim stands, the file says.
  if (row?.[view.layout.at.locked_by] === owner && row[view.layout.at.status] === 'processing') {
    return { candidate, row, drafts: [] };
  }
  const claim = claimRow(candidate, owner, view);
  return (
    claim && { candidate, row: claim, drafts: [{ id: candidate.id, row: claim, known: candidate.known }] }
  );
}

function sortOut(
  items: readonly Item[],
  written: number,
  { plan, lost, crowded, error }: { plan: Plan; lost: Ended[]; crowded: boolean; error: unknown },
): Result {
  const result: Result = {
    recorded: [],
    lost,
    unrecorded: [],
    rescued: [],
    claimed: [],
    unclaimed: [],
    crowded,
    error,
  };
  const claimed = new Set<Candidate>();
  let position = 0;
  for (const item of items) {
    // A completion whose follow-ups were cut off is in: its row carries them.
    const isIn = item.drafts.length === 0 || position < written;
    position += item.drafts.length;
    if ('ended' in item) (isIn ? result.recorded : result.unrecorded).push(item.ended);
    else if (!isIn) continue;
    else if ('rescued' in item) result.rescued.push(item.rescued);
    else {
      claimed.add(item.candidate);
      result.claimed.push(item);
    }
  }
  if (claimed.size < plan.candidates.length) {
    result.unclaimed.push(...plan.candidates.filter((candidate) => !claimed.has(candidate)));
  }
  return result;
}
