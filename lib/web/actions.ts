import { TsvqError } from '../job/errors.js';
import { CHANGES, whyNot } from '../view/changes.js';
import { counted } from '../view/job-text.js';
import { act, type ChangeName, type Chosen, changesFor, choose, keysOf, type Outcome } from './act.js';
import type { App, Asked, Request } from './asked.js';
import { backOf, withDone } from './back.js';
import { type ChangeRequest, readChangeRequest } from './change-request.js';
import { readForm } from './form.js';
import { askPage, MANY } from './pages/ask.js';
import { outcomePage } from './pages/outcome.js';
import { doneText } from './parts/change-texts.js';

/** Adds the forms that change jobs. */
export function addActions(app: App): void {
  app.post('/jobs/act', async (request) => {
    const { base } = request.get('asked').settings;
    return change(request, readChangeRequest(await readForm(request), base));
  });
}

/** Asks first, or makes the change. */
async function change(request: Request, wanted: ChangeRequest): Promise<Response> {
  const asked = request.get('asked');
  const { name, ids, isSure, back } = wanted;
  if (ids?.length === 0) return nothing(request, 400, 'no job was selected', back);
  const isAsking = !isSure && (ids === undefined || name === 'cancel' || ids.length >= MANY);
  const chosen = isAsking || ids === undefined ? await chosenBy(asked, wanted) : undefined;
  if (chosen?.total === 0) {
    const [id] = ids?.length === 1 ? ids : [];
    const why = id === undefined ? `no such job is left: only ${CHANGES[name].wanted}` : undefined;
    return nothing(request, 409, why ?? (await whyNot(asked.queue, id as string, CHANGES[name])), back);
  }
  if (isAsking) return request.html(askPage(asked, wanted, chosen as Chosen));
  return make(request, wanted, chosen?.ids ?? (ids as string[]), chosen?.total);
}

/** Finds the jobs that a change is for: of those that are selected, or of all that the filter names. */
async function chosenBy(asked: Asked, { name, ids, filter }: ChangeRequest): Promise<Chosen> {
  if (ids === undefined) return choose(asked, name, filter);
  const { view, look } = await asked.look();
  const now = look.snapshot.at.getTime();
  const jobs = view
    .jobs(keysOf(view, ids))
    .filter((job) => changesFor([view.stateOf(job, now)]).includes(name));
  const fit = jobs.map(({ id }) => id);
  return { ids: fit, total: fit.length, types: view.typesOf(keysOf(view, fit)) };
}

/** Makes a change, and leads back, or says why it is less than was asked for. */
async function make(
  request: Request,
  { name, within, back }: ChangeRequest,
  ids: readonly string[],
  total: number = ids.length,
): Promise<Response> {
  const asked = request.get('asked');
  const changed: string[] = [];
  let outcome: Outcome;
  try {
    outcome = await act(asked, name, ids, request.req.raw, { within, changed });
  } catch (error) {
    if (!(error instanceof TsvqError)) throw error;
    const status = error.code === 'LOCK_TIMEOUT' ? 503 : 500;
    const left = ids.length - changed.length;
    const rest = changed.length === 0 ? '' : `. ${counted(left)} ${left === 1 ? 'is' : 'are'} left`;
    const reason = `${error.message}${rest}`;
    return request.html(outcomePage(asked, { title: titleOf(name, changed.length), reason, back }), status);
  }
  const { left, refusal } = outcome;
  const title = titleOf(name, changed.length);
  if (changed.length === 0) {
    const [id = ''] = ids;
    const why =
      ids.length === 1 ? await whyNot(asked.queue, id, CHANGES[name]) : `only ${CHANGES[name].wanted}`;
    return nothing(request, 409, refusal ?? why, back);
  }
  if (refusal !== undefined)
    return request.html(
      outcomePage(asked, { title, reason: `${counted(left)} could not be: ${refusal}`, back }),
    );
  return request.redirect(
    withDone(back, { did: name, n: changed.length, left, more: total - ids.length }),
    303,
  );
}

const titleOf = (name: ChangeName, changed: number): string =>
  changed === 0 ? NOTHING_CHANGED : doneText(name, changed);

const NOTHING_CHANGED = 'Nothing was changed';

/** Says that nothing was changed, and why. */
function nothing(
  request: Request,
  status: 400 | 409,
  reason: string,
  back: string = backOf(request.get('asked').settings.base, ''),
): Response | Promise<Response> {
  return request.html(outcomePage(request.get('asked'), { title: NOTHING_CHANGED, reason, back }), status);
}
