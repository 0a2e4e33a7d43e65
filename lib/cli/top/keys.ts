import { exactSpan } from '../../view/text.js';
import { change, KEY_CHANGES, togglePause } from './changes.js';
import { helpPage } from './help-page.js';
import { move, movePage } from './moves.js';
import { isList, type ListPlace, MOST_JOBS, ofGroup, ofJob, ofType, withText } from './places.js';
import type { Session } from './session.js';

/** The times between two looks, in ms. */
const INTERVALS = [250, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000] as const;

/** What the screen has to do after a key. */
type Answer = 'draw' | 'fill' | 'look' | 'quit';

/** Does what a key asks for. @param height how many rows of a list are on the screen */
export async function press(session: Session, key: string, text: string, height: number): Promise<Answer> {
  if (session.input !== undefined) return typeText(session, key, text);
  const { question } = session;
  session.question = undefined;
  session.message = '';
  if (question !== undefined) {
    if (key !== 'y') {
      session.message = 'nothing was changed';
      return 'draw';
    }
    session.work(question.yes);
    return 'draw';
  }
  const place = session.place;
  if (/^[1-6]$/.test(key)) session.show(Number(key) - 1);
  else if (key === 'tab' || key === 'shift+tab') session.show(place.tab + (key === 'tab' ? 1 : -1));
  else if (Object.hasOwn(KEY_CHANGES, key) || key === 'p') return makeChange(session, key);
  else if (key === 'q') return 'quit';
  else if (key === 'escape' || key === 'left') session.back();
  else if (key === '?') session.open(helpPage(place.tab));
  else if (key === '/') session.input = isList(place) ? place.text : '';
  else if (key === 'f') return freeze(session);
  else if (key === '+' || key === '-') changeInterval(session, key === '+' ? -1 : 1);
  else if (!isList(place)) movePage(place, key, height);
  else if (key === 'return' || key === 'enter' || key === 'right') enter(session, place);
  else if (key === ' ') mark(place);
  else if (key === 'a') await markAll(session, place);
  else move(place, key, height);
  return 'fill';
}

function makeChange(session: Session, key: string): Answer {
  if (session.shown.isReadOnly) session.message = 'this screen is read-only: nothing was changed';
  else if (key === 'p') session.work(() => togglePause(session));
  else session.work(() => change(session, KEY_CHANGES[key as keyof typeof KEY_CHANGES]));
  return 'draw';
}

/** Takes a key while a text is typed to search for it. */
function typeText(session: Session, key: string, text: string): Answer {
  const { place, input = '' } = session;
  if (key === 'escape') session.input = undefined;
  else if (key === 'backspace') session.input = [...input].slice(0, -1).join('');
  else if (key === 'ctrl+u') session.input = '';
  else if (key !== 'return' && key !== 'enter') session.input = input + text;
  else {
    session.input = undefined;
    if (isList(place) && place.kind === 'jobs') {
      place.text = input;
      place.selection.clear();
    } else if (input !== '') session.open(withText(input, place.tab));
    return 'fill';
  }
  return 'draw';
}

/** Stops looking, or goes on with it. */
function freeze(session: Session): Answer {
  session.isFrozen = !session.isFrozen;
  if (!session.isFrozen) return 'look';
  session.message = 'frozen: press f to go on';
  return 'draw';
}

function changeInterval(session: Session, by: number): void {
  const next =
    by < 0
      ? INTERVALS.findLast((ms) => ms < session.interval)
      : INTERVALS.find((ms) => ms > session.interval);
  session.interval = next ?? session.interval;
  session.message = `looks every ${exactSpan(session.interval)}`;
}

/** Opens what the chosen row stands for. */
function enter(session: Session, place: ListPlace): void {
  const id = place.rows.idAt(place.selection.index);
  if (id === undefined) return;
  if (place.kind === 'types') session.open(ofType(id, place.tab));
  else if (place.kind === 'jobs') session.open(ofJob(id, place.tab));
  else {
    const group = session.look?.snapshot.failures.find((one) => one.id === id);
    if (group !== undefined) session.open(ofGroup(id, group.text, place.tab));
  }
}

/** Marks the chosen job, or takes its mark away, and goes on to the next one. */
function mark({ kind, selection, rows }: ListPlace): void {
  const id = rows.idAt(selection.index);
  if (kind !== 'jobs' || id === undefined) return;
  if (!selection.marks.delete(id)) selection.marks.add(id);
  selection.moveTo(selection.index + 1, rows);
}

/** Marks all jobs of a list, or takes all marks away. */
async function markAll(session: Session, place: ListPlace): Promise<void> {
  const { marks } = place.selection;
  if (place.kind !== 'jobs' || place.wanted === undefined) return;
  if (marks.size > 0) {
    marks.clear();
    return;
  }
  const { view } = session.shown;
  const { filter, order } = place.wanted;
  const page = await view.query(
    { ...filter, text: place.text },
    { limit: MOST_JOBS, order, now: Date.now() },
  );
  for (const id of await view.ids(page.keys)) marks.add(id);
  const left = page.total - marks.size;
  session.message = `marked ${marks.size} jobs${left > 0 ? `, and not ${left} more` : ''}`;
}
