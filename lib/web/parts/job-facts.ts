import type { Job } from '../../job/job.js';
import { attemptsText, slotText } from '../../view/job-text.js';
import { isoSeconds, toSafeJson } from '../../view/text.js';
import type { View } from '../../view/view.js';
import type { Asked } from '../asked.js';
import { type Html, html, type Part } from '../html.js';
import { badge } from './badge.js';
import { jobLink } from './links.js';
import { progressPart } from './log.js';
import { ago, until } from './time.js';

/** A job that another one waits for, or waited for; undefined if it is no longer in the file. */
type Parent = Awaited<ReturnType<View['parents']>>[number];

/** What the facts need to know besides the job. */
interface Around {
  readonly asked: Asked;
  readonly view: View;
  readonly parents: readonly Parent[];
  /** In ms since 1970. */
  readonly now: number;
}

/** Makes the list of what is known of a job, but for what it is given and what came of it. */
export function factsPart(job: Job, { asked, view, parents, now }: Around): Html {
  const { schedule, meta, lockedBy } = job;
  const facts: [name: string, value: Part][] = [
    ['Progress', job.progress && progressPart(job.progress)],
    ['Attempts', attemptsText(job)],
    ['Interrupted', job.interruptions > 0 && `${job.interruptions} times in a row`],
    ['Priority', job.priority],
    [
      'Time limit',
      job.timeout === undefined ? "that of its type, or the worker's" : `${job.timeout / 1000} s`,
    ],
    ['Group', job.group],
    ['Key', job.dedupeKey],
    [
      'Schedule',
      schedule &&
        html`<a href="${asked.settings.base}/schedules">${schedule.name}</a> <span class="dim">${slotText(job)}</span>`,
    ],
    ['After', parents.length > 0 && parents.map((parent) => parentPart(asked, parent))],
    ['Labels', Object.keys(meta).length > 0 && html`<code>${toSafeJson(meta)}</code>`],
    ['Worker', lockedBy !== undefined && html`<code>${lockedBy}</code> ${liveness(view.isAlive(lockedBy))}`],
    ['Created', moment(job.createdAt, now)],
    ['Run at', moment(job.runAt, now)],
    ['Started', job.startedAt && moment(job.startedAt, now)],
    ['Finished', job.finishedAt && moment(job.finishedAt, now)],
  ];
  const shown = facts.filter(([, value]) => value !== undefined && value !== false);
  return html`<dl class="facts">${shown.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}

const parentPart = (asked: Asked, { id, job }: Parent): Html =>
  html`<span class="parent">${jobLink(asked, id)} ${
    job === undefined
      ? html`<span class="dim">no longer in the file</span>`
      : html`${job.type} ${badge(job.status)}`
  }</span> `;

function liveness(isAlive: boolean | undefined): Html {
  if (isAlive === undefined) return html`<span class="dim">can't be judged from here</span>`;
  return isAlive ? html`<span class="good">lives</span>` : html`<span class="bad">is dead</span>`;
}

function moment(time: Date, now: number): Html {
  const relative = time.getTime() > now ? until(time, now) : ago(time, now);
  return html`${isoSeconds(time)} <span class="dim">(${relative})</span>`;
}
