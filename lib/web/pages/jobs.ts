import { type Request, shownJob } from '../asked.js';
import { type Html, html } from '../html.js';
import { readJobQuery, writeJobQuery } from '../job-query.js';
import { page } from './layout.js';

const PAGE = 50;

/** Makes the page that lists jobs. */
export async function jobsPage(request: Request): Promise<Html> {
  const asked = request.get('asked');
  const { base } = asked.settings;
  const { view, look } = await asked.look();
  const { snapshot } = look;
  const { filter, after } = readJobQuery(new URL(request.req.url).searchParams);
  const found = await view.query(filter, { limit: PAGE, after, now: snapshot.at.getTime() });
  const jobs = view.jobs(found.keys).map((job) => shownJob(asked, job));
  return page(
    asked,
    { title: 'Jobs', tab: 'jobs', snapshot, text: filter.text },
    html`<section class="card"><h1>${found.total} jobs</h1><table>${jobs.map(
      ({ id, type, status }) =>
        html`<tr><td><a href="${base}/jobs/${encodeURIComponent(id)}">${id}</a><td>${type}<td>${status}`,
    )}</table>${found.next && html`<a href="${base}/jobs${writeJobQuery(filter, found.next)}">Next</a>`}</section>`,
  );
}
