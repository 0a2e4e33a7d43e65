import TinyQueue from 'tinyqueue';
import { JOB_STATUSES, type Status } from '../job/job.js';
import type { Board } from './board.js';

/** A state of jobs, as views tell them apart: `due`, `later` and `retrying` are pending jobs. */
export type State = Status | 'due' | 'later' | 'retrying';

/** The jobs that a view asks for. A property that is left out allows all. */
export interface Filter {
  /** Default: all jobs; schedules are none. */
  readonly states?: readonly State[];
  readonly type?: string;
  /** The id of an error group. */
  readonly group?: string;
  readonly isDismissed?: boolean;
  /** Only jobs that ended, started or were added no later than at this time, in ms since 1970. */
  readonly until?: number;
}

/** The failed jobs that no person has dealt with. */
export const FAILED = { states: ['failed'], isDismissed: false } as const satisfies Filter;

/** Where a page ended: the next one begins after it. */
export interface Cursor {
  readonly time: number;
  readonly key: number;
}

/** Which part of the jobs a view asks for. */
export interface PageOptions {
  /** How many jobs the page has at most. */
  readonly limit: number;
  /** The `next` of the page before. Default: the first page. */
  readonly after?: Cursor | undefined;
  /**
   * `newest`: those that ended, started or were added last come first. `first`: those that have been due, or have run,
   * for longest come first, then those that are due next. Default: newest
   */
  readonly order?: 'newest' | 'first';
  /** Now, in ms since 1970. */
  readonly now: number;
  /** If given, only these jobs: those that a search has found. */
  readonly among?: readonly number[] | undefined;
}

/** A part of the jobs that a filter allows. */
export interface Page {
  /** The keys of the jobs, in order. */
  readonly keys: readonly number[];
  /** How many jobs the filter allows, on all pages. */
  readonly total: number;
  /** Undefined on the last page. */
  readonly next: Cursor | undefined;
}

/** Answers a filter, by one pass over a board. */
export function query(board: Board, filter: Filter, options: PageOptions): Page {
  const { limit, after, order = 'newest', among } = options;
  const isAllowed = matcher(board, filter, options.now);
  const timeOf = order === 'newest' ? lastTime : firstTime;
  const sign = order === 'newest' ? -1 : 1;
  // Negative if the job comes before the cursor.
  const compare = (time: number, key: number, to: Cursor): number => sign * (time - to.time || key - to.key);
  // The last job of the page is on top, because a better one replaces it.
  const page = new TinyQueue<Cursor>([], (a, b) => compare(b.time, b.key, a));
  let total = 0;
  let isCut = false;
  eachKey(board, filter, among, (key) => {
    if (!isAllowed(key)) return;
    total++;
    const last = timeOf(board, key);
    const time = Number.isFinite(last) ? last : 0;
    if (after !== undefined && compare(time, key, after) <= 0) return;
    // Most jobs of a large queue end here, so they make no objects.
    if (page.length >= limit) {
      isCut = true;
      const worst = page.peek();
      if (worst === undefined || compare(time, key, worst) > 0) return;
      page.pop();
    }
    page.push({ time, key });
  });
  const places: Cursor[] = [];
  while (page.length > 0) places.push(page.pop() as Cursor);
  return {
    keys: places.map(({ key }) => key).reverse(),
    total,
    next: isCut ? places[0] : undefined,
  };
}

const PENDING: readonly State[] = ['pending', 'due', 'later', 'retrying'];

/** Calls `visit` for the keys that the filter may allow. The newest come first, so that few replace others on a page. */
function eachKey(
  { pending, running, failed, size }: Board,
  { states = [] }: Filter,
  among: readonly number[] | undefined,
  visit: (key: number) => void,
): void {
  const areAll = (some: readonly State[]): boolean =>
    states.length > 0 && states.every((state) => some.includes(state));
  if (among !== undefined) among.forEach(visit);
  else if (areAll(PENDING)) pending.forEach(visit);
  else if (areAll(['processing'])) running.forEach(visit);
  else if (areAll(['failed'])) failed.forEach(visit);
  else for (let key = size - 1; key >= 0; key--) visit(key);
}

/** Returns what tells if a filter allows a job. */
function matcher(
  board: Board,
  { states = JOB_STATUSES, type, group, isDismissed, until }: Filter,
  now: number,
): (key: number) => boolean {
  const wanted = new Set(states);
  const typeBoard = type === undefined ? undefined : board.types.find(({ name }) => name === type);
  if (type !== undefined && typeBoard === undefined) return () => false;
  const groupNumber = group === undefined ? undefined : board.groups.find(group);
  if (group !== undefined && groupNumber === undefined) return () => false;
  return (key) => {
    const status = board.status(key);
    if (status === undefined) return false;
    if (!wanted.has(status) && !(status === 'pending' && wanted.has(board.pendingState(key, now))))
      return false;
    if (typeBoard !== undefined && board.type(key) !== typeBoard) return false;
    if (groupNumber !== undefined && board.group(key) !== groupNumber) return false;
    if (until !== undefined && lastTime(board, key) > until) return false;
    return isDismissed === undefined || board.isDismissed(key) === isDismissed;
  };
}

/** When the job ended, or else started, or else was added. */
function lastTime(board: Board, key: number): number {
  if (board.finishedAt(key) > 0) return board.finishedAt(key);
  return board.startedAt(key) > 0 ? board.startedAt(key) : board.createdAt(key);
}

/** When the job's turn is, or was. */
const firstTime = (board: Board, key: number): number =>
  board.status(key) === 'processing' ? board.startedAt(key) : board.runAt(key);

/** A filter of jobs, and a text that they must have. */
export interface TextFilter extends Filter {
  /** In the id, type, payload, error, result, key, group or labels; upper and lower case apart. Empty: any. */
  readonly text?: string;
}

/** A part of the jobs that a filter allows. */
export interface FoundPage extends Page {
  /** True if more jobs have the text than a search finds, so that some are missing. */
  readonly hasMore: boolean;
}
