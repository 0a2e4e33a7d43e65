import { createHash } from 'node:crypto';
import { raw } from 'hono/html';
import { count, type Duration, duration, onlyKnown } from '../job/checks.js';
import type { Job } from '../job/job.js';
import type { Queue } from '../queue.js';
import { FAILED } from '../view/query.js';
import { exactSpan, firstLine } from '../view/text.js';
import { View } from '../view/view.js';
import { type Asked, shownJob } from './asked.js';
import { report as script, style } from './client/texts.js';
import { type Html, html, NOTHING } from './html.js';
import { rememberingStates } from './last-states.js';
import type { Sight } from './live-view.js';
import { resolveDashboardOptions } from './options.js';
import { htmlDocument } from './pages/document.js';
import { shortPath } from './pages/layout.js';
import { overviewContent } from './pages/overview.js';
import { errorBlock } from './parts/error-block.js';
import { jsonBlock } from './parts/json.js';
import { ago } from './parts/time.js';

/** How a report is made. */
export interface ReportOptions {
  /** Returns the job as it is to be shown; see {@link DashboardOptions.redact}. Default: as it is. */
  redact?: (job: Job) => Job;
  /** How many of the newest failures it has. Default 20. */
  failures?: number;
  /** After how long without a new report it turns red. Default `'5m'`. */
  staleAfter?: Duration;
  /** The longest time without a worker, and the longest wait of a due job, that is no problem. Default `'10m'`. */
  maxAge?: Duration;
}

const KNOWN: readonly (keyof ReportOptions)[] = ['redact', 'failures', 'staleAfter', 'maxAge'];

/**
 * Makes a page that shows how a queue is doing, without a server. It loads nothing from elsewhere, and loads itself again
 * each minute. `queue report` writes it into a file.
 *
 * @returns the HTML of the page
 * @throws TsvqError `INVALID_ARGUMENT`
 * @example
 * writeFileSync('/var/www/queue/index.html', await createReport(queue, { redact: withoutNames }), { mode: 0o640 });
 */
export async function createReport(queue: Queue, options: ReportOptions = {}): Promise<string> {
  onlyKnown('options', options, KNOWN);
  const failures = count('failures', options.failures ?? 20, 0);
  const staleAfter = duration('staleAfter', options.staleAfter ?? '5m');
  const patience = { maxAge: duration('maxAge', options.maxAge ?? '10m'), maxFailed: 0 };
  const settings = resolveDashboardOptions({
    access: () => 'read',
    ...(options.redact && { redact: options.redact }),
  });
  const view = new View(queue, settings.redact);
  try {
    const sight: Sight = { view, look: await view.look(Date.now(), patience) };
    const asked: Asked = {
      queue,
      settings,
      visitor: { access: 'read' },
      look: async () => sight,
      stateOf: rememberingStates(queue),
    };
    const content = html`${await overviewContent(asked, sight, true)}
${await failuresCard(asked, sight, failures)}`;
    return String(reportPage(queue.file, sight.look.snapshot.at, staleAfter, withoutLinks(content)));
  } finally {
    view.close();
  }
}

/** Makes the card of the newest failures, each with its error and payload in a fold. */
async function failuresCard(asked: Asked, { view, look }: Sight, limit: number): Promise<Html> {
  const { at } = look.snapshot;
  const { keys } = await view.query(FAILED, { limit, now: at.getTime() });
  if (keys.length === 0) return NOTHING;
  const jobs = view.jobs(keys).map((job) => shownJob(asked, job));
  return html`<section class="card folds"><h2>Newest failures<small>the last ${jobs.length}</small></h2>${jobs.map(
    ({
      id,
      type,
      error = '',
      payload,
      finishedAt,
    }) => html`<details><summary><b>${type}</b> <span class="mono">${
      firstLine(error, 160) || '(no error)'
    }</span> ${finishedAt && html`<span class="dim">${ago(finishedAt, at)}</span>`}</summary>
<p class="mono dim">queue show ${id}</p>${error !== '' && errorBlock(error)}${
      payload !== undefined &&
      jsonBlock('Payload', payload, html`All of it is in <code>queue show ${id}</code>.`)
    }</details>`,
  )}</section>`;
}

/** Makes plain text of links, because no server answers them. What is no tag is escaped, so only tags are changed. */
const withoutLinks = (content: Html): Html =>
  raw(
    String(content)
      .replace(/<a\b([^>]*?) href="[^"]*"/g, '<span$1')
      .replaceAll('</a>', '</span>'),
  );

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

function reportPage(file: string, at: Date, staleAfter: number, content: Html): Html {
  const policy = `default-src 'none'; style-src ${hashOf(style)}; script-src ${hashOf(script)}; base-uri 'none'; form-action 'none'`;
  const head = html`<meta http-equiv="content-security-policy" content="${policy}">
<style>${raw(style)}</style>`;
  const body = html`<body class="report" data-stale-after="${staleAfter}">
<header class="top"><div><span class="brand"><b>tsvq</b><span>${shortPath(file)}</span></span>
<p id="written">written ${ago(at, at)}</p></div></header>
<main>
<p class="flash bad stale" role="alert" hidden>This page was not written again for more than ${exactSpan(staleAfter)}. Cron has stopped, or <code>queue report</code> fails. What it says is old.</p>
${content}
</main>
<footer><span>${file}</span><span>times are UTC</span></footer>
<script>${raw(script)}</script>
</body>`;
  return htmlDocument('Queue report', head, body);
}
