import type { Status } from '../../job/job.js';
import { type Html, html } from '../html.js';

/** A state of jobs, as pages name it. */
type State = Exclude<Status, 'recurring'> | 'due' | 'later' | 'retrying';

/** A sign for each state, because a colour alone tells some people nothing. */
const SIGNS: Readonly<Record<State, string>> = {
  failed: '×',
  completed: '✓',
  processing: '▸',
  pending: '○',
  cancelled: '–',
  waiting: '…',
  retrying: '↻',
  due: '●',
  later: '○',
};

/** Makes the pill that names a job's state. */
export const badge = (state: Status | State): Html =>
  html`<span class="badge ${state}"><span aria-hidden="true">${SIGNS[state as State] ?? '·'}</span>${state}</span>`;
