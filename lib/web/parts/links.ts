import type { TextFilter } from '../../view/view.js';
import type { Asked } from '../asked.js';
import { type Html, html } from '../html.js';
import { writeJobQuery } from '../job-query.js';

/** How much of an id tells a person which job it is. */
const SHORT_ID = 8;

/** Returns the address of the list of some jobs. */
export const listAddress = ({ settings: { base } }: Asked, filter: TextFilter): string =>
  `${base}/jobs${writeJobQuery(filter)}`;

/** Makes the link to a job, with the beginning of its id. */
export const jobLink = ({ settings: { base } }: Asked, id: string): Html =>
  html`<a class="mono" href="${base}/jobs/${encodeURIComponent(id)}">${id.slice(0, SHORT_ID)}</a>`;
