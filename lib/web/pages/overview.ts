import type { Asked, Request } from '../asked.js';
import { type Html, html } from '../html.js';
import type { Sight } from '../live-view.js';
import { failuresTable } from '../parts/failures.js';
import { flashOf } from '../parts/flash.js';
import { page } from './layout.js';
import { hourCards } from './overview/hour.js';
import { retriesCard, runningCard } from './overview/jobs.js';
import { tiles } from './overview/tiles.js';
import { typesCard } from './overview/types.js';
import { verdictCard } from './overview/verdict.js';

/** How many groups of errors are shown here; the page of errors has all. */
const MOST_GROUPS = 8;

/** Makes the page that says how the queue is doing. @param refusal why a change that was asked for was not made */
export async function overviewPage(request: Request, refusal?: Html): Promise<Html> {
  const asked = request.get('asked');
  const sight = await asked.look();
  const { snapshot } = sight.look;
  const query = new URL(request.req.url).searchParams;
  return page(
    asked,
    { title: 'Overview', tab: 'overview', snapshot, isLive: refusal === undefined },
    html`${refusal ?? flashOf(query)}${await overviewContent(asked, sight, query.get('types') === 'all')}`,
  );
}

/** Makes what the page says. @param areAllTypes true to list all types, however many there are */
export async function overviewContent(asked: Asked, sight: Sight, areAllTypes: boolean): Promise<Html> {
  const { snapshot } = sight.look;
  const { failures, at } = snapshot;
  const content =
    snapshot.total === 0
      ? html`<section class="card"><h2>No jobs yet</h2><p class="empty">Add one with <code>queue add TYPE PAYLOAD</code>, or in your code with <code>await queue.enqueue(type, payload)</code>. It shows here at once.</p></section>`
      : html`${tiles(asked, sight)}
<div class="grid">${hourCards(asked, snapshot)}</div>
${typesCard(asked, sight.look, areAllTypes)}
<div class="grid">${[await runningCard(asked, sight), retriesCard(asked, sight)]}</div>
<section class="card"><header><h2>Errors<small>of failed jobs, by what they have in common</small></h2>${
          failures.length > 0 &&
          html`<a class="to-all" href="${asked.settings.base}/errors">all ${failures.length}</a>`
        }</header>${
          failures.length === 0
            ? html`<p class="empty">No job has failed.</p>`
            : failuresTable(asked, failures.slice(0, MOST_GROUPS), at, false)
        }</section>`;
  return html`${verdictCard(asked, sight.look)}${content}`;
}
