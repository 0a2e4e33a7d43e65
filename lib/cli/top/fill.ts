import type { Job } from '../../job/job.js';
import type { HistoryEntry } from '../../view/history.js';
import type { Look, View } from '../../view/view.js';
import { explanationLines, jobLines } from '../job-page.js';
import { coloursOf } from '../screen/colours.js';
import { timeTextOf } from '../screen/times.js';
import { JobRows } from './job-rows.js';
import { isList, type ListPlace, type PagePlace, type Place } from './places.js';
import { errorRows, typeRows } from './rows.js';
import type { Shown } from './session.js';

/** The most lines of a job's page. A payload may have a million. */
const MOST_LINES = 2000;

/** The frame cuts lines by their width, so they have no colours yet. */
const NO_COLOURS = coloursOf(false);

const GONE = '(This job is no longer in the file; queue show --archive finds old ones.)';

/** Gives a place what it shows, by a look. @param columns the width of the screen */
export async function fillPlace(place: Place, look: Look, shown: Shown, columns: number): Promise<void> {
  if (!isList(place)) {
    if (place.id !== undefined) place.lines = await linesOf(place, place.id, shown, columns);
    return;
  }
  if (place.kind === 'types') place.rows = typeRows(look);
  else if (place.kind === 'errors') place.rows = errorRows(look.snapshot);
  else await fillJobs(place, look, shown);
  if (place.kind !== 'jobs') place.total = place.rows.size;
  place.selection.follow(place.rows);
}

async function fillJobs(place: ListPlace, { snapshot }: Look, { view }: Shown): Promise<void> {
  const { wanted, text, limit } = place;
  if (wanted === undefined) return;
  const { filter, order, columns } = wanted;
  // A pass over a million jobs takes its time, and its answer is the same until a job changes.
  const asked = `${view.board.changes} ${limit} ${text}`;
  if (place.asked === asked) {
    place.rows = new JobRows(view, (place.rows as JobRows).keys, columns);
    return;
  }
  const page = await view.query({ ...filter, text }, { limit, order, now: snapshot.at.getTime() });
  place.asked = asked;
  place.rows = new JobRows(view, page.keys, columns);
  place.total = page.total;
  place.hasMore = page.hasMore;
}

/** Returns what `queue show` tells of a job, after why it is where it is and what happens next. */
async function linesOf(
  place: PagePlace,
  id: string,
  { queue, store, view }: Shown,
  columns: number,
): Promise<readonly string[]> {
  const job = await queue.getJob(id);
  // Its last lines stay.
  if (job === undefined) return place.lines[0] === GONE ? place.lines : [GONE, '', ...place.lines];
  const looks = { now: Date.now(), time: timeTextOf({}), colours: NO_COLOURS, screen: columns };
  const history = await historyIn(place, job, view);
  const lines = [
    ...(await explanationLines(job, view, looks)),
    '',
    ...(await jobLines(job, history, { queue, store, view }, looks)),
  ];
  if (lines.length <= MOST_LINES) return lines;
  return [...lines.slice(0, MOST_LINES), `… ${lines.length - MOST_LINES} more lines: queue show ${id}`];
}

/** Returns the earlier rows of a job. It reads the whole file, so only if the job has changed. */
async function historyIn(place: PagePlace, job: Job, view: View): Promise<readonly HistoryEntry[]> {
  const { status, attempts, runAt, finishedAt } = job;
  const asked = [status, attempts, Number(runAt), Number(finishedAt)].join(' ');
  if (place.history?.asked !== asked)
    place.history = { asked, entries: await view.history(job.id, Date.now()) };
  return place.history.entries;
}
