import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { temporaryFolder } from '../support/folders.js';
import { writeSample } from './sample.js';
import { type PageServer, servePage } from './server.js';

/*
 * A real browser: Chromium, one for each file of tests, and a page of its own for each test.
 */

const EXECUTABLE = findChromium();

/** The reason for which these tests are skipped; false if they can run. */
const SKIP: string | false = EXECUTABLE === undefined ? 'chromium is not installed' : false;

/** Longer than anything here takes on a busy machine. */
const PATIENCE_MS = 30_000;

function findChromium(): string | undefined {
  const { CHROMIUM } = process.env;
  if (CHROMIUM !== undefined) return CHROMIUM;
  try {
    return execFileSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim();
  } catch {
    return existsSync('/usr/bin/chromium') ? '/usr/bin/chromium' : undefined;
  }
}

let browser: Promise<Browser> | undefined;
after(async () => (await browser)?.close());

/** The browser of this file's tests. */
const launch = (): Promise<Browser> =>
  (browser ??= chromium.launch({
    ...(EXECUTABLE !== undefined && { executablePath: EXECUTABLE }),
    // Root has no sandbox, and containers little shared memory.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
  }));

/** How a person looks at the page. */
interface Look {
  readonly theme?: 'light' | 'dark';
  readonly width?: number;
  /** Default: true */
  readonly hasScripts?: boolean;
  readonly access?: 'read' | 'write';
}

/** What a test of the page works with. */
export interface Visit {
  readonly t: TestContext;
  readonly page: Page;
  readonly context: BrowserContext;
  /** The queue file, a sample of its own. */
  readonly file: string;
  readonly server: PageServer;
  /** What a test expects on the console, because it provokes it. All else fails the test. */
  readonly expected: RegExp[];
}

/** A test in which a person visits the page of a sample queue. */
export function pageTest(name: string, work: (visit: Visit) => Promise<void>, look: Look = {}): void {
  test(name, { skip: SKIP, timeout: 4 * PATIENCE_MS }, async (t) => {
    const file = join(temporaryFolder(t), 'queue.tsv');
    writeSample(file);
    const server = await servePage(t, file, look.access);
    const context = await openContext(t, look, server);
    const page = await context.newPage();
    const visit = { t, page, context, file, server, expected: [] };
    const said = listen(context, visit.expected);
    await work(visit);
    assert.deepEqual(said, [], 'the console and the dialogs of the page');
  });
}

/** Opens an empty profile. */
async function openContext(
  t: TestContext,
  { theme = 'light', width = 1280, hasScripts = true }: Look,
  server: PageServer,
): Promise<BrowserContext> {
  const context = await (await launch()).newContext({
    baseURL: server.address,
    colorScheme: theme,
    viewport: { width, height: 900 },
    javaScriptEnabled: hasScripts,
    reducedMotion: 'reduce',
  });
  t.after(() => context.close());
  context.setDefaultTimeout(PATIENCE_MS);
  return context;
}

/** Collects what no page may do: write on the console, fail, or open a dialog. Violations of the policy are on the console. */
function listen(context: BrowserContext, expected: readonly RegExp[]): string[] {
  const said: string[] = [];
  const add = (what: string): void => {
    if (!expected.some((pattern) => pattern.test(what))) said.push(what);
  };
  context.on('console', (message) => add(`${message.type()}: ${message.text()}`));
  context.on('weberror', (error) => add(`error: ${error.error().message}`));
  context.on('dialog', (dialog) => {
    add(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  return said;
}
