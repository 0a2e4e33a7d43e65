import type { Look } from '../../view/view.js';
import type { Asked } from '../asked.js';
import { exact, type Html, html } from '../html.js';
import { ago, until } from './time.js';

/** The pill of a type or a schedule that is paused. */
export const PAUSED: Html = html`<span class="badge waiting"><span aria-hidden="true">‖</span>paused</span>`;

/** Says since when a pause lasts, who wants it, and when it ends. */
export const pauseText = ({ since, until: end, by }: Look['health']['pauses'][number], now: Date): Html =>
  html`${ago(since, now)}${by !== undefined && ` by ${by}`}${end !== undefined && html`, ends ${until(end, now)}`}`;

/** Makes the button that pauses a type, or resumes it. @param type a job type, or `*` for all */
export function pauseButton({ settings: { base } }: Asked, type: string, isPaused: boolean): Html {
  const [act, label] = isPaused ? ['resume', 'Resume'] : ['pause', 'Pause'];
  return html`<form method="post" action="${base}/pause"><input type="hidden" name="type" value="${exact(type)}"><button class="small" name="act" value="${act}">${label}${
    type === '*' ? ' all' : html`<span class="visually-hidden"> ${type}</span>`
  }</button></form>`;
}
