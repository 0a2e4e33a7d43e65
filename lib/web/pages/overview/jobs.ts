import type { Job } from '../../../job/job.js';
import { progressLine } from '../../../view/job-text.js';
import { grouped } from '../../../view/numbers.js';
import { firstLine } from '../../../view/text.js';
import type { View } from '../../../view/view.js';
import { DEAD, workerOf } from '../../../view/worker-text.js';
import type { Asked } from '../../asked.js';
import { type Html, html } from '../../html.js';
import type { Sight } from '../../live-view.js';
import { jobLink, listAddress } from '../../parts/links.js';
import { lasting, until } from '../../parts/time.js';

/** How many jobs each card shows. */
const MOST_RUNNING = 10;
const MOST_RETRIES = 6;
/** How much of an error. */
const MOST_TEXT = 200;

/** Makes the card of the jobs that run, the longest first. */
export async function runningCard(asked: Asked, { view, look: { snapshot } }: Sight): Promise<Html> {
  const { at, counts } = snapshot;
  const jobs = view.jobs(snapshot.running.slice(0, MOST_RUNNING));
  const workers = await Promise.all(jobs.map((job) => workerCell(job, view, at)));
  return html`<section class="card half">${title(asked, 'Running', 'processing', counts.processing, jobs.length)}${
    jobs.length === 0
      ? html`<p class="empty">Nothing runs.</p>`
      : html`<table class="list">
<thead><tr><th scope="col">Id</th><th scope="col">Type</th><th scope="col" class="num">Elapsed</th><th scope="col" class="num hide-narrow">Attempt</th><th scope="col">Worker</th></tr></thead>
<tbody>${jobs.map(
          ({ id, type, startedAt, attempts, progress }, i) =>
            html`<tr><td>${jobLink(asked, id)}</td><td class="cut" title="${type}">${type}${progress !== undefined && html` <span class="dim">${progressLine(progress)}</span>`}</td><td class="num">${lasting(startedAt ?? Number.NaN, at)}</td><td class="num dim hide-narrow">${attempts}</td>${workers[i]}</tr>`,
        )}</tbody></table>`
  }</section>`;
}

async function workerCell(job: Job, view: View, now: Date): Promise<Html> {
  const worker = workerOf(job, view);
  if (worker === DEAD) return html`<td class="worker bad">${worker}</td>`;
  const overdueAt = await view.overdueAt(job);
  return overdueAt !== undefined && overdueAt < now.getTime()
    ? html`<td class="worker warn">over its time, ${worker}</td>`
    : html`<td class="worker dim">${worker}</td>`;
}

/** Makes the card of the jobs that are tried again, the next first. */
export function retriesCard(asked: Asked, { view, look: { snapshot } }: Sight): Html {
  const { at, counts } = snapshot;
  const jobs = view.jobs(snapshot.retries.slice(0, MOST_RETRIES));
  return html`<section class="card half">${title(asked, 'Next retries', 'retrying', counts.retrying, jobs.length)}${
    jobs.length === 0
      ? html`<p class="empty">No job waits for its next attempt.</p>`
      : html`<table class="list">
<thead><tr><th scope="col">Id</th><th scope="col">Type</th><th scope="col">Error</th><th scope="col" class="num hide-narrow">Tried</th><th scope="col" class="num">Next</th></tr></thead>
<tbody>${jobs.map(
          ({ id, type, error = '', attempts, runAt }) =>
            html`<tr><td>${jobLink(asked, id)}</td><td><span class="name" title="${type}">${type}</span></td><td class="cut dim">${firstLine(error.replace(/^Error: /, ''), MOST_TEXT)}</td><td class="num dim hide-narrow">${attempts}×</td><td class="num">${until(runAt, at)}</td></tr>`,
        )}</tbody></table>`
  }</section>`;
}

/** Makes the head of a card, with a link to all if it shows only some. */
function title(
  asked: Asked,
  name: string,
  state: 'processing' | 'retrying',
  count: number,
  shown: number,
): Html {
  return html`<header><h2>${name}${count > 0 && html`<span class="count">${grouped(count)}</span>`}</h2>${
    count > shown && html`<a href="${listAddress(asked, { states: [state] })}">all ${grouped(count)}</a>`
  }</header>`;
}
