import { countText, invalid, onlyKnown } from '../../job/checks.js';
import type { Job } from '../../job/job.js';
import type { Schedule } from '../../job/schedule-spec.js';
import { eachSchedule, type ListedSchedule } from '../../view/listed-schedule.js';
import { failuresOf, recordOf } from '../../view/record.js';
import { type Asked, type Request, shownJob } from '../asked.js';
import { etagOf } from '../etag.js';
import { readJobQuery, writeCursor } from '../job-query.js';
import { shownSchedule } from '../shown-schedule.js';
import { Refusal } from './answer.js';

const LIMIT = { usual: 50, most: 500 };

/** Answers how the queue is doing. */
export async function status(request: Request): Promise<unknown> {
  const { view, look } = await request.get('asked').look();
  const record = recordOf(look, view);
  const { counts, types } = record;
  const withoutClock = {
    ...record,
    at: undefined,
    counts: { ...counts, oldestDue: 0 },
    types: types.map((type) => ({ ...type, counts: { ...type.counts, oldestDue: 0 } })),
  };
  request.header('etag', etagOf(JSON.stringify(withoutClock)));
  return record;
}

/** Answers the jobs that a query names, a page of them. */
export async function jobs(request: Request): Promise<unknown> {
  const asked = request.get('asked');
  const query = new URL(request.req.url).searchParams;
  onlyKnown('query', Object.fromEntries(query), [
    ...['status', 'type', 'q', 'group', 'dismissed', 'after', 'limit'],
  ]);
  const limit = countText('limit', query.get('limit') || String(LIMIT.usual));
  if (limit > LIMIT.most) throw invalid('limit', limit, `at most ${LIMIT.most}`);
  const { filter, after } = readJobQuery(query);
  const { view, look } = await asked.look();
  const now = look.snapshot.at.getTime();
  const { keys, total, next, hasMore } = await view.query(filter, { limit, after, now });
  const jobs = view.jobs(keys).map((job) => shownJob(asked, job));
  return { jobs, total, ...(next && { after: writeCursor(next) }), hasMore };
}

/** Answers a job with its history, and why it is where it is; also an archived one. */
export async function job(request: Request): Promise<unknown> {
  const asked = request.get('asked');
  const { job, isArchived } = await findJob(asked, request.req.param('id') ?? '');
  const { view } = await asked.look();
  const now = Date.now();
  const shown = shownJob(asked, job);
  if (isArchived) return { ...shown, archived: true, history: [], steps: [] };
  const [history, steps, explanation] = await Promise.all([
    view.history(job.id, now),
    view.steps(job.id),
    view.explain(shown, now),
  ]);
  return { ...shown, archived: false, history, steps, explanation };
}

/** Finds a job, also in the archive. @throws Refusal 404 */
export async function findJob(
  { queue }: Asked,
  id: string,
): Promise<{ readonly job: Job; readonly isArchived: boolean }> {
  const job = await queue.getJob(id);
  if (job !== undefined) return { job, isArchived: false };
  const archived = await queue.getJob(id, { archive: true });
  if (archived === undefined) throw new Refusal(404, 'NOT_FOUND', `there is no job ${id}`);
  return { job: archived, isArchived: true };
}

/** Answers the groups of failures that were not dismissed. */
export async function errors(request: Request): Promise<unknown> {
  const { view, look } = await request.get('asked').look();
  return { failures: failuresOf(look.snapshot, view) };
}

/** Answers the schedules. */
export async function schedules(request: Request): Promise<unknown> {
  const asked = request.get('asked');
  const schedules: ListedSchedule[] = [];
  for await (const schedule of eachSchedule(asked.queue, asked.stateOf))
    schedules.push(await shownSchedule(asked, schedule));
  return { schedules };
}

/** Finds a schedule. @throws Refusal 404 */
export async function findSchedule({ queue }: Asked, name: string): Promise<Schedule> {
  const schedule = (await queue.listSchedules()).find((each) => each.name === name);
  if (schedule === undefined)
    throw new Refusal(404, 'NOT_FOUND', `there is no schedule ${JSON.stringify(name)}`);
  return schedule;
}
