import { CHANGES, changeAll } from '../view/changes.js';
import type { TextFilter } from '../view/view.js';
import type { Asked } from './asked.js';
import type { Action } from './options.js';

/** The changes of jobs that a visitor may ask for. */
export type ChangeName = keyof typeof CHANGES;

export const isChangeName = (name: string): name is ChangeName => Object.hasOwn(CHANGES, name);

/** The most jobs that one request changes. A person asks again for the rest. */
export const MOST_CHANGED = 10_000;

/** The jobs that a filter names and a change is for. */
export interface Chosen {
  /** At most {@link MOST_CHANGED}. */
  readonly ids: readonly string[];
  /** How many there are in all, with those beyond that limit. */
  readonly total: number;
}

/** Finds the jobs that a filter names, as far as a change is for them. */
export async function choose(asked: Asked, name: ChangeName, filter: TextFilter): Promise<Chosen> {
  const { view, look } = await asked.look();
  const { states } = CHANGES[name];
  const now = look.snapshot.at.getTime();
  const wanted: TextFilter = {
    ...filter,
    states: filter.states ?? states,
    // A person has dealt with those that are dismissed.
    ...((name === 'retry' || name === 'dismiss') && { isDismissed: filter.isDismissed ?? false }),
  };
  const { keys, total } = await view.query(wanted, { limit: MOST_CHANGED, now, order: 'first' });
  return { ids: await view.ids(keys), total };
}

/** What came of a change. */
export interface Outcome {
  readonly changed: number;
  /** How many were in no state for it by then. */
  readonly left: number;
  /** Why one of them could not be changed, if another job has its key, say. */
  readonly refusal: string | undefined;
}

/** Changes jobs, and tells the app who did it. */
export async function act(
  asked: Asked,
  name: ChangeName,
  ids: readonly string[],
  request: Request,
): Promise<Outcome> {
  const { changed, refusal } = await changeAll(asked.queue, ids, CHANGES[name]);
  tell(asked, { action: name, of: ids, changed, request });
  return { changed, left: ids.length - changed, refusal: refusal?.message };
}

/** Tells the app what was done, and by whom. */
export function tell(
  { settings, visitor: { user } }: Asked,
  action: Pick<Action, 'action' | 'of' | 'changed' | 'request'>,
): void {
  settings.onAction({ ...action, user, at: new Date() });
}
