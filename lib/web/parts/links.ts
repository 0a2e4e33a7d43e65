import type { TextFilter } from '../../view/query.js';
import type { Asked } from '../asked.js';
import { type Html, html } from '../html.js';
import { writeJobQuery } from '../job-query.js';

/** How much of an id tells a person which job it is. */
const SHORT_ID = 8;

/** Returns the address of the list of some jobs. */
export const listAddress = ({ settings: { base } }: Asked, filter: TextFilter): string =>
  `${base}/jobs${writeJobQuery(filter)}`;

/** Returns the address of a job's page. */
export const jobAddress = ({ settings: { base } }: Asked, id: string): string =>
  `${base}/jobs/${encodeURIComponent(id)}`;

/** Makes the link to a job, with the beginning of its id. */
export const jobLink = (asked: Asked, id: string): Html =>
  html`<a class="mono" href="${jobAddress(asked, id)}" title="${id}">${[...id].slice(0, SHORT_ID).join('')}</a>`;
