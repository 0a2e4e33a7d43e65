import { grouped, lasting } from '../../../view/numbers.js';
import type { TypeSnapshot } from '../../../view/snapshot.js';
import type { Look } from '../../../view/view.js';
import { type Asked, mayChange } from '../../asked.js';
import { type Html, html, NOTHING } from '../../html.js';
import { sparkline } from '../../parts/chart.js';
import { listAddress } from '../../parts/links.js';
import { pauseButton } from '../../parts/pause-button.js';
import { timeText } from './hour.js';

/** How many types are shown at first. */
const MOST_TYPES = 40;

/** Makes the table of types. @param isWhole true to show all, however many there are */
export function typesCard(
  asked: Asked,
  { snapshot: { types }, health: { pauses } }: Look,
  isWhole: boolean,
): Html {
  const paused = new Set(pauses.map(({ type }) => type));
  const shown = isWhole ? types : busiest(types, paused);
  const more = types.length - shown.length;
  const canPause = mayChange(asked);
  return html`<section class="card" id="types"><header><h2>Types${types.length > 1 && html`<span class="count">${types.length}</span>`}</h2>${
    canPause && pauseButton(asked, '*', paused.has('*'))
  }</header>
<table class="list types">
<thead><tr><th scope="col">Type</th><th scope="col" class="num">Due</th><th scope="col" class="num hide-narrow">Oldest</th><th scope="col" class="num hide-narrow">Retry</th><th scope="col" class="num hide-narrow">Run</th><th scope="col" class="num">Done/h</th><th scope="col" class="num">Failed/h</th><th scope="col" class="num hide-narrow">95 % ran</th><th scope="col" class="num hide-narrow">95 % waited</th><th scope="col" class="hide-narrow hide-medium">Last hour</th>${
    canPause ? html`<th scope="col"><span class="visually-hidden">Pause</span></th>` : NOTHING
  }</tr></thead>
<tbody>${shown.map((type) => typeRow(asked, type, paused))}</tbody></table>
${more > 0 && html`<p class="more">and ${more} more: <a href="${asked.settings.base}/?types=all#types">show all types</a></p>`}</section>`;
}

function typeRow(asked: Asked, { name, counts, hour }: TypeSnapshot, paused: ReadonlySet<string>): Html {
  const isPaused = paused.has(name) || paused.has('*');
  const list = (states: 'due' | 'retrying' | 'processing', count: number, look = ''): Html =>
    html`<td class="num ${count === 0 ? 'dim' : look}${states !== 'due' && ' hide-narrow'}">${
      count === 0
        ? '0'
        : html`<a class="plain" href="${listAddress(asked, { states: [states], type: name })}">${grouped(count)}</a>`
    }</td>`;
  return html`<tr><th scope="row"><span class="name"><a href="${listAddress(asked, { type: name })}" title="${name}">${name}</a>${
    isPaused && html` <span class="badge waiting"><span aria-hidden="true">‖</span>paused</span>`
  }</span></th>
${list('due', counts.due)}<td class="num dim hide-narrow">${counts.due > 0 ? lasting(counts.oldestDue) : '–'}</td>
${list('retrying', counts.retrying, 'warn')}${list('processing', counts.processing)}
<td class="num${hour.completed === 0 && ' dim'}">${grouped(hour.completed)}</td>
<td class="num ${hour.failed > 0 ? 'bad strong' : 'dim'}">${grouped(hour.failed)}</td>
<td class="num hide-narrow">${timeText(hour.ran.p95)}</td><td class="num dim hide-narrow">${timeText(hour.waited.p95)}</td>
<td class="hide-narrow hide-medium">${sparkline(hour)}</td>${
    mayChange(asked) && html`<td class="acts">${pauseButton(asked, name, paused.has(name))}</td>`
  }</tr>`;
}

/** Returns the types with the most to see, by name: paused and failing ones first, then those with the most jobs. */
function busiest(types: readonly TypeSnapshot[], paused: ReadonlySet<string>): readonly TypeSnapshot[] {
  if (types.length <= MOST_TYPES) return types;
  const weight = ({ name, counts, hour }: TypeSnapshot): number =>
    (paused.has(name) ? 1e12 : 0) +
    1e6 * Math.min(1e5, hour.failed) +
    (counts.due + counts.processing + counts.retrying + hour.completed);
  const first = new Set([...types].sort((a, b) => weight(b) - weight(a)).slice(0, MOST_TYPES));
  return types.filter((type) => first.has(type));
}
