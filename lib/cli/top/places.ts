import type { HistoryEntry } from '../../view/history.js';
import { short } from '../../view/numbers.js';
import { FAILED, type Filter } from '../../view/query.js';
import type { Snapshot } from '../../view/snapshot.js';
import type { JobColumns } from './job-rows.js';
import { NO_ROWS, type Rows } from './rows.js';
import { Selection } from './selection.js';

/** How many jobs a list has at first; it grows as a person goes down. */
export const FIRST_JOBS = 1000;
/** The most jobs that a list has. */
export const MOST_JOBS = 20_000;

/** The jobs of a list. */
export interface Wanted {
  readonly filter: Filter;
  readonly order: 'newest' | 'first';
  readonly columns: JobColumns;
}

/** A list on the screen. */
export interface ListPlace {
  readonly kind: 'types' | 'errors' | 'jobs';
  /** The view that it belongs to. */
  readonly tab: number;
  /** What it has, if it isn't a whole view. */
  readonly title: string;
  /** Undefined for types and errors. */
  readonly wanted: Wanted | undefined;
  readonly selection: Selection;
  /** True if it was opened for its text. */
  readonly isOfSearch: boolean;
  /** Only jobs with this text. */
  text: string;
  limit: number;
  rows: Rows;
  /** How many jobs there are, on the screen or not. */
  total: number;
  /** True if a search has found too many. */
  hasMore: boolean;
  /** What the rows answer; undefined if there is no answer yet. */
  asked: string | undefined;
}

/** A text on the screen: a job, or help. */
export interface PagePlace {
  readonly kind: 'job' | 'help';
  readonly tab: number;
  readonly title: string;
  /** The job's id. */
  readonly id: string | undefined;
  lines: readonly string[];
  /** The job's earlier rows, and the state that it had when they were read. */
  history?: { readonly asked: string; readonly entries: readonly HistoryEntry[] };
  /** The place of the first line on the screen. */
  first: number;
}

/** What a person has opened. */
export type Place = ListPlace | PagePlace;

export const isList = (place: Place): place is ListPlace => 'selection' in place;

/** Makes a list that has no rows yet. */
const listOf = (kind: ListPlace['kind'], tab: number, wanted?: Wanted, title: string = ''): ListPlace => ({
  ...{ kind, tab, title, wanted, selection: new Selection(), isOfSearch: false, text: '' },
  ...{ limit: FIRST_JOBS, rows: NO_ROWS, total: 0, hasMore: false, asked: undefined },
});

const EVERYTHING: Wanted = { filter: {}, order: 'newest', columns: 'all' };

/** One of the six views. */
interface Tab {
  readonly name: string;
  /** Returns how many rows it has. */
  readonly count: (snapshot: Snapshot) => string;
  readonly open: () => ListPlace;
}

export const TABS: readonly Tab[] = [
  { name: 'Types', count: ({ types }) => short(types.length), open: () => listOf('types', 0) },
  {
    name: 'Running',
    count: ({ counts }) => short(counts.processing),
    open: () => listOf('jobs', 1, { filter: { states: ['processing'] }, order: 'first', columns: 'running' }),
  },
  {
    name: 'Waiting',
    count: ({ counts }) => short(counts.pending + counts.waiting),
    open: () =>
      listOf('jobs', 2, { filter: { states: ['pending', 'waiting'] }, order: 'first', columns: 'waiting' }),
  },
  {
    name: 'Failed',
    count: ({ counts }) => short(counts.failed - counts.dismissed),
    open: () => listOf('jobs', 3, { filter: FAILED, order: 'newest', columns: 'failed' }),
  },
  { name: 'Errors', count: ({ failures }) => short(failures.length), open: () => listOf('errors', 4) },
  { name: 'All', count: ({ total }) => short(total), open: () => listOf('jobs', 5, EVERYTHING) },
];

/** Returns the list of the jobs of a type. */
export const ofType = (type: string, tab: number): ListPlace =>
  listOf('jobs', tab, { ...EVERYTHING, filter: { type } }, `jobs of type ${type}`);

/** Returns the list of the failed jobs of an error group. */
export const ofGroup = (group: string, text: string, tab: number): ListPlace =>
  listOf(
    'jobs',
    tab,
    { filter: { ...FAILED, group }, order: 'newest', columns: 'failed' },
    `failed with: ${text}`,
  );

/** Returns the list of all jobs with a text. */
export const withText = (text: string, tab: number): ListPlace => ({
  ...listOf('jobs', tab, EVERYTHING, 'all jobs'),
  isOfSearch: true,
  text,
});

/** Returns the page of a job. */
export const ofJob = (id: string, tab: number): PagePlace => ({
  ...{ kind: 'job', tab, title: `job ${id}`, id, lines: [], first: 0 },
});
