import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openQueue } from '../../lib/index.js';
import { createReport } from '../../lib/web/report.js';
import { pageTest } from './browser.js';

/* A report that is opened as a file, long after cron has stopped. */

pageTest('a report turns red once it is too old, and says so', async ({ t, page, server }) => {
  const queue = openQueue(server.file);
  t.after(() => queue.close());
  const path = join(dirname(server.file), 'report.html');
  writeFileSync(path, await createReport(queue, { staleAfter: '5m' }));
  await page.clock.install();
  await page.goto(`file://${path}`);
  const warning = page.getByRole('alert');
  assert.equal(await warning.isVisible(), false);
  assert.match((await page.locator('#written').textContent()) ?? '', /^written \d+s ago|just now$/);
  // With an open fold it isn't loaded again, so a person reads on.
  await page.locator('details').first().click();
  await page.clock.runFor(290_000);
  assert.equal(await warning.isVisible(), false);
  await page.clock.runFor(30_000);
  await warning.waitFor();
  assert.match((await warning.textContent()) ?? '', /not written again for more than 5m/);
  assert.match((await page.locator('#written').textContent()) ?? '', /^written 5m/);
});
