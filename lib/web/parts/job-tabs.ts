import { raw } from 'hono/html';
import { grouped } from '../../view/numbers.js';
import { FAILED, type State, type TextFilter } from '../../view/query.js';
import type { Snapshot } from '../../view/snapshot.js';
import type { View } from '../../view/view.js';
import { apart } from '../act.js';
import { type Html, html, NOTHING } from '../html.js';
import { writeJobQuery } from '../job-query.js';

type Counts = Snapshot['counts'];

/** A list of jobs in some states. */
export interface JobTab {
  readonly name: string;
  /** How sentences call its jobs: `No failed jobs`. */
  readonly kind: string;
  /** The states, and whether they are dismissed. */
  readonly filter: Pick<TextFilter, 'states' | 'isDismissed'>;
  readonly count: (counts: Counts) => number;
}

const ALL: JobTab = {
  name: 'All',
  kind: '',
  filter: {},
  count: ({ pending, waiting, processing, completed, failed, cancelled }) =>
    pending + waiting + processing + completed + failed + cancelled,
};

const FAILED_TAB: JobTab = {
  name: 'Failed',
  kind: 'failed',
  filter: FAILED,
  count: ({ failed, dismissed }) => failed - dismissed,
};

const TABS: readonly JobTab[] = [
  ALL,
  {
    name: 'Waiting',
    kind: 'waiting',
    filter: { states: ['pending', 'waiting'] },
    count: ({ pending, waiting }) => pending + waiting,
  },
  {
    name: 'Running',
    kind: 'running',
    filter: { states: ['processing'] },
    count: ({ processing }) => processing,
  },
  {
    name: 'Done',
    kind: 'completed',
    filter: { states: ['completed'] },
    count: ({ completed }) => completed,
  },
  FAILED_TAB,
  {
    name: 'Cancelled',
    kind: 'cancelled',
    filter: { states: ['cancelled'] },
    count: ({ cancelled }) => cancelled,
  },
];

/** Returns the tab that a filter's jobs are all in. */
export function tabOf({ states }: TextFilter): JobTab {
  if (states === undefined) return ALL;
  const wanted = apart(states);
  const holds = (tab: JobTab): boolean => {
    const own = apart(tab.filter.states ?? []);
    return wanted.every((state) => own.includes(state));
  };
  return TABS.find(holds) ?? ALL;
}

/** True if the jobs that have, or wait for, their turn for longest come first in a list. */
export const isInTurn = ({ name }: JobTab): boolean => name === 'Waiting' || name === 'Running';

/** Makes the tabs. The type and the text stay; how many jobs have them stands in each tab. */
export async function tabsPart(
  base: string,
  { type, text }: TextFilter,
  current: JobTab,
  { view, snapshot }: { readonly view: View; readonly snapshot: Snapshot },
): Promise<Html> {
  const rest: TextFilter = { ...(type !== undefined && { type }), ...(text !== undefined && { text }) };
  const ofType = snapshot.types.find(({ name }) => name === type)?.counts;
  const now = snapshot.at.getTime();
  const countOf = async (tab: JobTab): Promise<number> => {
    if (text !== undefined) return (await view.query({ ...tab.filter, ...rest }, { limit: 0, now })).total;
    if (type === undefined) return tab.count(snapshot.counts);
    return ofType === undefined ? 0 : tab.count(ofType);
  };
  const counts = await Promise.all(TABS.map(countOf));
  return html`<nav class="tabs" aria-label="States">${TABS.map((tab, i) => {
    const count = counts[i] ?? 0;
    const query = writeJobQuery({ ...tab.filter, ...rest });
    return html`<a href="${base}/jobs${query}"${tab === current ? raw(' aria-current="page"') : NOTHING}>${tab.name}<span class="count${
      tab === FAILED_TAB && count > 0 ? ' bad' : ''
    }">${grouped(count)}</span></a>`;
  })}</nav>`;
}

/** What a part of a tab's jobs is called. */
const STATE_TEXTS: Readonly<Record<State, string>> = {
  due: 'due now',
  later: 'planned for later',
  retrying: 'to be tried again',
  pending: 'due, planned or to be tried again',
  waiting: 'waiting for other jobs',
  processing: 'running',
  completed: 'done',
  failed: 'failed',
  cancelled: 'cancelled',
  recurring: 'schedules',
};

/** Says what a filter leaves out of its tab by states; undefined if it is the whole tab. */
export function statesText({ states }: TextFilter, { filter }: JobTab): string | undefined {
  const own = new Set(apart(filter.states ?? []));
  const wanted = new Set(apart(states ?? []));
  return own.size === wanted.size
    ? undefined
    : (states ?? []).map((state) => STATE_TEXTS[state]).join(' or ');
}

/** Says what a filter wants of dismissed jobs, unlike its tab; undefined if it is as in the tab. */
export function dismissedText({ isDismissed }: TextFilter, { filter }: JobTab): string | undefined {
  if (isDismissed === filter.isDismissed) return undefined;
  return isDismissed === undefined ? 'dismissed as well' : isDismissed ? 'dismissed' : 'not dismissed';
}
