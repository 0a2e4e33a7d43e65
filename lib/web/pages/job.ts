import type { Job } from '../../job/job.js';
import { type Explanation, explainArchived } from '../../view/explain.js';
import { grouped } from '../../view/numbers.js';
import { FAILED, type State } from '../../view/query.js';
import type { Look, View } from '../../view/view.js';
import { changesFor } from '../act.js';
import { type Asked, mayChange, type Request, shownJob } from '../asked.js';
import { type Html, html, NOTHING } from '../html.js';
import { writeJobQuery } from '../job-query.js';
import { badge } from '../parts/badge.js';
import { errorBlock } from '../parts/error-block.js';
import { flashOf } from '../parts/flash.js';
import { jobForm } from '../parts/job-buttons.js';
import { factsPart } from '../parts/job-facts.js';
import { jsonBlock } from '../parts/json.js';
import { jobAddress } from '../parts/links.js';
import { stepList, timelinePart } from '../parts/timeline.js';
import { page } from './layout.js';

/** Makes the page of a job, also of one in the archive. A schedule has its place among the schedules. */
export async function jobPage(request: Request): Promise<Html | Response> {
  const asked = request.get('asked');
  const { queue, settings } = asked;
  const id = request.req.param('id') ?? '';
  const { view, look } = await asked.look();
  const current = await queue.getJob(id);
  const found = current ?? (await queue.getJob(id, { archive: true }));
  if (found === undefined) return request.html(missingPage(asked, id, look), 404);
  if (found.status === 'recurring') return request.redirect(`${settings.base}/schedules`);
  const job = shownJob(asked, found);
  const isArchived = current === undefined;
  const now = look.snapshot.at.getTime();
  const state = isArchived ? job.status : view.stateOf(job, now);
  const around: JobContext = { asked, view, look, now, isArchived };
  return page(
    asked,
    { title: `${job.type} ${id}`, tab: 'jobs', snapshot: look.snapshot },
    html`${flashOf(new URL(request.req.url).searchParams)}
<div class="job-head"><div class="name"><h1>${job.type}</h1>${badge(state)}${
      job.dismissed && html`<span class="dim">dismissed</span>`
    }<code class="dim">${job.id}</code></div>${buttons(job, state, around)}</div>
${await whyPart(job, around)}
${await historyPart(id, around)}
${await stepsPart(id, around)}
${await errorPart(job, around)}
<div class="grid">${valuePart('Payload', job.payload, job, around)}
${valuePart('Result', job.result, job, around)}
<section class="card half"><h2>Facts</h2>${factsPart(job, { asked, view, parents: await view.parents(job), now })}</section></div>`,
  );
}

/** What the parts of the page need to know besides the job. */
interface JobContext {
  readonly asked: Asked;
  readonly view: View;
  readonly look: Look;
  /** In ms since 1970. */
  readonly now: number;
  readonly isArchived: boolean;
}

function buttons({ id, dismissed }: Job, state: State, { asked, isArchived }: JobContext): Html {
  if (isArchived || !mayChange(asked)) return NOTHING;
  const { base } = asked.settings;
  const changes = changesFor([state]).filter((name) => name !== 'dismiss' || !dismissed);
  return jobForm(base, id, changes, jobAddress(asked, id));
}

/** Says why the job is where it is, what happens next, and what a person can type. */
async function whyPart(job: Job, { view, now, isArchived }: JobContext): Promise<Html> {
  const { why, next, commands }: Explanation = isArchived
    ? explainArchived(job)
    : await view.explain(job, now);
  return html`<section class="card why"><h2>Why, and what next</h2><p>${why}</p><p>${next}</p>
<h3 class="dim">In a terminal</h3><ul class="commands">${commands.map((command) => html`<li><code>${command}</code></li>`)}</ul></section>`;
}

async function historyPart(id: string, { view, now, isArchived }: JobContext): Promise<Html> {
  const history = isArchived ? [] : await view.history(id, now);
  return history.length === 0
    ? NOTHING
    : html`<section class="card"><h2>Timeline</h2>${timelinePart(history, now)}</section>`;
}

async function stepsPart(id: string, { view, now, isArchived }: JobContext): Promise<Html> {
  const steps = isArchived ? [] : await view.steps(id);
  return steps.length === 0
    ? NOTHING
    : html`<section class="card"><h2>Steps</h2>${stepList(steps, now)}</section>`;
}

async function errorPart(job: Job, { asked, view, now, isArchived }: JobContext): Promise<Html> {
  const { id, error, status } = job;
  if (error === undefined) return NOTHING;
  // As the queue has it: what a page may show of an error can be less.
  const group = view.groupOf(id);
  const filter = { ...FAILED, ...(group !== undefined && { group }) };
  const total = isArchived || group === undefined ? 0 : (await view.query(filter, { limit: 0, now })).total;
  const others =
    total > 1 || (total === 1 && status !== 'failed')
      ? html` <small><a href="${asked.settings.base}/jobs${writeJobQuery(filter)}">${
          total === 1 ? '1 job has' : `${grouped(total)} jobs have`
        } failed like this</a></small>`
      : NOTHING;
  return html`<section class="card"><h2>Error of the last attempt${others}</h2>${errorBlock(error)}</section>`;
}

/** Makes the card of a value; nothing if there is none. */
function valuePart(title: string, value: unknown, { id }: Job, { asked, isArchived }: JobContext): Html {
  if (value === undefined) return NOTHING;
  const rest = html`<a href="${asked.settings.base}/api/jobs/${encodeURIComponent(id)}">All of it is in its JSON</a>, and in <code>queue show${
    isArchived && ' --archive'
  } ${id}</code>.`;
  return html`<section class="card half"><h2>${title}</h2>${jsonBlock(title, value, rest)}</section>`;
}

function missingPage(asked: Asked, id: string, { snapshot }: Look): Html {
  const { base } = asked.settings;
  return page(
    asked,
    { title: 'No such job', tab: 'jobs', snapshot },
    html`<section class="card refusal"><h1>There is no such job</h1>
<p>No job has the id <code>${id}</code>, neither in the file nor in its archive. It may have been purged, or its archive deleted; or the id is only a part of one.</p>
<p class="bar"><a class="button" href="${base}/jobs${writeJobQuery({ text: id })}">Search for it</a><a class="button" href="${base}/jobs">All jobs</a></p></section>`,
  );
}
