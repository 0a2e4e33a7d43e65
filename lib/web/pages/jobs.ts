import type { Job } from '../../job/job.js';
import { counted } from '../../view/job-text.js';
import { grouped } from '../../view/numbers.js';
import type { FoundPage, TextFilter } from '../../view/query.js';
import type { Look, View } from '../../view/view.js';
import { type Asked, mayChange, type Request } from '../asked.js';
import { type Html, html, NOTHING } from '../html.js';
import { type JobQuery, readJobQuery, writeJobQuery } from '../job-query.js';
import { flashOf } from '../parts/flash.js';
import { listForm } from '../parts/job-buttons.js';
import { chipsPart, filterForm } from '../parts/job-filter.js';
import { jobTable } from '../parts/job-table.js';
import { isInTurn, type JobTab, tabOf, tabsPart } from '../parts/job-tabs.js';
import { jobAddress } from '../parts/links.js';
import { page } from './layout.js';

/** How many jobs a page lists. */
const PAGE = 50;
/** What an id looks like that the queue has made. */
const WHOLE_ID = /^[0-9a-f]{16}$/;

/** Makes the page that lists jobs. A search for a whole id leads to the job. */
export async function jobsPage(request: Request): Promise<Html | Response> {
  const asked = request.get('asked');
  const { base } = asked.settings;
  const query = new URL(request.req.url).searchParams;
  const asks = readJobQuery(query);
  const { filter, after } = asks;
  const { view, look } = await asked.look();
  if (await isJob(asked, view, filter.text)) return request.redirect(jobAddress(asked, filter.text ?? ''));
  const now = look.snapshot.at.getTime();
  const tab = tabOf(filter);
  const found = await view.query(filter, {
    ...{ limit: PAGE, after, now },
    order: isInTurn(tab) ? 'first' : 'newest',
  });
  const jobs = view.jobs(found.keys);
  const title = tab.kind === '' ? 'Jobs' : `${capital(tab.kind)} jobs`;
  return page(
    asked,
    { title, tab: 'jobs', snapshot: look.snapshot },
    html`<h1 class="visually-hidden">${title}</h1>
${flashOf(query)}
<section class="card">
${await tabsPart(base, filter, tab, { view, snapshot: look.snapshot })}
${filterForm(base, filter, look.snapshot, [totalText(found), dismissedLink(base, filter, tab, look)])}
${chipsPart(base, filter, tab, jobs.find(({ error }) => error !== undefined)?.error)}
${jobs.length === 0 ? html`<p class="empty">${whyEmpty(asks, tab, found, view)}</p>` : await list(asked, asks, jobs, { view, now, title })}
${pager(base, asks, found)}
</section>`,
  );
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** True if a text is the id of a job, in the archive as well. */
async function isJob({ queue }: Asked, view: View, text: string | undefined): Promise<boolean> {
  if (text === undefined) return false;
  if (view.keyOf(text) !== undefined) return true;
  return WHOLE_ID.test(text) && (await queue.getJob(text, { archive: true })) !== undefined;
}

const totalText = ({ total, hasMore }: FoundPage): string =>
  hasMore ? `more than 20,000 have this text; ${formatted(total)} of the newest` : formatted(total);

const formatted = (total: number): string => counted(total).replace(String(total), grouped(total));

/** What a list needs to know besides its jobs. */
interface ListContext {
  readonly view: View;
  readonly now: number;
  readonly title: string;
}

function list(
  asked: Asked,
  { filter, after }: JobQuery,
  jobs: readonly Job[],
  { view, now, title }: ListContext,
): Html | Promise<Html> {
  const { base } = asked.settings;
  const canSelect = mayChange(asked) && tabOf(filter).name !== 'Done';
  const table = jobTable(jobs, { asked, view, now, caption: title, canSelect });
  return canSelect ? listForm(asked, filter, `${base}/jobs${writeJobQuery(filter, after)}`, table) : table;
}

/** Makes the link to the failed jobs that a person has dealt with. */
function dismissedLink(base: string, { type }: TextFilter, { name }: JobTab, { snapshot }: Look): Html {
  const counts =
    type === undefined ? snapshot.counts : snapshot.types.find((one) => one.name === type)?.counts;
  const dismissed = counts?.dismissed ?? 0;
  if (name !== 'Failed' || dismissed === 0) return NOTHING;
  const query = writeJobQuery({ states: ['failed'], isDismissed: true, ...(type !== undefined && { type }) });
  return html` · <a href="${base}/jobs${query}">${grouped(dismissed)} dismissed</a>`;
}

/** Says why a list is empty. */
function whyEmpty({ filter, after }: JobQuery, tab: JobTab, { total }: FoundPage, view: View): string {
  const { type, group, text } = filter;
  if (after !== undefined && total > 0)
    return 'No jobs come after this place of the list: they have changed meanwhile, or this was its end.';
  if (type !== undefined && !view.board.types.some(({ name }) => name === type))
    return `The queue has no jobs of type “${type}”.`;
  if (group !== undefined && view.board.groups.find(group) === undefined)
    return `No error has the group ${group}. Its jobs may have been retried, or have gone to the archive.`;
  const kind = tab.kind === '' ? 'jobs' : `${tab.kind} jobs`;
  if (text !== undefined)
    return `No ${kind} have “${text}” in their id, type, payload, error, result, key, group or labels.`;
  return Object.keys(filter).length === 0 ? 'There are no jobs yet.' : `There are no such ${kind}.`;
}

/** Makes the links to the first page and the next one. */
function pager(base: string, { filter, after }: JobQuery, { next }: FoundPage): Html {
  if (after === undefined && next === undefined) return NOTHING;
  return html`<nav class="bar pager" aria-label="More jobs">${
    after !== undefined && html`<a class="button" href="${base}/jobs${writeJobQuery(filter)}">First page</a>`
  }${next !== undefined && html`<a class="button" rel="next" href="${base}/jobs${writeJobQuery(filter, next)}">Next page</a>`}</nav>`;
}
