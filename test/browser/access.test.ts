import assert from 'node:assert/strict';
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';
import { rowsOf } from '../support/queue-file.js';
import { pageTest } from './browser.js';
import { HARMFUL_TYPE } from './sample.js';

/*
 * All pages are for all people: by axe, in both themes, on wide and narrow screens. Its rules say, too, that every
 * control has a name.
 */

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
/** Themes differ in their colours alone. */
const OF_COLOURS = ['color-contrast'];
/** The width of the narrowest screen that WCAG asks for. */
const NARROWEST = 320;

/** The addresses of a page of each kind. */
function addressesOf(file: string): string[] {
  const rows = rowsOf(file);
  const idOf = (status: string, isHarmful = false): string | undefined =>
    rows.findLast((row) => row.status === status && (row.type === HARMFUL_TYPE) === isHarmful)?.id;
  return [
    ...[
      '/',
      '/errors',
      '/schedules',
      '/nothing',
      '/jobs?status=failed',
      '/jobs?q=order_shipped&type=send_email',
    ],
    ...['/jobs?q=found-nowhere', `/jobs/${idOf('failed')}`, `/jobs/${idOf('processing')}`],
    `/jobs/${idOf('failed', true)}`,
  ];
}

/** Names what axe finds on a page. In its old mode it needs no page of its own, which takes longer than all else. */
async function findings(page: Page, rules: readonly string[]): Promise<string[]> {
  const axe = new AxeBuilder({ page }).setLegacyMode(true);
  const { violations } = await (rules === RULES
    ? axe.withTags([...rules])
    : axe.withRules([...rules])
  ).analyze();
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  );
}

/** Names the elements that make a page wider than the screen. */
const tooWide = (page: Page): Promise<string> =>
  page.evaluate<string>(`document.documentElement.scrollWidth <= innerWidth ? '' :
    [...document.querySelectorAll('body *')].filter((one) => one.getBoundingClientRect().right > innerWidth)
      .map((one) => one.tagName + '.' + one.className).join(' ')`);

for (const { theme, width, rules } of [
  { theme: 'light', width: 1280, rules: RULES },
  { theme: 'light', width: 390, rules: RULES },
  { theme: 'dark', width: 1280, rules: OF_COLOURS },
  { theme: 'dark', width: 390, rules: OF_COLOURS },
] as const)
  pageTest(
    `axe finds nothing on any page, ${theme}, ${width} px wide; none is wider than the screen`,
    async ({ page, server, expected }) => {
      expected.push(/status of 404/);
      const found: string[] = [];
      const check = async (what: string): Promise<void> => {
        found.push(...(await findings(page, rules)).map((finding) => `${what}: ${finding}`));
        for (const narrow of width < 600 ? [width, NARROWEST] : [width]) {
          await page.setViewportSize({ width: narrow, height: 900 });
          const wide = await tooWide(page);
          if (wide !== '') found.push(`${what} is wider than ${narrow} px: ${wide}`);
        }
        await page.setViewportSize({ width, height: 900 });
      };
      for (const address of addressesOf(server.file)) {
        await page.goto(address);
        await check(address);
      }
      await page.goto('/jobs?status=failed');
      await page.getByRole('button', { name: /^Retry all/ }).click();
      await page.getByRole('heading', { level: 1, name: /\?$/ }).waitFor();
      await check('the page that asks');
      await page.keyboard.press('?');
      await check('the help for keys');
      assert.deepEqual(found, []);
    },
    { theme, width, isLong: true },
  );
