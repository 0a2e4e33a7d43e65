import { TsvqError } from '../job/errors.js';
import { CHANGES, changeAll, retryWithin } from '../view/changes.js';
import type { State, TextFilter } from '../view/query.js';
import type { View } from '../view/view.js';
import type { Asked } from './asked.js';
import type { Action } from './options.js';

/** The changes of jobs that a visitor may ask for. */
export type ChangeName = keyof typeof CHANGES;

export const isChangeName = (name: string): name is ChangeName => Object.hasOwn(CHANGES, name);

/** The most jobs that one request changes. A person asks again for the rest. */
export const MOST_CHANGED = 10_000;

/** The states that allow a change. For a job that is due, a promotion changes nothing. */
const ALLOWED: Readonly<Record<ChangeName, readonly State[]>> = {
  retry: ['failed', 'cancelled'],
  dismiss: ['failed'],
  promote: ['later', 'retrying'],
  cancel: ['due', 'later', 'retrying', 'waiting', 'processing'],
};

/** Returns states with `pending` taken apart. */
export const apart = (states: readonly State[]): State[] =>
  states.flatMap((state): State[] => (state === 'pending' ? ['due', 'later', 'retrying'] : [state]));

/** Returns the changes that jobs in some of these states allow. */
export const changesFor = (states: readonly State[]): ChangeName[] =>
  (Object.keys(ALLOWED) as ChangeName[]).filter((name) =>
    apart(states).some((state) => ALLOWED[name].includes(state)),
  );

/** The jobs that a filter names and a change is for. */
export interface Chosen {
  /** At most {@link MOST_CHANGED}. */
  readonly ids: readonly string[];
  /** How many there are in all, with those beyond that limit. */
  readonly total: number;
  /** How many of `ids` there are of each type. */
  readonly types: ReadonlyMap<string, number>;
}

/** Finds the jobs that a filter names, as far as a change is for them. @param most how many of them it lists */
export async function choose(
  asked: Asked,
  name: ChangeName,
  filter: TextFilter,
  most: number = MOST_CHANGED,
): Promise<Chosen> {
  const { view, look } = await asked.look();
  const now = look.snapshot.at.getTime();
  const wanted: TextFilter = {
    ...filter,
    states: apart(filter.states ?? CHANGES[name].states).filter((state) => ALLOWED[name].includes(state)),
    // A person has dealt with those that are dismissed.
    ...((name === 'retry' || name === 'dismiss') && { isDismissed: filter.isDismissed ?? false }),
  };
  const { keys, total, hasMore } = await view.query(wanted, { limit: most, now, order: 'first' });
  // A list only counts them, and says so itself.
  if (hasMore && most > 0)
    throw new TsvqError(
      'INVALID_ARGUMENT',
      `more jobs than a search finds have the text ${JSON.stringify(filter.text)}, so some would be left out; search for a longer one`,
    );
  return { ids: await view.ids(keys), types: view.typesOf(keys), total };
}

/** Returns the keys of jobs, without those that are not there. */
export const keysOf = (view: View, ids: readonly string[]): number[] =>
  ids.map((id) => view.keyOf(id)).filter((key) => key !== undefined);

/** What came of a change. */
export interface Outcome {
  readonly changed: number;
  /** How many were in no state for it by then. */
  readonly left: number;
  /** Why one of them could not be changed, if another job has its key, say. */
  readonly refusal: string | undefined;
}

/** What a change may need besides. */
export interface ActOptions {
  /** The time within which retried jobs become due, one after another, in ms. Default: all are due at once. */
  readonly within?: number;
  /** Gets the id of each job as it is changed, so that a caller knows them if an error ends the change. */
  readonly changed?: string[];
}

/** Changes jobs, and tells the app who did it. */
export async function act(
  asked: Asked,
  name: ChangeName,
  ids: readonly string[],
  request: Request,
  { within = 0, changed = [] }: ActOptions = {},
): Promise<Outcome> {
  const change = name === 'retry' ? retryWithin(within) : CHANGES[name];
  try {
    const { refusal } = await changeAll(asked.queue, ids, {
      ...change,
      apply: async (queue, id, place) => {
        // To cancel a schedule is to remove it, which is not offered here.
        const isSchedule = name === 'cancel' && (await queue.getJob(id))?.status === 'recurring';
        const isChanged = !isSchedule && (await change.apply(queue, id, place));
        if (isChanged) changed.push(id);
        return isChanged;
      },
    });
    return {
      changed: changed.length,
      left: ids.length - changed.length,
      refusal: refusal && refusalText(asked, refusal),
    };
  } finally {
    tell(asked, { action: name, of: ids, changed: changed.length, request });
  }
}

/** Says why a job could not be changed, without the key that may be hidden. */
const refusalText = ({ settings }: Asked, { code, message, existing }: TsvqError): string =>
  settings.redact !== undefined && code === 'DUPLICATE_JOB'
    ? `another job, ${existing.join(', ')}, waits or runs with its key`
    : message;

/** Tells the app what was done, and by whom. */
export function tell(
  { settings, visitor: { user } }: Asked,
  action: Pick<Action, 'action' | 'of' | 'changed' | 'request'>,
): void {
  settings.onAction({ ...action, user, at: new Date() });
}
