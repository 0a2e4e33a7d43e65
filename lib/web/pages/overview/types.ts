import { grouped } from '../../../view/numbers.js';
import type { TypeSnapshot } from '../../../view/snapshot.js';
import type { Look } from '../../../view/view.js';
import { type Asked, mayChange } from '../../asked.js';
import { type Html, html, NOTHING } from '../../html.js';
import { sparkline } from '../../parts/chart.js';
import { listAddress } from '../../parts/links.js';
import { PAUSED, pauseButton, pauseText } from '../../parts/pause.js';
import { lasting } from '../../parts/time.js';
import { timeText } from './hour.js';

/** How many types are shown at first. */
const MOST_TYPES = 40;

type Pauses = ReadonlyMap<string, Look['health']['pauses'][number]>;

/** Makes the table of types. @param isWhole true to show all, however many there are */
export function typesCard(asked: Asked, { snapshot, health }: Look, isWhole: boolean): Html {
  const { types, at } = snapshot;
  const pauses: Pauses = new Map(health.pauses.map((pause) => [pause.type, pause]));
  const shown = isWhole ? types : busiest(types, pauses);
  const more = types.length - shown.length;
  const canPause = mayChange(asked);
  return html`<section class="card" id="types"><header><h2>Types${
    types.length > 1 && html`<span class="count">${types.length}</span>`
  }</h2>${canPause && pauseButton(asked, '*', pauses.has('*'))}</header>
<table class="list types">
<thead><tr><th scope="col">Type</th><th scope="col" class="num">Due</th><th scope="col" class="num hide-narrow">Oldest</th><th scope="col" class="num hide-narrow">Retry</th><th scope="col" class="num hide-narrow">Run</th><th scope="col" class="num">Done/h</th><th scope="col" class="num">Failed/h</th><th scope="col" class="num hide-narrow">95 % ran</th><th scope="col" class="num hide-narrow">95 % waited</th><th scope="col" class="hide-medium">Last hour</th>${
    canPause ? html`<th scope="col"><span class="visually-hidden">Pause</span></th>` : NOTHING
  }</tr></thead>
<tbody>${shown.map((type) => typeRow(asked, type, pauses, at))}</tbody></table>
${more > 0 && html`<p class="more">and ${more} more: <a href="${asked.settings.base}/?types=all#types">show all types</a></p>`}</section>`;
}

function typeRow(asked: Asked, { name, counts, hour }: TypeSnapshot, pauses: Pauses, at: Date): Html {
  const due = numberCell(counts.due, { address: listAddress(asked, { states: ['due'], type: name }) });
  const retrying = listAddress(asked, { states: ['retrying'], type: name });
  const running = listAddress(asked, { states: ['processing'], type: name });
  return html`<tr>${nameCell(asked, name, pauses, at)}
${due}<td class="num dim hide-narrow">${counts.due > 0 ? lasting(at.getTime() - counts.oldestDue, at) : '–'}</td>
${numberCell(counts.retrying, { address: retrying, look: 'warn hide-narrow' })}${numberCell(counts.processing, { address: running, look: 'hide-narrow' })}
${numberCell(hour.completed)}${numberCell(hour.failed, { look: 'bad strong' })}
<td class="num hide-narrow">${timeText(hour.ran.p95)}</td><td class="num dim hide-narrow">${timeText(hour.waited.p95)}</td>
<td class="hide-medium">${sparkline(hour)}</td>${
    mayChange(asked) && html`<td class="changes">${pauseButton(asked, name, pauses.has(name))}</td>`
  }</tr>`;
}

function nameCell(asked: Asked, name: string, pauses: Pauses, at: Date): Html {
  const own = pauses.get(name);
  const isPaused = own !== undefined || pauses.has('*');
  return html`<th scope="row"><span class="name"><a href="${listAddress(asked, { type: name })}" title="${name}">${name}</a></span>${
    isPaused && html` ${PAUSED}`
  }${own !== undefined && html`<div class="below hide-narrow">${pauseText(own, at)}</div>`}</th>`;
}

/** Makes the cell of a number; a 0 is dim, and leads nowhere. */
function numberCell(count: number, { address, look = '' }: { address?: string; look?: string } = {}): Html {
  const text = grouped(count);
  return count === 0
    ? html`<td class="num dim ${look.includes('hide-narrow') && 'hide-narrow'}">${text}</td>`
    : html`<td class="num ${look}">${address === undefined ? text : html`<a class="plain" href="${address}">${text}</a>`}</td>`;
}

/** Returns the types with the most to see, by name: paused ones first, then failing ones, then those with the most jobs. */
function busiest(types: readonly TypeSnapshot[], pauses: Pauses): readonly TypeSnapshot[] {
  if (types.length <= MOST_TYPES) return types;
  const rank = ({ name, counts, hour }: TypeSnapshot): number[] => [
    Number(pauses.has(name)),
    counts.failedLately,
    counts.due + counts.processing + counts.retrying + hour.completed,
  ];
  const byRank = (a: TypeSnapshot, b: TypeSnapshot): number => {
    const [ranks, others] = [rank(a), rank(b)];
    const i = ranks.findIndex((value, i) => value !== others[i]);
    return i < 0 ? 0 : Number(others[i]) - Number(ranks[i]);
  };
  const first = new Set([...types].sort(byRank).slice(0, MOST_TYPES));
  return types.filter((type) => first.has(type));
}
