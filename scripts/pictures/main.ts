/*
 * Makes the pictures of the docs, of a queue in a bad hour, at a time that stands still: npm run pictures. It needs
 * Chromium, tmux and dist/.
 */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { openQueue } from '../../lib/open-queue.js';
import { createDashboard, nodeHandler } from '../../lib/web.js';
import { writeSample } from '../../test/browser/sample.js';
import { rowsOf } from '../../test/support/queue-file.js';
import { Screen } from '../../test/terminal/screen.js';
import { terminalHtml } from './terminal-html.js';

const NOW = Date.UTC(2030, 0, 15, 18, 7, 32);
const OUT = fileURLToPath(new URL('../../docs/pictures', import.meta.url));
const QUALITY = 82;

Date.now = () => NOW;
const folder = mkdtempSync(join(tmpdir(), 'tsvq-pictures-'));
mkdirSync(join(folder, 'data'));
mkdirSync(OUT, { recursive: true });
const file = join(folder, 'data/queue.tsv');
writeSample(file, { perMinute: 20, earlier: 18_000, now: NOW, isHarmless: true });

const queue = openQueue(file, { anyFileSystem: true });
const dashboard = createDashboard(queue, { access: () => 'write' });
const server = createServer(nodeHandler(dashboard)).listen(0, '127.0.0.1');
await once(server, 'listening');
const baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
/** What has to go at the end, as tests have it. */
const afters: (() => unknown)[] = [];
const context = { after: (work: () => unknown) => void afters.push(work) } as unknown as TestContext;
try {
  const failed = rowsOf(file).findLast(({ type, status }) => type === 'sync_crm' && status === 'failed');
  await picture('web-overview', '/', { width: 1280 });
  await picture('web-overview-dark', '/', { width: 1280, theme: 'dark' });
  await picture('web-errors', '/errors', { width: 1280 });
  await picture('web-job', `/jobs/${failed?.id}`, { width: 1280 });
  await picture('web-phone', '/', { width: 390, height: 844 });
  await terminalPictures(browser);
} finally {
  for (const work of afters) await work();
  await browser.close();
  server.close();
  dashboard.close();
  await queue.close();
  rmSync(folder, { recursive: true, force: true });
}

/** Takes a picture of a page: of its beginning if a height is given, otherwise of the whole page. */
async function picture(
  name: string,
  path: string,
  { width, height, theme = 'light' }: { width: number; height?: number; theme?: 'light' | 'dark' },
): Promise<void> {
  const page = await browser.newPage({
    ...{ baseURL, colorScheme: theme, viewport: { width, height: height ?? 900 } },
  });
  await page.clock.setFixedTime(NOW);
  await page.goto(path);
  await page.locator('#live').waitFor();
  // The folder of this script's queue is no part of the picture.
  await page.locator('footer span').first().evaluate(hideFolder);
  const whole = await page.evaluate<number>('document.documentElement.scrollHeight');
  await take(page, name, { x: 0, y: 0, width, height: height ?? whole });
  await page.close();
}

function hideFolder(element: { textContent: string | null }): void {
  element.textContent = '/srv/app/data/queue.tsv';
}

/** Writes a part of a page as WebP, which is half as large as PNG. */
async function take(
  page: Page,
  name: string,
  clip: { x: number; y: number; width: number; height: number },
): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const { data } = await session.send('Page.captureScreenshot', {
    ...{ format: 'webp', quality: QUALITY, captureBeyondViewport: true, clip: { ...clip, scale: 1 } },
  });
  writeFileSync(join(OUT, `${name}.webp`), Buffer.from(data, 'base64'));
  console.log(`docs/pictures/${name}.webp  ${Math.round((data.length * 3) / 4000)} kB`);
}

/** Takes pictures of `queue status` and `queue top` in a terminal whose time stands still, too. */
async function terminalPictures(browser: Browser): Promise<void> {
  const hook = join(folder, 'clock.mjs');
  writeFileSync(
    hook,
    `const Real = Date;
globalThis.Date = class extends Real {
  constructor(...args) { args.length > 0 ? super(...args) : super(${NOW}); }
  static now() { return ${NOW}; }
};`,
  );
  const env = { NODE_OPTIONS: `--import ${hook}`, COLORTERM: 'truecolor' };
  const status = await Screen.open(context, { columns: 100, rows: 56, env });
  await status.line(`clear; ${Screen.command(file).replace(' top ', ' status ')}`);
  await status.shows('queue show ID');
  const top = await Screen.open(context, { columns: 100, rows: 30, env });
  await top.top(file);
  for (const [name, screen] of Object.entries({ status, top })) {
    const text = (await screen.styled())
      .replace(/^.*shell>.*\n/gm, '')
      .replaceAll(file, '/srv/app/data/queue.tsv')
      .replaceAll(folder, '/srv/app');
    const page = await browser.newPage({ viewport: { width: 1000, height: 900 } });
    await page.setContent(terminalHtml(`queue ${name}`, text));
    const box = await page.locator('div').boundingBox();
    if (box !== null) await take(page, `terminal-${name}`, box);
    await page.close();
  }
}
