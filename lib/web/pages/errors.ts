import { grouped } from '../../view/numbers.js';
import type { Request } from '../asked.js';
import { type Html, html } from '../html.js';
import { failuresTable } from '../parts/failures.js';
import { flashOf } from '../parts/flash.js';
import { listAddress } from '../parts/links.js';
import { page } from './layout.js';

/** Makes the page of failed jobs by what their errors have in common. */
export async function errorsPage(request: Request): Promise<Html> {
  const asked = request.get('asked');
  const {
    look: { snapshot },
  } = await asked.look();
  const { failures, counts, at } = snapshot;
  const failed = counts.failed - counts.dismissed;
  const shown = failures.reduce((sum, { jobs }) => sum + jobs, 0);
  const dismissed = listAddress(asked, { states: ['failed'], isDismissed: true });
  const content =
    failures.length === 0
      ? html`<p class="empty">— No job has failed${counts.dismissed > 0 ? ', but for those that are dismissed' : ''}.</p>`
      : failuresTable(asked, failures, at, true);
  return page(
    asked,
    { title: 'Errors', tab: 'errors', snapshot },
    html`${flashOf(new URL(request.req.url).searchParams)}
<section class="card"><header><h1>Errors<small>of ${grouped(failed)} failed ${failed === 1 ? 'job' : 'jobs'}, by what they have in common</small></h1>${
      counts.dismissed > 0 && html`<a href="${dismissed}">${grouped(counts.dismissed)} dismissed</a>`
    }</header>
${content}${
  shown < failed &&
  html`<p class="dim">These are the ${failures.length} groups with the most failures of late; ${grouped(failed - shown)} further jobs have failed.</p>`
}</section>`,
  );
}
