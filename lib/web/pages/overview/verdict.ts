import { grouped } from '../../../view/numbers.js';
import { type Problem, verdictOf } from '../../../view/problems.js';
import { FAILED } from '../../../view/query.js';
import { size } from '../../../view/text.js';
import type { Look } from '../../../view/view.js';
import { type Asked, mayChange } from '../../asked.js';
import { type Html, html } from '../../html.js';
import { listAddress } from '../../parts/links.js';
import { pauseButton, pauseText } from '../../parts/pause.js';
import { ago } from '../../parts/time.js';

/** Makes the card that says whether all is well, and what to do if not. */
export function verdictCard(asked: Asked, look: Look): Html {
  const { problems, health, snapshot } = look;
  const isWell = problems.length === 0;
  const [first = '', ...rest] = verdictOf(problems);
  return html`<section class="card verdict ${isWell ? 'well' : 'unwell'}">
<header><h1><span aria-hidden="true">${isWell ? '✓' : '✗'}</span> ${first.toUpperCase()}${rest.join('')}</h1><p class="dim">${workerText(look)} · ${size(health.bytes)}, ${grouped(snapshot.total)} ${snapshot.total === 1 ? 'job' : 'jobs'}</p></header>
${!isWell && html`<ul>${problems.map((problem) => problemItem(asked, problem))}</ul>`}
${health.pauses.length > 0 && html`<ul class="pauses">${health.pauses.map((pause) => pauseItem(asked, pause, snapshot.at))}</ul>`}
</section>`;
}

/** Says when a worker looked last, and how many jobs run. */
const workerText = ({ health: { lastTick }, snapshot: { at, counts } }: Look): Html =>
  lastTick === undefined
    ? html`No worker yet`
    : html`Last worker ${ago(lastTick, at)}, ${counts.processing} running`;

function problemItem(asked: Asked, problem: Problem): Html {
  const { text, hint } = problem;
  const address = addressOf(asked, problem);
  return html`<li><span class="warn" aria-hidden="true">!</span><div>${
    address === undefined ? text : html`<a class="plain" href="${address}">${text}</a>`
  }${hint !== undefined && html`<p class="dim">→ ${hint}</p>`}</div></li>`;
}

/** Returns where the jobs of a problem are listed; undefined if it is not about jobs. */
function addressOf(asked: Asked, { code, type, group }: Problem): string | undefined {
  const { base } = asked.settings;
  const ofType = { ...(type !== undefined && { type }), ...(group !== undefined && { group }) };
  switch (code) {
    case 'failing':
      return listAddress(asked, { ...FAILED, ...ofType });
    case 'failed':
      return `${base}/errors`;
    case 'late':
      return listAddress(asked, { states: ['due'], ...ofType });
    case 'orphaned':
      return listAddress(asked, { states: ['processing'] });
    default:
      return undefined;
  }
}

/** A pause is no problem, but may be why jobs wait. */
function pauseItem(asked: Asked, pause: Look['health']['pauses'][number], now: Date): Html {
  const { type } = pause;
  return html`<li><span class="dim" aria-hidden="true">·</span><div>${
    type === '*' ? 'All jobs' : html`<b>${type}</b>`
  } paused ${pauseText(pause, now)}</div>${mayChange(asked) && pauseButton(asked, type, true)}</li>`;
}
