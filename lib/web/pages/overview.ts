import type { Request } from '../asked.js';
import { type Html, html } from '../html.js';
import { page } from './layout.js';

/** Makes the page that says how the queue is doing. */
export async function overviewPage(request: Request): Promise<Html> {
  const asked = request.get('asked');
  const { look } = await asked.look();
  const { snapshot, problems } = look;
  return page(
    asked,
    { title: 'Overview', tab: 'overview', snapshot },
    html`<section class="card"><h1>${problems.length} problems</h1>${problems.map(({ text }) => html`<p>${text}</p>`)}</section>`,
  );
}
