import { grouped, lasting } from '../../../view/numbers.js';
import type { TextFilter } from '../../../view/query.js';
import type { Snapshot } from '../../../view/snapshot.js';
import type { Asked } from '../../asked.js';
import { type Html, html } from '../../html.js';
import { hourChart } from '../../parts/chart.js';
import { listAddress } from '../../parts/links.js';

/** Makes the cards of the last hour: what ended in each minute, and how long it took; and what the file holds. */
export function hourCards(asked: Asked, { hour, at, counts }: Snapshot): Html {
  const most = Math.max(...hour.minutes);
  const kept = (name: string, count: number, filter: TextFilter): Html =>
    html`<div><dt>${name}</dt><dd><a class="plain" href="${listAddress(asked, filter)}">${grouped(count)}</a></dd></div>`;
  return html`<section class="card two-thirds"><header><h2>Last hour${
    most > 0 && html`<small>at most ${grouped(most)} a minute</small>`
  }</h2>${most > 0 && html`<p class="legend"><span class="done">done</span><span class="failed">failed</span></p>`}</header>
${most > 0 ? hourChart(hour, at) : html`<p class="empty">No job has ended in the last hour.</p>`}</section>
<section class="card third"><h2>How long<small>in the last hour</small></h2>
<table class="times"><thead><tr><td></td><th scope="col">half of them</th><th scope="col">95 %</th></tr></thead>
<tbody>${timesRow('waited', hour.waited)}${timesRow('ran', hour.ran)}</tbody></table>
<h2>Kept in the file</h2>
<dl class="kept">${kept('done', counts.completed, { states: ['completed'] })}${kept('failed', counts.failed, { states: ['failed'] })}${kept('dismissed', counts.dismissed, { states: ['failed'], isDismissed: true })}${kept('cancelled', counts.cancelled, { states: ['cancelled'] })}</dl></section>`;
}

const timesRow = (name: string, { p50, p95 }: Snapshot['hour']['ran']): Html =>
  html`<tr><th scope="row">${name}</th><td>${timeText(p50)}</td><td>${timeText(p95)}</td></tr>`;

/** Formats a time; `–` if no job ended. */
export const timeText = (ms: number | undefined): string => (ms === undefined ? '–' : lasting(ms));
