import { CHANGES } from '../../view/changes.js';
import { counted } from '../../view/job-text.js';
import { type Html, html, NOTHING } from '../html.js';

/** What was done before a redirect, in numbers, because an address must not hold a text that a page shows. */
interface Done {
  /** How many were changed. */
  readonly n: number;
  /** How many were in no state for it. */
  readonly left: number;
  /** How many are still to be changed, because they were too many for one request. */
  readonly more: number;
}

/** What is said of each code. The second text is for a change that came to nothing. */
const TEXTS: Readonly<Record<string, (done: Done) => string>> = {
  ...Object.fromEntries(
    Object.entries(CHANGES).map(([name, { done, wanted }]) => [
      name,
      ({ n, left, more }: Done) =>
        `${done} ${counted(n)}${left === 0 ? '' : `; ${counted(left)} could not be: only ${wanted}`}${
          more === 0 ? '' : `; ${counted(more)} are left for the next request`
        }`,
    ]),
  ),
  pause: () => 'paused: no job of that type starts until it is resumed',
  'pause-all': () => 'paused: no job starts until all types are resumed',
  resume: ({ n }) =>
    n > 0
      ? 'resumed: jobs of that type start again'
      : 'no job starts: that type was not paused, or all types are',
  'resume-all': ({ n }) => (n > 0 ? 'resumed: jobs start again' : 'there was no pause of all types'),
  'pause-schedule': () => 'paused: that schedule makes no jobs until it is resumed',
  'resume-schedule': () => 'resumed: that schedule goes on at its next slot',
  'run-schedule': ({ n }) =>
    n > 0
      ? 'added: a job of that schedule is due now'
      : 'nothing was added, because an earlier job of that schedule is not over, and its overlap is skip',
};

/** Makes what a page says first: what was just done. @param isBad true if it came to nothing */
export const flash = (text: string, isBad = false): Html =>
  html`<p class="flash${isBad ? ' bad' : ''}" role="status">${text.charAt(0).toUpperCase()}${text.slice(1)}.</p>`;

/** Makes the flash that an address asks for: `?did=retry&n=3&left=1`. Nothing if it asks for none. */
export function flashOf(query: URLSearchParams): Html {
  const did = query.get('did') ?? '';
  if (!Object.hasOwn(TEXTS, did)) return NOTHING;
  const [n = 0, left = 0, more = 0] = ['n', 'left', 'more'].map((name) => numberOf(query.get(name)));
  return flash(TEXTS[did]?.({ n, left, more }) ?? '', n === 0);
}

const numberOf = (text: string | null): number => (/^\d{1,9}$/.test(text ?? '') ? Number(text) : 0);
