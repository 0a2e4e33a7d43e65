import { CHANGES, type Change, changeAll, whyNot } from '../../view/changes.js';
import { counted } from '../../view/job-text.js';
import { FAILED } from '../../view/query.js';
import { personName } from '../person.js';
import { isList } from './places.js';
import type { Session } from './session.js';

/** A change of jobs that a key makes. */
interface KeyChange extends Change {
  readonly verb: string;
  /** The question for one job is left out if the change can be undone with another key. */
  readonly asksForOne: boolean;
}

export const KEY_CHANGES: Readonly<Record<'r' | 'c' | 'd', KeyChange>> = {
  r: { ...CHANGES.retry, verb: 'retry', asksForOne: false },
  c: { ...CHANGES.cancel, verb: 'cancel', asksForOne: true },
  d: { ...CHANGES.dismiss, verb: 'dismiss', asksForOne: false },
};

/** Changes the marked jobs, or else the chosen one, or all of the chosen error group; asks first if it is more than one. */
export async function change(session: Session, change: KeyChange): Promise<void> {
  const { ids, what } = await chosen(session);
  if (ids.length === 0) {
    session.message = `there is no job to ${change.verb} here`;
    return;
  }
  const run = (): Promise<void> => applyTo(session, ids, change);
  if (ids.length === 1 && !change.asksForOne) await run();
  else session.question = { text: `${change.verb} ${what}? y/n`, yes: run };
}

/** Returns the jobs that a change is for. */
async function chosen({ place, shown, look }: Session): Promise<{ ids: string[]; what: string }> {
  if (!isList(place)) return { ids: place.id === undefined ? [] : [place.id], what: `job ${place.id}` };
  const { selection, rows, kind } = place;
  if (kind === 'types') return { ids: [], what: '' };
  const id = rows.idAt(selection.index);
  if (kind === 'jobs') {
    const ids = selection.marks.size > 0 ? [...selection.marks] : id === undefined ? [] : [id];
    return { ids, what: ids.length === 1 ? `job ${ids[0]}` : `${ids.length} jobs` };
  }
  const group = look?.snapshot.failures.find((one) => one.id === id);
  if (group === undefined) return { ids: [], what: '' };
  const filter = { ...FAILED, group: group.id };
  const page = await shown.view.query(filter, { limit: Number.POSITIVE_INFINITY, now: Date.now() });
  const ids = await shown.view.ids(page.keys);
  return { ids, what: `${ids.length === 1 ? 'the job' : `all ${ids.length} jobs`} with: ${group.text}` };
}

/** Applies a change, and says what came of it. */
async function applyTo(session: Session, ids: readonly string[], change: KeyChange): Promise<void> {
  const { queue } = session.shown;
  session.message = `${change.verb}: ${counted(ids.length)} …`;
  const { changed, refusal } = await changeAll(queue, ids, change);
  const { place } = session;
  if (isList(place)) place.selection.marks.clear();
  const [id = ''] = ids;
  if (ids.length === 1)
    session.message =
      changed === 1 ? `${change.done} ${id}` : (refusal?.message ?? (await whyNot(queue, id, change)));
  else {
    const left = ids.length - changed;
    const rest =
      left === 0 ? '' : `; ${counted(left)} could not be: ${refusal?.message ?? `only ${change.wanted}`}`;
    session.message = `${change.done} ${counted(changed)}${rest}`;
  }
}

/** Pauses the chosen type, or lets its jobs start again. */
export async function togglePause(session: Session): Promise<void> {
  const { place, shown, look } = session;
  const type = place.kind === 'types' ? place.rows.idAt(place.selection.index) : undefined;
  if (type === undefined) {
    session.message = 'choose a type first: press 1';
    return;
  }
  const isPaused = look?.health.pauses.some((pause) => pause.type === type);
  if (!isPaused) {
    await shown.queue.pause(type, { by: personName() });
    session.message = `paused ${type}: no such job starts until you press p again, or queue resume`;
    return;
  }
  const isResumed = await shown.queue.resume(type);
  session.message = isResumed ? `resumed ${type}` : `resumed ${type}, but all types are still paused`;
}
