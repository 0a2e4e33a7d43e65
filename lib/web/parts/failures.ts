import { grouped } from '../../view/numbers.js';
import { FAILED } from '../../view/query.js';
import type { FailureSnapshot } from '../../view/snapshot.js';
import { type Asked, mayChange } from '../asked.js';
import { type Html, html, NOTHING } from '../html.js';
import { fieldsOf } from '../job-query.js';
import { listAddress } from './links.js';
import { ago } from './time.js';

/** How many types of a group are named. */
const MOST_TYPES = 3;

const filterOf = (group: string) => ({ ...FAILED, group });

/** Makes the table of error groups. @param hasButtons true to offer changes of all jobs of a group */
export function failuresTable(
  asked: Asked,
  failures: readonly FailureSnapshot[],
  now: Date,
  hasButtons: boolean,
): Html {
  const canChange = hasButtons && mayChange(asked);
  return html`<table class="list stack">
<thead><tr><th scope="col">Error</th><th scope="col">Types</th><th scope="col" class="num">Last hour</th><th scope="col" class="num">In all</th><th scope="col" class="num">Newest</th>${
    canChange ? html`<th scope="col"><span class="visually-hidden">Changes</span></th>` : NOTHING
  }</tr></thead>
<tbody>${failures.map(
    ({ id, text, types, lastHour, jobs, newest }) => html`<tr>
<td class="error mono"><a class="plain" href="${listAddress(asked, filterOf(id))}">${text}</a></td>
<td class="types">${typesOf(types)}</td>
<td class="num ${lastHour > 0 ? 'bad strong' : 'dim'}" data-label="last hour">${grouped(lastHour)}</td>
<td class="num" data-label="in all">${grouped(jobs)}</td>
<td class="num dim">${ago(newest, now)}</td>${canChange ? html`<td class="changes">${changes(asked, id, text)}</td>` : NOTHING}</tr>`,
  )}</tbody></table>`;
}

function typesOf(types: readonly string[]): Html {
  const more = types.length - MOST_TYPES;
  return html`${types.slice(0, MOST_TYPES).map((type, i) => html`${i > 0 ? ', ' : ''}<b>${type}</b>`)}${
    more > 0 ? html` <span class="dim">and ${more} more</span>` : NOTHING
  }`;
}

/** Makes the form of a group. The page that answers it asks first. */
function changes({ settings: { base } }: Asked, group: string, text: string): Html {
  const fields = [['all', '1'], ['back', `${base}/errors`], ...fieldsOf(filterOf(group))] as const;
  const button = (act: string, label: string): Html =>
    html`<button class="small" name="act" value="${act}">${label}<span class="visually-hidden"> with: ${text}</span></button>`;
  return html`<form class="bar" method="post" action="${base}/jobs/act">${fields.map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  )}${button('retry', 'Retry all…')}${button('dismiss', 'Dismiss all…')}</form>`;
}
