import { raw } from 'hono/html';
import { groupText } from '../../view/error-group.js';
import type { TextFilter } from '../../view/query.js';
import type { Snapshot } from '../../view/snapshot.js';
import { exact, type Html, html, NOTHING, type Part } from '../html.js';
import { fieldsOf, writeJobQuery } from '../job-query.js';
import { dismissedText, type JobTab, statesText } from './job-tabs.js';

/** From a longer list it is hard to choose, so the name is typed then. */
const MOST_TYPES = 300;

/** Makes the hidden fields of a form. */
export const hiddenFields = (fields: Iterable<readonly [name: string, value: string]>): Html[] =>
  [...fields].map(([name, value]) => html`<input type="hidden" name="${name}" value="${exact(value)}">`);

/** Makes the form that narrows a list down, beside which `total` says how many jobs it has. */
export function filterForm(base: string, filter: TextFilter, { types }: Snapshot, total: Part): Html {
  const { type, text, ...rest } = filter;
  return html`<form class="bar filter" action="${base}/jobs" aria-label="Filter">${hiddenFields(fieldsOf(rest))}
<label class="visually-hidden" for="type">Type</label>${typeField(
    types.map(({ name }) => name),
    type,
  )}
<label class="visually-hidden" for="text">Text</label><input type="search" id="text" name="q" value="${exact(text ?? '')}" placeholder="Id, or any part of payload, error or result">
<button>Search</button><span class="total dim">${total}</span></form>`;
}

function typeField(types: readonly string[], chosen: string | undefined): Html {
  if (types.length > MOST_TYPES)
    return html`<input id="type" name="type" value="${exact(chosen ?? '')}" placeholder="Any type">`;
  const all = chosen === undefined || types.includes(chosen) ? types : [chosen, ...types];
  return html`<select id="type" name="type"><option value="">All types</option>${all.map(
    (name) =>
      html`<option value="${exact(name)}"${name === chosen ? raw(' selected') : NOTHING}>${name}</option>`,
  )}</select>`;
}

/** What narrows a list down beyond its tab, type and text; and the list without it. */
interface Chip {
  readonly text: string;
  readonly without: TextFilter;
}

/**
 * Makes a link for each part of the filter that has no field of its own; it leads to the list without it.
 *
 * @param error an error of the filter's group, as it may be shown; undefined if there is none
 */
export function chipsPart(base: string, filter: TextFilter, tab: JobTab, error: string | undefined): Html {
  const chips: Chip[] = [];
  const { isDismissed: _, states: __, group, ...rest } = filter;
  const ofGroup = group === undefined ? {} : { group };
  const states = statesText(filter, tab);
  if (states !== undefined) chips.push({ text: states, without: { ...tab.filter, ...ofGroup, ...rest } });
  const dismissed = dismissedText(filter, tab);
  if (dismissed !== undefined)
    chips.push({ text: dismissed, without: { ...tab.filter, ...ofGroup, ...rest } });
  const { group: ___, ...withoutGroup } = filter;
  if (group !== undefined)
    chips.push({
      text: error === undefined ? `error group ${group}` : groupText(error),
      without: withoutGroup,
    });
  if (chips.length === 0) return NOTHING;
  return html`<p class="bar chips"><span class="dim">Showing</span>${chips.map(
    ({ text, without }) =>
      html`<a class="chip" href="${base}/jobs${writeJobQuery(without)}"><span>${text}</span><span aria-hidden="true">×</span><span class="visually-hidden">(take this away)</span></a>`,
  )}</p>`;
}
