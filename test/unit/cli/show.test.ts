import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { pageLines } from '../../../lib/cli/job-page.js';
import { coloursOf } from '../../../lib/cli/screen/colours.js';
import { widthOf } from '../../../lib/cli/screen/width.js';
import type { Job } from '../../../lib/job/job.js';
import { isoSeconds } from '../../../lib/view/text.js';
import { View } from '../../../lib/view/view.js';
import { NOW, over } from '../../support/claims.js';
import { isGolden } from '../../support/golden.js';
import { line, struck } from '../../support/queue-file.js';

/*
 * The page of `queue show`. Set GOLDEN=write to write it again, and read what has changed.
 */

const ID = '3fa95c01d2e8b764';
const REFUSED =
  'Error: connect ECONNREFUSED 10.0.4.17:5432\\ncaused by: Error: getaddrinfo\\n    at sync (/srv/app/crm.js:7:9)\\n    at x';

const row = (version: number, fields: Parameters<typeof line>[0]): string =>
  line({
    ...{ id: ID, type: 'sync_crm', payload: '{"customer":"globex"}', max_attempts: 2, version },
    ...{ created_at: NOW - 4000, run_at: NOW - 3600 },
    ...fields,
  });

/** A job that failed twice, was retried by hand, and failed again. */
const ROWS = [
  struck(row(1, {})),
  struck(row(2, { status: 'processing', attempts: 1, started_at: NOW - 3590, locked_by: 'a.0.0.17.1.aa' })),
  struck(
    row(3, { attempts: 1, started_at: NOW - 3590, run_at: NOW - 3500, error: 'Error: timed out\\n    at y' }),
  ),
  line({ id: '4fa95c01d2e8b765' }),
  struck(row(4, { status: 'processing', attempts: 2, started_at: NOW - 3499, run_at: NOW - 3500 })),
  struck(
    row(5, {
      status: 'failed',
      attempts: 2,
      started_at: NOW - 3499,
      finished_at: NOW - 3400,
      error: REFUSED,
    }),
  ),
  struck(row(6, { attempts: 2, forgiven: 2, started_at: NOW - 3499, run_at: NOW - 300, error: REFUSED })),
  struck(
    row(7, {
      status: 'processing',
      attempts: 3,
      forgiven: 2,
      started_at: NOW - 299,
      run_at: NOW - 300,
      error: REFUSED,
    }),
  ),
  row(8, {
    ...{ status: 'failed', attempts: 3, forgiven: 2, error: REFUSED },
    ...{ started_at: NOW - 299, run_at: NOW - 300, finished_at: NOW - 290 },
  }),
];

async function pageOf(
  t: TestContext,
  rows: readonly string[],
  screen: number | undefined,
  isColoured = false,
) {
  const { queue, store, file } = over(t, ...rows);
  writeFileSync(`${file}.tick`, `${NOW - 41}\n`);
  const looks = { now: NOW * 1000, time: isoSeconds, colours: coloursOf(isColoured), screen };
  const view = new View(queue);
  const history = await view.history(ID, NOW * 1000);
  return pageLines((await queue.getJob(ID)) as Job, history, { store, queue, view }, looks);
}

for (const columns of [60, 80, 120])
  test(`shows a job in ${columns} columns`, async (t) => {
    const lines = await pageOf(t, ROWS, columns);
    for (const one of lines) assert.ok(widthOf(one) <= columns, `${columns}: ${one}`);
    isGolden(`show-${columns}.txt`, `${lines.join('\n')}\n`);
  });

test('shows what the last row says, after a compaction, or before the next attempt', async (t) => {
  const pages = [
    ROWS.slice(-1),
    [row(3, { attempts: 1, started_at: NOW - 3590, run_at: NOW + 60, error: REFUSED })],
    [row(2, { status: 'processing', attempts: 1, started_at: NOW - 3590 })],
    [row(1, { run_at: NOW - 4000 })],
  ];
  const texts = [];
  for (const rows of pages) {
    const lines = await pageOf(t, rows, undefined);
    texts.push(lines.slice(lines.indexOf('timeline'), lines.indexOf('payload')).join('\n'));
  }
  isGolden('show-timelines.txt', `${texts.join('\n\n')}\n`);
});

test('dims the frames of the stack on a terminal, and shows text of other people harmlessly', async (t) => {
  const { dim, bad } = coloursOf(true);
  const lines = await pageOf(t, ROWS, 80, true);
  assert.ok(lines.includes(`  ${bad('caused by: Error: getaddrinfo')}`));
  assert.ok(lines.includes(`  ${dim('    at sync (/srv/app/crm.js:7:9)')}`));
  const evil = await pageOf(t, [row(1, { error: '\u001b[2J\u202e', type: 'a\u0007' })], 80);
  for (const harmful of ['\u001b', '\u202e', '\u0007']) assert.ok(!evil.join('').includes(harmful));
});
