import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { root } from '../support/folders.js';
import { bareEnvironment } from '../support/processes.js';
import { rowsOf } from '../support/queue-file.js';
import { until } from '../support/waiting.js';
import { pageTest } from './browser.js';
import { HARMFUL_TYPE } from './sample.js';
import { TestServer } from './server.js';

/*
 * What people do on the pages of a queue, from the first look to the change.
 */

/** How many jobs of the file have a status now. */
const count = (file: string, status: string): number =>
  [...new Map(rowsOf(file).map((row) => [row.id, row])).values()].filter((row) => row.status === status)
    .length;

/** Runs `queue` on a file. */
const queue = (file: string, ...args: string[]): Promise<unknown> =>
  promisify(execFile)(process.execPath, [join(root, 'dist/cli.js'), ...args, '-f', file], {
    env: bareEnvironment,
  });

const flash = (page: Page, text: RegExp): Promise<void> =>
  page.locator('.flash', { hasText: text }).waitFor();

pageTest(
  'selected jobs are retried, which the page says, and says once',
  async ({ page, server: { file } }) => {
    const failed = count(file, 'failed');
    await page.goto('/jobs?status=failed');
    await page
      .getByRole('checkbox', { name: /^Select job/ })
      .first()
      .check();
    await page
      .getByRole('checkbox', { name: /^Select job/ })
      .nth(1)
      .check();
    await page.locator('[data-selected]', { hasText: '2' }).waitFor();
    await page.getByRole('button', { name: 'Retry', exact: true }).click();
    await flash(page, /pending again: 2 jobs/i);
    assert.equal(count(file, 'failed'), failed - 2);
    assert.equal(new URL(page.url()).searchParams.has('did'), false);
    await page.reload();
    assert.equal(await page.locator('.flash').count(), 0);
  },
);

pageTest('the box at the head selects all jobs of the page', async ({ page }) => {
  await page.goto('/jobs?status=failed');
  const all = page.getByRole('checkbox', { name: /select all/i });
  const boxes = page.getByRole('checkbox', { name: /^Select job/ });
  await all.check();
  const total = await boxes.count();
  await page.locator('[data-selected]', { hasText: `${total}` }).waitFor();
  await boxes.first().uncheck();
  assert.equal(await all.isChecked(), false);
  await page.locator('[data-selected]', { hasText: `${total - 1}` }).waitFor();
});

for (const hasScripts of [true, false])
  pageTest(
    `all failed jobs are retried after the page has asked${hasScripts ? '' : ', without JavaScript as well'}`,
    async ({ page, server: { file } }) => {
      const failed = count(file, 'failed');
      await page.goto('/');
      await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Jobs' }).click();
      await page
        .getByRole('link', { name: /^Failed/ })
        .first()
        .click();
      await page.getByRole('button', { name: `Retry all ${failed}` }).click();
      await page.getByRole('heading', { level: 1, name: /\?$/ }).waitFor();
      assert.equal(count(file, 'failed'), failed, 'it asks first');
      await page
        .locator('main')
        .getByRole('button', { name: /^Retry/ })
        .click();
      await flash(page, new RegExp(`pending again: ${failed} jobs`, 'i'));
      assert.equal(count(file, 'failed'), 0);
    },
    { hasScripts },
  );

pageTest(
  'without JavaScript a type is paused, and a job searched, opened and retried',
  async ({ page, server: { file } }) => {
    await page.goto('/');
    const type = page.locator('tr', { has: page.getByRole('rowheader', { name: 'send_email' }) });
    await type.getByRole('button', { name: /^Pause/ }).click();
    await flash(page, /paused/i);
    await page
      .locator('tr', { has: page.getByRole('rowheader', { name: /send_email/ }) })
      .getByRole('button', { name: /^Resume/ })
      .waitFor();
    const id = rowsOf(file).findLast((row) => row.status === 'failed' && row.type === 'sync_crm')
      ?.id as string;
    await page.getByRole('searchbox').first().fill(id);
    await page.getByRole('searchbox').first().press('Enter');
    await page.waitForURL(`**/jobs/${id}`);
    await page.getByRole('button', { name: /^Retry/ }).click();
    await flash(page, /pending again/i);
    assert.equal(rowsOf(file).findLast((row) => row.id === id)?.status, 'pending');
  },
  { hasScripts: false },
);

pageTest(
  'what the command line changes is seen within three seconds, but not under a selection',
  async ({ page, server: { file } }) => {
    const ids = rowsOf(file)
      .filter(
        ({ status, attempts, run_at }) =>
          status === 'pending' && attempts === '0' && Number(run_at) > Date.now() / 1000,
      )
      .map(({ id }) => id as string);
    const [first, second] = ids as [string, string];
    await page.goto(`/jobs/${first}`);
    await queue(file, 'cancel', first);
    await page.locator('main', { hasText: 'cancelled' }).waitFor({ timeout: 3000 });
    await page.goto('/jobs?status=later');
    const row = page.locator('tr', { has: page.locator(`[value="${second}"]`) });
    await page
      .getByRole('checkbox', { name: /^Select job/ })
      .first()
      .check();
    await page.locator('#live', { hasText: 'waiting' }).waitFor();
    await queue(file, 'cancel', second);
    await page.waitForTimeout(2500);
    assert.equal(await row.count(), 1);
    await page
      .getByRole('checkbox', { name: /^Select job/ })
      .first()
      .uncheck();
    await row.waitFor({ state: 'detached', timeout: 3000 });
  },
);

pageTest('by keys alone, from the overview to a retry', async ({ page, server: { file } }) => {
  await page.goto('/');
  await page.locator('#live', { hasText: 'live' }).waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('ECONNREFUSED');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/jobs\?q=ECONNREFUSED/);
  await page.locator('tbody tr').first().waitFor();
  for (const key of ['j', 'j', 'k', 'x']) await page.keyboard.press(key);
  assert.equal(
    await page
      .getByRole('checkbox', { name: /^Select job/ })
      .first()
      .isChecked(),
    true,
  );
  await page.keyboard.press('x');
  await page.keyboard.press('/');
  await page.keyboard.type('jx');
  assert.equal(await page.locator('main tbody input:checked').count(), 0, 'typing is typing');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+j');
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/jobs\/[0-9a-f]{16}$/);
  const id = page.url().slice(-16);
  const retry = page.getByRole('button', { name: /^Retry/ });
  await until('the button has the focus', async () => {
    await page.keyboard.press('Tab');
    return retry.evaluate((button: { matches(selector: string): boolean }) => button.matches(':focus'));
  });
  const before = rowsOf(file).length;
  await page.keyboard.press('Enter');
  await flash(page, /pending again/i);
  assert.ok(rowsOf(file).length >= before);
  assert.equal(rowsOf(file).findLast((row) => row.id === id)?.status, 'pending');
});

pageTest('keys can be switched off, and stay so', async ({ page }) => {
  await page.goto('/jobs');
  await page.keyboard.press('?');
  await page.getByRole('checkbox', { name: 'Use these keys' }).uncheck();
  await page.keyboard.press('Escape');
  await page.reload();
  await page.keyboard.press('?');
  assert.equal(await page.getByRole('dialog').isVisible(), false);
  await page.getByRole('button', { name: 'Keys' }).click();
  await page.getByRole('dialog').waitFor();
});

pageTest('a page that is not there says so', async ({ page, expected }) => {
  expected.push(/status of 404/);
  const answer = await page.goto('/nothing');
  assert.equal(answer?.status(), 404);
  await page.locator('main', { hasText: 'no such page' }).waitFor();
});

pageTest('a form of another site changes nothing', async ({ t, page, server, expected }) => {
  expected.push(/status of 403/);
  const { file, address } = server;
  const id = rowsOf(file).findLast(({ status }) => status === 'failed')?.id as string;
  const other = await new TestServer(t, (request, response) => {
    response.writeHead(request.url === '/' ? 200 : 404, { 'content-type': 'text/html' });
    response.end(`<!doctype html><link rel="icon" href="data:,"><form method="post" action="${address}/jobs/act">
<input name="act" value="retry"><input name="id" value="${id}"><button>Win</button></form>`);
  }).start();
  await page.goto(other.address.replace('127.0.0.1', 'localhost'));
  const answered = page.waitForResponse((answer) => answer.request().method() === 'POST');
  await page.getByRole('button', { name: 'Win' }).click();
  assert.equal((await answered).status(), 403);
  assert.equal(rowsOf(file).findLast((row) => row.id === id)?.status, 'failed');
});

pageTest('harmful texts are shown as they are, and do nothing', async ({ page, server: { file } }) => {
  const harmful = [
    ...new Set(
      rowsOf(file)
        .filter(({ type }) => type === HARMFUL_TYPE)
        .map(({ id }) => id),
    ),
  ];
  for (const address of [
    '/',
    '/errors',
    '/jobs',
    '/jobs?status=failed',
    `/jobs?type=${encodeURIComponent(HARMFUL_TYPE)}`,
    ...harmful.map((id) => `/jobs/${id}`),
  ]) {
    await page.goto(address);
    await page.locator('#live', { hasText: 'live' }).waitFor();
    assert.equal(await page.locator('main :is(script, img, b[onclick])').count(), 0, address);
  }
  await page.locator('main', { hasText: '<script>alert(2)</script>' }).waitFor();
  await page.locator('main', { hasText: '\\u202e' }).waitFor();
});

pageTest(
  'a visitor who may only look has nothing to press',
  async ({ page, server: { file } }) => {
    const id = rowsOf(file).findLast(({ status }) => status === 'failed')?.id;
    for (const address of ['/', '/jobs?status=failed', '/errors', '/schedules', `/jobs/${id}`]) {
      await page.goto(address);
      assert.equal(await page.locator('main form[method=post], main button[name]').count(), 0, address);
    }
  },
  { access: 'read' },
);

pageTest(
  'a killed server is offline, and one that comes back is live again',
  async ({ page, server, expected }) => {
    expected.push(/ERR_CONNECTION_REFUSED/, /ERR_EMPTY_RESPONSE/, /ERR_CONNECTION_RESET/);
    await page.goto('/');
    await page.locator('#live', { hasText: 'live' }).waitFor();
    await server.stop();
    await page.locator('#live', { hasText: 'offline since' }).waitFor();
    await server.start();
    await page.locator('#live', { hasText: 'live' }).waitFor();
  },
);
