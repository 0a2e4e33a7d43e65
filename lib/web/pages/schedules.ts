import { eachSchedule, type ListedSchedule } from '../../view/listed-schedule.js';
import { grouped } from '../../view/numbers.js';
import { cameTo, nextRunOf, whenOf, zoned } from '../../view/schedule-text.js';
import { isoSeconds } from '../../view/text.js';
import { type Asked, mayChange, type Request } from '../asked.js';
import { exact, type Html, html, NOTHING } from '../html.js';
import { badge } from '../parts/badge.js';
import { flashOf } from '../parts/flash.js';
import { listAddress } from '../parts/links.js';
import { PAUSED } from '../parts/pause.js';
import { ago, until } from '../parts/time.js';
import { page } from './layout.js';

/** Makes the page of schedules, the next to run first. @param refusal why a change that was asked for was not made */
export async function schedulesPage(request: Request, refusal?: Html): Promise<Html> {
  const asked = request.get('asked');
  const {
    look: { snapshot },
  } = await asked.look();
  const schedules: ListedSchedule[] = [];
  for await (const schedule of eachSchedule(asked.queue, asked.stateOf)) schedules.push(schedule);
  const nextOf = ({ nextRun }: ListedSchedule): number => nextRun?.getTime() ?? Number.POSITIVE_INFINITY;
  schedules.sort((a, b) => (nextOf(a) < nextOf(b) ? -1 : Number(nextOf(a) > nextOf(b))));
  return page(
    asked,
    { title: 'Schedules', tab: 'schedules', snapshot, isLive: refusal === undefined },
    html`${refusal ?? flashOf(new URL(request.req.url).searchParams)}
<section class="card"><header><h1>Schedules<small>${schedules.length === 0 ? '' : 'the next to run first, with times in their own zone'}</small></h1></header>
${
  schedules.length === 0
    ? html`<p class="empty">There are none. Add one with <code>queue schedule add</code>, or declare it in your code.</p>`
    : table(asked, schedules, snapshot.at)
}</section>`,
  );
}

function table(asked: Asked, schedules: readonly ListedSchedule[], now: Date): Html {
  return html`<table class="list stack">
<thead><tr><th scope="col">Name</th><th scope="col">When</th><th scope="col">Next run</th><th scope="col">Last slot</th><th scope="col">Came to</th><th scope="col" class="num">Made</th>${
    mayChange(asked) ? html`<th scope="col"><span class="visually-hidden">Changes</span></th>` : NOTHING
  }</tr></thead>
<tbody>${schedules.map((schedule) => row(asked, schedule, now))}</tbody></table>`;
}

function row(asked: Asked, schedule: ListedSchedule, now: Date): Html {
  const { name, spec, nextRun, lastSlot, fired, paused } = schedule;
  return html`<tr>
<th scope="row"><span class="name" title="${name}">${name}</span>${
    paused && html` ${PAUSED}`
  }<div class="below"><a href="${listAddress(asked, { type: spec.type })}">${spec.type}</a></div></th>
<td class="mono">${whenOf(spec)}</td>
<td data-before="next run">${
    nextRun === undefined
      ? html`<span class="dim">${nextRunOf(schedule)}</span>`
      : html`${until(nextRun, now)}<div class="below">${zonedTime(nextRun, schedule)}</div>`
  }</td>
<td data-before="last slot">${lastSlot === undefined ? html`<span class="dim">–</span>` : html`${ago(lastSlot, now)}<div class="below">${zonedTime(lastSlot, schedule)}</div>`}</td>
<td>${outcome(asked, schedule)}</td>
<td class="num" data-label="made">${grouped(fired)}</td>${mayChange(asked) && html`<td class="changes">${changes(asked, schedule)}</td>`}</tr>`;
}

const zonedTime = (time: Date, { spec }: ListedSchedule): Html =>
  html`<time datetime="${time.toISOString()}" title="${isoSeconds(time)}">${zoned(time, spec)}</time>`;

/** Makes what came of the last slot: its job, or why it has none. */
function outcome(asked: Asked, schedule: ListedSchedule): Html | string {
  const { lastJob, lastStatus } = schedule;
  return lastJob === undefined || lastStatus === undefined
    ? html`<span class="dim">${cameTo(schedule)}</span>`
    : html`<a href="${asked.settings.base}/jobs/${encodeURIComponent(lastJob)}" title="job ${lastJob}">${badge(lastStatus)}</a>`;
}

function changes({ settings: { base } }: Asked, { name, paused }: ListedSchedule): Html {
  const button = (act: string, label: string): Html =>
    html`<button class="small" name="act" value="${act}">${label}<span class="visually-hidden"> ${name}</span></button>`;
  return html`<form class="bar" method="post" action="${base}/schedules/act"><input type="hidden" name="name" value="${exact(name)}">${
    paused ? button('resume', 'Resume') : button('pause', 'Pause')
  }${button('run', 'Run now')}</form>`;
}
