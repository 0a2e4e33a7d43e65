import type { Job } from '../../job/job.js';
import { errorOrPayload } from '../../view/job-text.js';
import { lasting as lastingText } from '../../view/numbers.js';
import type { View } from '../../view/view.js';
import type { Asked } from '../asked.js';
import { exact, type Html, html, NOTHING } from '../html.js';
import { badge } from './badge.js';
import { jobLink } from './links.js';
import { ago, lasting, until } from './time.js';

/** What a table of jobs needs to know besides them. */
export interface TableContext {
  readonly asked: Asked;
  readonly view: View;
  /** In ms since 1970. */
  readonly now: number;
  /** For those who don't see the table. */
  readonly caption: string;
  /** True for a box before each job, to select it. */
  readonly canSelect: boolean;
}

/** Makes a table of jobs, which are shown as they are given. */
export function jobTable(jobs: readonly Job[], context: TableContext): Html {
  const { caption, canSelect } = context;
  const box = html`<th scope="col" class="pick"><label><input type="checkbox" data-select-all aria-label="Select all on this page"></label></th>`;
  return html`<table class="list jobs"><caption class="visually-hidden">${caption}</caption>
<thead><tr>${canSelect && box}<th scope="col">Id</th><th scope="col">Type</th><th scope="col">State</th><th scope="col" class="num">Tries</th><th scope="col">Error, progress or payload</th><th scope="col" class="num">Ran</th><th scope="col" class="num">When</th></tr></thead>
<tbody>${jobs.map((job) => row(job, context))}</tbody></table>`;
}

function row(job: Job, { asked, view, now, canSelect }: TableContext): Html {
  const { id, type, attempts, forgiven, maxAttempts, dismissed } = job;
  const isError = job.error !== undefined && (job.status === 'failed' || job.status === 'pending');
  return html`<tr>${
    canSelect &&
    html`<td class="pick"><label><input type="checkbox" name="id" value="${exact(id)}" aria-label="Select job ${id}"></label></td>`
  }<th scope="row" class="id">${jobLink(asked, id)}</th><td class="strong type">${type}</td><td class="state">${badge(view.stateOf(job, now))}${
    dismissed ? html` <span class="dim">dismissed</span>` : NOTHING
  }</td><td class="num dim tries">${attempts - forgiven}${
    maxAttempts === undefined ? NOTHING : ` of ${maxAttempts}`
  }</td><td class="cut mono text${isError ? '' : ' dim'}">${errorOrPayload(job)}</td><td class="num dim ran">${ran(job, now)}</td><td class="num dim when">${when(job, now)}</td></tr>
`;
}

/** Says how long a job has run. */
function ran({ status, startedAt, finishedAt }: Job, now: number): Html | string {
  if (startedAt === undefined) return '–';
  if (status === 'processing') return lasting(startedAt, now);
  const ms = finishedAt === undefined ? Number.NaN : finishedAt.getTime() - startedAt.getTime();
  return Number.isNaN(ms) ? '–' : lastingText(Math.max(0, ms));
}

/** Says when a job ended or started, or when its turn is. */
function when(job: Job, now: number): Html {
  const { status, runAt, createdAt, startedAt, finishedAt } = job;
  if (status === 'pending')
    return runAt.getTime() > now ? until(runAt, now) : html`due ${lasting(runAt, now)}`;
  return ago((status === 'processing' ? startedAt : finishedAt) ?? createdAt, now);
}
