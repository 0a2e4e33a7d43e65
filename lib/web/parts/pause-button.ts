import type { Asked } from '../asked.js';
import { exact, type Html, html } from '../html.js';

/** Makes the button that pauses a type, or resumes it. @param type a job type, or `*` for all */
export function pauseButton({ settings: { base } }: Asked, type: string, isPaused: boolean): Html {
  const [act, label] = isPaused ? ['resume', 'Resume'] : ['pause', 'Pause'];
  return html`<form method="post" action="${base}/pause"><input type="hidden" name="type" value="${exact(type)}"><button class="small" name="act" value="${act}">${label}${
    type === '*' ? ' all' : html`<span class="visually-hidden"> ${type}</span>`
  }</button></form>`;
}
