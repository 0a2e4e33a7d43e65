import type { LogLine } from '../../job/log-line.js';
import type { Progress } from '../../job/progress.js';
import { isoSeconds } from '../../view/text.js';
import { type Html, html } from '../html.js';

/** How far a job is, with a bar. */
export const progressPart = ({ percent, message }: Progress): Html =>
  html`<progress max="100" value="${percent}">${Math.floor(percent)} %</progress> ${Math.floor(percent)} %${
    message !== undefined && html` <span class="dim">${message}</span>`
  }`;

/** The lines of a job's log. */
export const logPart = (lines: readonly LogLine[]): Html =>
  html`<pre class="block" tabindex="0" role="region" aria-label="Log">${lines.map(
    ({ at, attempt, kind, text }) =>
      html`<span class="dim">${isoSeconds(at)}${kind !== 'log' && ` ${kind}`}${
        (kind === 'start' || kind === 'end') && ` of attempt ${attempt}`
      }</span> ${text}
`,
  )}</pre>`;
