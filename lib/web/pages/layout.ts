import { raw } from 'hono/html';
import { short } from '../../view/numbers.js';
import type { Snapshot } from '../../view/snapshot.js';
import { type Asked, mayChange } from '../asked.js';
import { ASSETS } from '../assets.js';
import { exact, type Html, html, NOTHING } from '../html.js';
import { htmlDocument } from './document.js';

/** What a page is, around its content. */
export interface Frame {
  /** The title of the window, and which of the tabs is the current one. */
  readonly title: string;
  readonly tab?: 'overview' | 'jobs' | 'errors' | 'schedules';
  /** For the number of errors. */
  readonly snapshot?: Snapshot | undefined;
  /** What is in the search box. */
  readonly text?: string | undefined;
  /** False for an answer to a form, which can't be loaded again. Default: true. */
  readonly isLive?: boolean;
}

const TABS = [
  ['overview', 'Overview', '/'],
  ['jobs', 'Jobs', '/jobs'],
  ['errors', 'Errors', '/errors'],
  ['schedules', 'Schedules', '/schedules'],
] as const;

/** Makes a whole page. */
export function page(
  asked: Asked,
  { title, tab, snapshot, text = '', isLive = true }: Frame,
  content: Html,
): Html {
  const { base } = asked.settings;
  const failed = snapshot === undefined ? 0 : snapshot.counts.failed - snapshot.counts.dismissed;
  const head = html`<link rel="icon" href="${base}${ASSETS.icon.path}">
<link rel="stylesheet" href="${base}${ASSETS.style.path}">
<script src="${base}${ASSETS.client.path}" defer></script>`;
  const body = html`<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="top"><div>
<a class="brand" href="${base}/"><img src="${base}${ASSETS.icon.path}" alt="" width="20" height="20"><b>tsvq</b><span>${shortPath(asked.queue.file)}</span></a>
<nav class="pages" aria-label="Pages">${TABS.map(
    ([name, label, path]) =>
      html`<a href="${base}${path}"${name === tab ? raw(' aria-current="page"') : NOTHING}>${label}${
        name === 'errors' && failed > 0 ? html`<span class="count bad">${short(failed)}</span>` : NOTHING
      }</a>`,
  )}</nav>
<form class="search" role="search" action="${base}/jobs"><input type="search" name="q" value="${exact(text)}" aria-label="Search jobs" placeholder="Search id, payload, error  /"></form>
<span id="live" class="live" hidden></span>
</div></header>
<main id="main" tabindex="-1" data-access="${mayChange(asked) ? 'write' : 'read'}"${isLive ? NOTHING : raw(' data-live="off"')}>
${content}
</main>
<footer><span>${asked.queue.file}</span><span>times are UTC</span></footer>
</body>`;
  return htmlDocument(title, head, body);
}

/** Returns the end of a path, which tells queues apart: `data/queue.tsv`. */
export const shortPath = (path: string): string => path.split(/[\\/]/).slice(-2).join('/');
