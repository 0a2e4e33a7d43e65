import assert from 'node:assert/strict';
import { pageTest } from './browser.js';

pageTest('the mark says live', async ({ page }) => {
  await page.goto('/');
  await page.locator('#live', { hasText: 'live' }).waitFor();
  assert.equal(await page.title(), 'Overview · tsvq');
});
