import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { temporaryFolder } from '../support/folders.js';
import { writeSample } from './sample.js';
import { type QueueServer, serveQueue } from './server.js';

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
  /** True for a test that takes minutes on a busy machine. */
  readonly isLong?: boolean;
}

/** What a test in a browser works with. */
export interface Visit<Server extends { readonly address: string }> {
  readonly t: TestContext;
  readonly page: Page;
  readonly context: BrowserContext;
  readonly server: Server;
  /** What a test expects on the console, because it provokes it. All else fails the test. */
  readonly expected: RegExp[];
}

/** A test in which a person visits the pages of a server. */
export function browserTest<Server extends { readonly address: string }>(
  name: string,
  serve: (t: TestContext) => Promise<Server>,
  work: (visit: Visit<Server>) => Promise<void>,
  look: Look = {},
): void {
  test(name, { skip: SKIP, timeout: (look.isLong === true ? 20 : 4) * PATIENCE_MS }, async (t) => {
    const server = await serve(t);
    const context = await openContext(t, look, server.address);
    const page = await context.newPage();
    const expected: RegExp[] = [];
    const said = listen(context, expected);
    await work({ t, page, context, server, expected });
    assert.deepEqual(said, [], 'the console and the dialogs of the page');
  });
}

/** A test in which a person visits the pages of a queue, a sample of its own. */
export function pageTest(
  name: string,
  work: (visit: Visit<QueueServer>) => Promise<void>,
  { access, ...look }: Look & { readonly access?: 'read' | 'write' } = {},
): void {
  const serve = async (t: TestContext): Promise<QueueServer> => {
    const file = join(temporaryFolder(t), 'queue.tsv');
    writeSample(file);
    return serveQueue(t, file, access);
  };
  browserTest(name, serve, work, look);
}

/** Opens an empty profile. */
async function openContext(
  t: TestContext,
  { theme = 'light', width = 1280, hasScripts = true }: Look,
  baseURL: string,
): Promise<BrowserContext> {
  const context = await (await launch()).newContext({
    baseURL,
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
