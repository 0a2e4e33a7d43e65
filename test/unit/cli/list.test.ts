import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { jobShape } from '../../../lib/cli/job-columns.js';
import { tableOf } from '../../../lib/cli/output.js';
import { coloursOf } from '../../../lib/cli/screen/colours.js';
import { localSeconds } from '../../../lib/cli/screen/times.js';
import { widthOf } from '../../../lib/cli/screen/width.js';
import { isoSeconds } from '../../../lib/view/text.js';
import { NOW, over } from '../../support/claims.js';
import { isGolden } from '../../support/golden.js';
import { line } from '../../support/queue-file.js';

/*
 * The tables of `queue list` on terminals. Set GOLDEN=write to write them again, and read what has changed.
 */

const REFUSED = 'Error: connect ECONNREFUSED 10.0.4.17:5432\\n    at x';

const ROWS = [
  line({
    id: '3fa95c01d2e8b764',
    type: 'send_email',
    payload: '{"to":"ann@example.com"}',
    run_at: NOW - 204,
  }),
  line({
    id: '80c41d0f6a3be257',
    type: 'nightly_cleanup_of_everything',
    run_at: NOW + 3600,
    payload: 'null',
  }),
  line({
    ...{ id: 'b1d07e92c4a6f358', type: 'sync_crm', status: 'failed', attempts: 3, error: REFUSED },
    ...{
      started_at: NOW - 62,
      finished_at: NOW - 60,
      payload: `{"customer":"globex","n":${'1'.repeat(300)}}`,
    },
  }),
  line({
    ...{ id: 'c9e8d7b6a5f40312', type: '日本語のジョブ', status: 'processing', attempts: 1 },
    ...{ started_at: NOW - 5, payload: '{"text":"\u001b[31mred"}' },
  }),
  line({
    ...{ id: 'd0d1d2d3d4d5d6d7', type: 'report', status: 'completed', attempts: 1 },
    ...{ started_at: NOW - 7300, finished_at: NOW - 7200 },
  }),
  line({ id: 'by-hand', type: 'report', status: 'cancelled', finished_at: NOW - 90_000 }),
];

async function tableIn(t: TestContext, screen: number | undefined, chosen?: string[]): Promise<string> {
  const { queue } = over(t, ...ROWS);
  const looks = { now: NOW * 1000, time: isoSeconds, screen, colours: undefined };
  const table = await tableOf(jobShape(looks, chosen), screen);
  let text = '';
  for (const job of await queue.listJobs()) text += table.add(job);
  return text + table.end();
}

for (const columns of [60, 80, 120, 180])
  test(`lists jobs in ${columns} columns`, async (t) => {
    const text = await tableIn(t, columns);
    for (const one of text.split('\n')) assert.ok(widthOf(one) <= columns, `${columns}: ${one}`);
    assert.ok(!text.includes('\u001b'));
    isGolden(`list-${columns}.txt`, text);
  });

test('lists jobs with nothing left out where there is no terminal', async (t) => {
  isGolden('list-piped.txt', await tableIn(t, undefined));
});

test('shows the columns that a person chose, in their order, on any terminal', async (t) => {
  isGolden('list-chosen.txt', await tableIn(t, 60, ['error', 'payload', 'id', 'duration', 'created']));
});

test('colours the state on a terminal', async (t) => {
  const { queue } = over(t, ROWS[2] as string);
  const looks = { now: NOW * 1000, time: isoSeconds, screen: 80, colours: coloursOf(true) };
  const table = await tableOf(jobShape(looks), 80);
  for (const job of await queue.listJobs()) table.add(job);
  assert.ok(table.end().includes(coloursOf(true).bad('failed')));
});

test('a local time has its offset, and one in UTC a Z', (t) => {
  const before = process.env.TZ;
  t.after(() => {
    if (before === undefined) delete process.env.TZ;
    else process.env.TZ = before;
  });
  for (const [zone, text] of [
    ['Europe/Berlin', '2030-01-01T01:00:00+01:00'],
    ['America/St_Johns', '2029-12-31T20:30:00-03:30'],
    ['UTC', '2030-01-01T00:00:00Z'],
  ] as const) {
    process.env.TZ = zone;
    assert.equal(localSeconds(new Date(NOW * 1000)), text);
  }
  assert.equal(localSeconds(new Date(Number.NaN)), 'never');
});
