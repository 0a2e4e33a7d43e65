import { factsOf } from '../../../view/metrics/facts.js';
import { grouped, rate } from '../../../view/numbers.js';
import { FAILED, type TextFilter } from '../../../view/query.js';
import type { Asked } from '../../asked.js';
import { type Html, html } from '../../html.js';
import type { Sight } from '../../live-view.js';
import { listAddress } from '../../parts/links.js';
import { lasting, until } from '../../parts/time.js';

/** A number, and the list that it counts. */
interface Tile {
  readonly name: string;
  readonly count: number;
  readonly note: Html | string;
  readonly filter: TextFilter;
  readonly isBad?: boolean;
}

/** Makes the figures of all jobs. Each leads to its jobs. */
export function tiles(asked: Asked, sight: Sight): Html {
  return html`<ul class="tiles">${tilesOf(sight).map(
    ({ name, count, note, filter, isBad = false }) =>
      html`<li><a class="card" href="${listAddress(asked, filter)}"><span>${name}</span><b${isBad && html` class="bad"`}>${grouped(count)}</b><small>${note}</small></a></li>`,
  )}</ul>`;
}

function tilesOf({ view, look }: Sight): Tile[] {
  const { snapshot } = look;
  const { counts, hour, retries, at } = snapshot;
  const [next] = view.jobs(retries.slice(0, 1));
  const { workers } = factsOf(view, look);
  const failed = counts.failed - counts.dismissed;
  return [
    {
      ...{ name: 'Due now', count: counts.due, filter: { states: ['due'] } },
      note: counts.due === 0 ? 'nothing waits' : html`oldest ${lasting(at.getTime() - counts.oldestDue, at)}`,
    },
    {
      ...{ name: 'Running', count: counts.processing, filter: { states: ['processing'] } },
      note: workers === 0 ? 'none at work' : `in ${workers} ${workers === 1 ? 'worker' : 'workers'}`,
    },
    {
      ...{ name: 'Retrying', count: counts.retrying, filter: { states: ['retrying'] } },
      note: next === undefined ? 'none waits for its time' : html`next ${until(next.runAt, at)}`,
    },
    {
      ...{ name: 'Later', count: counts.later, filter: { states: ['later'] } },
      note:
        counts.waiting === 0
          ? 'planned'
          : `${grouped(counts.waiting)} more ${counts.waiting === 1 ? 'waits' : 'wait'} for others`,
    },
    {
      ...{
        name: 'Failed',
        count: failed,
        filter: FAILED,
        isBad: failed > 0,
      },
      note: `${grouped(counts.failedLately)} in the last hour`,
    },
    {
      ...{ name: 'Done in the last hour', count: hour.completed, filter: { states: ['completed'] } },
      note: rate(hour),
    },
  ];
}
