import { grouped } from '../../view/numbers.js';
import type { TextFilter } from '../../view/query.js';
import { type ChangeName, changesFor, choose } from '../act.js';
import type { Asked } from '../asked.js';
import { type Html, html, NOTHING } from '../html.js';
import { fieldsOf } from '../job-query.js';
import { CHANGE_TEXTS } from './change-texts.js';
import { hiddenFields } from './job-filter.js';

/** The form that changes all jobs of a list. Its buttons stand in the other form, beside those for the selected jobs. */
const FOR_ALL = 'for-all';

/** Makes a button that asks for a change. */
const button = (name: ChangeName, label: string, attributes: Html = NOTHING): Html =>
  html`<button name="act" value="${name}"${name === 'cancel' ? html` class="danger"` : NOTHING}${attributes}>${label}</button>`;

/** Returns the changes that make sense for the jobs of a list. */
function changesOf({ states, isDismissed }: TextFilter): ChangeName[] {
  // For a list of everything, those that people need most.
  if (states === undefined) return ['retry', 'cancel'];
  return changesFor(states).filter((name) => name !== 'dismiss' || isDismissed !== true);
}

/** Makes the form around a list of jobs, with the buttons for those that are selected, and for all. */
export async function listForm(asked: Asked, filter: TextFilter, back: string, list: Html): Promise<Html> {
  const { base } = asked.settings;
  const changes = changesOf(filter);
  if (changes.length === 0) return list;
  const fields = hiddenFields([...fieldsOf(filter), ['back', back]]);
  const isEverything = fieldsOf(filter).length === 0;
  const totals = isEverything
    ? []
    : await Promise.all(changes.map(async (name) => (await choose(asked, name, filter, 0)).total));
  const forAll = changes.map((name, i) => {
    const total = totals[i] ?? 0;
    const label = `${CHANGE_TEXTS[name].labelFor(`all ${grouped(total)}`)}…`;
    return total > 0 && button(name, label, html` form="${FOR_ALL}"`);
  });
  return html`<form method="post" action="${base}/jobs/act" id="${FOR_ALL}">${fields}<input type="hidden" name="all" value="1"></form>
<form method="post" action="${base}/jobs/act">${fields}
<div class="bar acts"><span class="dim">Selected</span>${changes.map((name) => button(name, CHANGE_TEXTS[name].label))}<span class="dim" data-selected hidden></span><span class="rest">${forAll}</span></div>
${list}</form>`;
}

/** Makes the form that changes one job. */
export function jobForm(base: string, id: string, changes: readonly ChangeName[], back: string): Html {
  if (changes.length === 0) return NOTHING;
  return html`<form method="post" action="${base}/jobs/act" class="bar">${hiddenFields([
    ['id', id],
    ['back', back],
  ])}${changes.map((name) => button(name, CHANGE_TEXTS[name].label, name === 'retry' ? html` class="primary"` : NOTHING))}</form>`;
}
