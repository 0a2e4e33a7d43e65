import { CHANGES } from '../../view/changes.js';
import { groupText } from '../../view/error-group.js';
import { counted, typesText } from '../../view/job-text.js';
import { grouped } from '../../view/numbers.js';
import type { Look } from '../../view/view.js';
import { type Chosen, keysOf, MOST_CHANGED } from '../act.js';
import type { Asked } from '../asked.js';
import type { ChangeRequest } from '../change-request.js';
import { type Html, html, NOTHING } from '../html.js';
import { fieldsOf } from '../job-query.js';
import { CHANGE_TEXTS } from '../parts/change-texts.js';
import { hiddenFields } from '../parts/job-filter.js';
import { jobTable } from '../parts/job-table.js';
import { statesText, tabOf } from '../parts/job-tabs.js';
import { page } from './layout.js';

/** So many of the jobs are shown. */
const FIRST = 5;
/** From so many selected jobs on, a person is asked. */
export const MANY = 100;
/** From so many jobs on, a retry of all at once may be too much for what they call. */
const SOME = 10;

/** Makes the page that asks if some jobs are to be changed, and says what will happen. */
export async function askPage(asked: Asked, request: ChangeRequest, chosen: Chosen): Promise<Html> {
  const { base } = asked.settings;
  const { name, ids, filter, back } = request;
  const { view, look } = await asked.look();
  const now = look.snapshot.at.getTime();
  const { total, types } = chosen;
  const { labelFor, effect } = CHANGE_TEXTS[name];
  const label = labelFor(total === 1 ? 'this job' : `${grouped(total)} jobs`);
  const jobs = view.jobs(keysOf(view, chosen.ids.slice(0, FIRST)));
  const more = total - MOST_CHANGED;
  const unfit = ids === undefined ? 0 : ids.length - chosen.ids.length;
  // Jobs that come while the person thinks were not on this page.
  const which: Iterable<[string, string]> =
    ids === undefined
      ? [...fieldsOf(filter), ['all', '1'], ['until', String(now)]]
      : chosen.ids.map((id): [string, string] => ['id', id]);
  return page(
    asked,
    { title: label, tab: 'jobs', snapshot: look.snapshot, isLive: false },
    html`<section class="card ask"><h1>${label}?</h1>
<p>${typesText(types)}</p>${ids === undefined && html`<p class="dim">${filterText(request, jobs[0]?.error)}</p>`}
<p>${effect[total === 1 ? 0 : 1]}</p>${pausedText(name, types, look)}
${unfit > 0 && html`<p class="warn">${counted(unfit)} of those selected ${unfit === 1 ? 'stays' : 'stay'} as ${unfit === 1 ? 'it is' : 'they are'}: only ${CHANGES[name].wanted}.</p>`}
${more > 0 && html`<p class="warn">These are more than one request changes: the first ${grouped(MOST_CHANGED)} come now, and ${grouped(more)} are left for the next ones.</p>`}
<h2>${total > FIRST ? `The first ${FIRST}` : total === 1 ? 'The job' : 'The jobs'}</h2>
${jobTable(jobs, { asked, view, now, caption: 'Jobs that will be changed', canSelect: false })}
<form method="post" action="${base}/jobs/act">${hiddenFields([...which, ['act', name], ['sure', '1'], ['back', back]])}
${name === 'retry' && total >= SOME ? spreadField() : NOTHING}
<p class="bar"><button class="${name === 'cancel' ? 'danger' : 'primary'}">${label}</button><a class="button" href="${back}">Go back</a></p></form></section>`,
  );
}

/** Says that jobs won't start because their types are paused. */
function pausedText(name: string, types: ReadonlyMap<string, number>, { health }: Look): Html {
  if (name !== 'retry' && name !== 'promote') return NOTHING;
  const paused = health.pauses.map(({ type }) => type).filter((type) => type === '*' || types.has(type));
  if (paused.length === 0) return NOTHING;
  const which = paused.includes('*')
    ? 'All types are'
    : `${paused.join(', ')} ${paused.length === 1 ? 'is' : 'are'}`;
  return html`<p class="warn">${which} paused: these jobs wait until that is resumed.</p>`;
}

/** Says in words which jobs a filter wants. @param error of one of them, as it may be shown */
function filterText({ name, filter }: ChangeRequest, error: string | undefined): string {
  const { type, group, text } = filter;
  const wanted = { ...filter, states: filter.states ?? CHANGES[name].states };
  const tab = tabOf(wanted);
  const parts = [
    statesText(wanted, tab) ?? tab.kind,
    type !== undefined && `of type ${type}`,
    group !== undefined && `with the error ${error === undefined ? group : groupText(error)}`,
    text !== undefined && `with the text “${text}”`,
  ];
  return `All jobs that are ${parts.filter(Boolean).join(', ')}`;
}

const spreadField =
  (): Html => html`<p class="bar"><label for="spread">They start</label><select id="spread" name="spread">
<option value="">all at once</option><option value="10m">one after another, over 10 minutes</option><option value="1h">one after another, over an hour</option></select>
<span class="dim">A service that has just recovered may not bear all of them at once.</span></p>`;
