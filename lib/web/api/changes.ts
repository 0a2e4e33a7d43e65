import { invalid } from '../../job/checks.js';
import { CHANGES } from '../../view/changes.js';
import { act, type ChangeName, choose, MOST_CHANGED, tell } from '../act.js';
import { type Request, shownJob } from '../asked.js';
import { shownSchedule } from '../shown-schedule.js';
import { Refusal } from './answer.js';
import { readBody, readFilter, readIds, requiredText } from './body.js';
import { findJob, findSchedule } from './reads.js';

/** Changes one job, and answers it as it is then. */
export const changeJob = (name: ChangeName) => async (request: Request) => {
  const asked = request.get('asked');
  await readBody(request, []);
  const { job, isArchived } = await findJob(asked, request.req.param('id') ?? '');
  const { wanted } = CHANGES[name];
  if (isArchived) throw new Refusal(409, 'WRONG_STATE', `job ${job.id} is archived; only ${wanted}`);
  const { changed, refusal } = await act(asked, name, [job.id], request.req.raw);
  if (refusal !== undefined) throw new Refusal(409, 'REFUSED', refusal);
  const after = (await findJob(asked, job.id)).job;
  if (changed === 0)
    throw new Refusal(409, 'WRONG_STATE', `job ${job.id} is ${after.status}; only ${wanted}`);
  return shownJob(asked, after);
};

/** Changes jobs, and answers how many. */
export const changeJobs = (name: ChangeName) => async (request: Request) => {
  const asked = request.get('asked');
  const body = await readBody(request, ['ids', 'filter']);
  if ((body.ids === undefined) === (body.filter === undefined))
    throw new Refusal(400, 'INVALID_ARGUMENT', 'the body must have either ids or filter');
  const ids = body.ids === undefined ? undefined : readIds(body.ids, MOST_CHANGED);
  const chosen =
    ids === undefined ? await choose(asked, name, readFilter(body.filter)) : { ids, total: ids.length };
  const { changed, left, refusal } = await act(asked, name, chosen.ids, request.req.raw);
  const more = Math.max(0, chosen.total - MOST_CHANGED);
  return { changed, left, more, ...(refusal !== undefined && { refusal }) };
};

/** Pauses or resumes a type, or all, and answers which are paused then. */
export async function pause(request: Request): Promise<unknown> {
  const asked = request.get('asked');
  const { queue, visitor } = asked;
  const body = await readBody(request, ['type', 'paused', 'until']);
  const type = requiredText('type', body.type);
  const { paused, until } = body;
  if (typeof paused !== 'boolean') throw invalid('paused', paused, 'true or false');
  if (!paused && until !== undefined) throw invalid('until', until, 'left out unless paused is true');
  let isChanged = true;
  if (paused) await queue.pause(type, { until: until as string | number | undefined, by: visitor.user });
  else isChanged = await queue.resume(type);
  tell(asked, {
    action: paused ? 'pause' : 'resume',
    of: [type],
    changed: isChanged ? 1 : 0,
    request: request.req.raw,
  });
  const pauses = await queue.paused();
  return { type, paused: pauses.some((each) => each.type === type || each.type === '*'), pauses };
}

/** Pauses or resumes a schedule, and answers it as it is then. */
export const pauseSchedule = (isPaused: boolean) => async (request: Request) => {
  const asked = request.get('asked');
  const { queue } = asked;
  await readBody(request, []);
  const { name } = await findSchedule(asked, request.req.param('name') ?? '');
  const isDone = await (isPaused ? queue.pauseSchedule(name) : queue.resumeSchedule(name));
  tell(asked, {
    action: isPaused ? 'pause-schedule' : 'resume-schedule',
    of: [name],
    changed: isDone ? 1 : 0,
    request: request.req.raw,
  });
  return shownSchedule(asked, await findSchedule(asked, name));
};

/** Makes a job of a schedule now, and answers its id. */
export async function runSchedule(request: Request): Promise<unknown> {
  const asked = request.get('asked');
  await readBody(request, []);
  const { name } = await findSchedule(asked, request.req.param('name') ?? '');
  const { id, outcome } = await asked.queue.runNow(name);
  const changed = outcome === 'added' ? 1 : 0;
  tell(asked, { action: 'run-schedule', of: [name], changed, request: request.req.raw });
  return { id, outcome };
}
