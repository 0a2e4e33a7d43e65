import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { coloursOf } from '../../../lib/cli/screen/colours.js';
import { widthOf } from '../../../lib/cli/screen/width.js';
import { screenLines } from '../../../lib/cli/status/screen.js';
import { systemProcesses } from '../../../lib/file/lock/process-id.js';
import { View } from '../../../lib/view/view.js';
import { dead, elsewhere, over } from '../../support/claims.js';
import { isGolden } from '../../support/golden.js';
import { jobId, line } from '../../support/queue-file.js';

/*
 * The texts of `queue status`. Set GOLDEN=write to write them again, and read what has changed.
 */

const NOW = Date.UTC(2030, 0, 1) / 1000;
const REFUSED = 'Error: connect ECONNREFUSED 10.0.4.17:5432\\n    at x';
const TYPES = ['send_email', 'webhook', 'sync_crm', 'nightly_cleanup'];

/** The rows of a queue in trouble: it is night, and a database is down. */
function rowsOfTrouble(): string[] {
  const rows: string[] = [];
  const add = (fields: Parameters<typeof line>[0]): void =>
    void rows.push(line({ id: jobId(rows.length + 1), version: 3, attempts: 1, ...fields }));
  for (let i = 0; i < 200; i++) {
    const finished = NOW - 20 * i;
    const ran = ((i % 17) + 1) / 4;
    const isLost = i % 4 === 2 && i % 3 === 0;
    add({
      ...{ type: TYPES[i % 4] as string, created_at: finished - 60, run_at: finished - ran - (i % 9) },
      ...{ started_at: finished - ran, finished_at: finished, status: isLost ? 'failed' : 'completed' },
      ...(isLost && { error: REFUSED, attempts: 3 }),
    });
  }
  for (let i = 0; i < 7; i++)
    add({
      type: 'webhook',
      status: 'failed',
      attempts: 3,
      finished_at: NOW - 300 - i,
      error: `hooks.globex.example answered 503 after ${i} ms`,
    });
  for (let i = 0; i < 12; i++) add({ type: 'send_email', attempts: 0, version: 1, run_at: NOW - 204 + i });
  for (let i = 0; i < 30; i++) add({ type: 'webhook', attempts: 0, version: 1, run_at: NOW + 60 * i + 60 });
  for (let i = 0; i < 5; i++) add({ type: 'sync_crm', run_at: NOW + 5 + 4 * i, error: REFUSED });
  add({
    type: 'nightly_cleanup',
    status: 'processing',
    attempts: 2,
    started_at: NOW - 5160,
    locked_by: dead(),
    claim_timeout: 3600,
  });
  add({
    type: 'send_email',
    status: 'processing',
    started_at: NOW - 2,
    locked_by: systemProcesses.self(),
    claim_timeout: 3600,
  });
  add({
    type: 'send_email',
    status: 'processing',
    started_at: NOW - 1,
    locked_by: elsewhere,
    claim_timeout: 3600,
  });
  return rows;
}

async function screenOf(t: TestContext, columns: number, rows: string[]): Promise<string> {
  const { queue, file, clock } = over(t, ...rows);
  writeFileSync(`${file}.tick`, `${NOW - 41}\n`);
  const view = new View(queue);
  t.after(() => view.close());
  const lines = screenLines(await view.look(clock.now(), { maxAge: 600_000, maxFailed: 0 }), {
    view,
    columns,
    colours: coloursOf(false),
  });
  for (const one of lines) assert.ok(widthOf(one) <= columns, `${columns}: ${one}`);
  return `${lines.join('\n')}\n`
    .replace(/ {2}\/\S+queue\.tsv {2}/, '  /srv/app/data/queue.tsv  ')
    .replace(new RegExp(`pid ${process.pid}\\b`, 'g'), 'pid 4711');
}

for (const columns of [60, 80, 120])
  test(`shows a queue in trouble in ${columns} columns`, async (t) => {
    isGolden(`status-${columns}.txt`, await screenOf(t, columns, rowsOfTrouble()));
  });

test('says that all is well in a few lines', async (t) => {
  isGolden('status-well.txt', await screenOf(t, 80, rowsOfTrouble().slice(0, 2)));
});

test('shows types and errors of other people harmlessly, and cuts them', async (t) => {
  const row = line({
    ...{ id: jobId(1), type: '日本語'.repeat(30), status: 'failed', attempts: 1, version: 2 },
    ...{ error: `\u001b[31mred\u202e ${'x'.repeat(500)}`, finished_at: NOW - 10 },
  });
  for (const columns of [40, 60, 80]) {
    const text = await screenOf(t, columns, [row]);
    for (const harmful of ['\u001b', '\u202e']) assert.ok(!text.includes(harmful));
    assert.match(text, /\\u001b\[#mred\\u202e/);
  }
});
