import type { ResolvedWorkerOptions } from '../../job/options.js';
import { type Rescued, rescueRows } from '../chores/rescue.js';
import type { Draft, View } from '../commit/view.js';
import type { Layout } from '../format/columns.js';
import type { Row } from '../format/row.js';
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
  readonly drafts: readonly Draft[];
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
  owesFollowUps: boolean;
  readonly rescued: Rescued[];
  /** Types of jobs of the dead that wait for a worker with a handler for them. */
  readonly left: string[];
  readonly claimed: { candidate: Candidate; row: Row; layout: Layout }[];
  readonly unclaimed: Candidate[];
  readonly crowded: boolean;
  /** Why some of it was not written. */
  readonly error: unknown;
}

/** One thing of a plan, the rows of the commit that are for it, and whether it is in the file already. */
type Item = { drafts: readonly Draft[]; isIn: boolean } & (
  | { ended: Ended }
  | { rescued: Rescued }
  | { candidate: Candidate; row: Row; layout: Layout }
);

/**
 * Records what has ended, takes jobs from the dead and claims new ones, in one commit. Each round decides anew what goes
 * in, and goes by what the round before has decided to know which of its rows may be in the file already; only the
 * candidates are kept, with those that the first round has picked in place of others.
 */
export async function commitBatch(
  store: Store,
  owner: string,
  options: ResolvedWorkerOptions,
  plan: Plan,
): Promise<Result> {
  let items: Item[] = [];
  let candidates = plan.candidates;
  let lost: Ended[] = [];
  let crowded = false;
  let left: string[] = [];
  const { drafts, written, error } = await store.commit('open', (view, round) => {
    const before = round > 0 ? items : [];
    const { layout } = view;
    items = [];
    lost = [];
    for (const ended of plan.ended) {
      const recorded = record(ended, view, before);
      if (recorded === undefined) lost.push(ended);
      else items.push({ ended, ...recorded });
    }
    if (plan.rescue) {
      // In a commit that starts over, the claims of its first round may be in the file.
      const claiming = new Set(round > 0 ? candidates.map(({ id }) => id) : []);
      const holds = (id: string): boolean => plan.holds(id) || claiming.has(id);
      const found = rescueRows(store, view, owner, { handles: plan.handles, holds }, options);
      for (const rescued of found.rescued) items.push({ rescued, drafts: [rescued], isIn: false });
      left = found.left;
    }
    // Not where a claim of the first round is in the file: then it is at work.
    const comes = plan.comes && !candidates.some((one) => ownClaim(one, owner, view, before) !== undefined);
    crowded =
      comes &&
      candidates.length > 0 &&
      otherWorkers(store, view, owner, options.timeout) >= options.maxWorkers;
    if (crowded) return rowsOf(items);
    const claim = (candidate: Candidate): boolean => {
      const mine = round > 0 ? ownClaim(candidate, owner, view, before) : undefined;
      if (mine !== undefined) items.push({ candidate, row: mine, layout, drafts: [], isIn: true });
      else if (plan.mayClaim() && isFree(candidate, view)) {
        const { claim } = candidate;
        items.push({ candidate, row: claim.row, layout, drafts: [claim], isIn: false });
      } else return false;
      return true;
    };
    const taken = candidates.filter((candidate) => !claim(candidate)).length;
    if (round === 0 && taken > 0 && plan.mayClaim()) {
      // Several workers pick from the same end. Here, all that others have claimed and changed is known.
      const claimed = new Set(rowsOf(items).map(({ id }) => id));
      // Where the file was replaced since they were picked, the same job may come again.
      const more = plan.pickMore(view.index, taken).filter(({ id }) => !claimed.has(id));
      candidates = candidates.concat(more);
      more.forEach(claim);
    }
    return rowsOf(items);
  });
  const missing = new Set(drafts.slice(written));
  return sortOut(items, missing, candidates, { lost, left, crowded, error });
}

const rowsOf = (items: readonly Item[]): Draft[] => items.flatMap(({ drafts }) => drafts);

/**
 * The rows that record an ending, and whether the ending itself is in already.
 *
 * @returns undefined if the job is no longer this worker's
 */
function record(
  { attempt, verdict, drafts }: Ended,
  view: View,
  before: readonly Item[],
): Pick<Item, 'drafts' | 'isIn'> | undefined {
  const { id, version } = attempt;
  // The commit started over: of its first round any row may be in the file, and another before it glued or cut off.
  const tried = before.some((item) => 'ended' in item && item.ended.attempt === attempt);
  const missing = (rows: readonly Draft[]): Draft[] => rows.slice(1).filter((row) => !view.hasSeen(row.id));
  // Finish only what is still ours: it may have been cancelled, or taken for dead. The version of the claim tells.
  if (view.isStill(id, version, 'processing', attempt)) {
    // Where the file was read anew since the claim, somebody may have edited the row, or given it new columns.
    const isKnown = view.index === attempt.index;
    const rows = isKnown ? drafts : verdictRows(attempt, verdict, view.row(id) as Row, view.layout);
    return { drafts: tried ? [rows[0] as Draft, ...missing(rows)] : rows, isIn: false };
  }
  if (!tried || !view.isStill(id, version + 1, verdict.change.status, attempt)) return undefined;
  return { drafts: missing(drafts), isIn: true };
}

/** The claim row of a commit that started over, if it is in the file: whose claim stands, the file says. */
function ownClaim(candidate: Candidate, owner: string, view: View, before: readonly Item[]): Row | undefined {
  if (!before.some((item) => 'candidate' in item && item.candidate === candidate)) return undefined;
  const { at } = view.layout;
  const row = view.row(candidate.id);
  return row?.[at.locked_by] === owner && row[at.status] === 'processing' ? row : undefined;
}

function sortOut(
  items: readonly Item[],
  missing: ReadonlySet<Draft>,
  candidates: readonly Candidate[],
  rest: Pick<Result, 'lost' | 'left' | 'crowded' | 'error'>,
): Result {
  const result: Result = {
    ...rest,
    recorded: [],
    unrecorded: [],
    owesFollowUps: false,
    rescued: [],
    claimed: [],
    unclaimed: [],
  };
  for (const item of items) {
    const isIn = item.isIn || !missing.has(item.drafts[0] as Draft);
    if ('ended' in item) {
      (isIn ? result.recorded : result.unrecorded).push(item.ended);
      if (isIn && item.drafts.some((draft) => missing.has(draft))) result.owesFollowUps = true;
    } else if (!isIn) continue;
    else if ('rescued' in item) result.rescued.push(item.rescued);
    else result.claimed.push(item);
  }
  if (result.claimed.length < candidates.length) {
    const claimed = new Set(result.claimed.map(({ candidate }) => candidate));
    result.unclaimed.push(...candidates.filter((candidate) => !claimed.has(candidate)));
  }
  return result;
}
