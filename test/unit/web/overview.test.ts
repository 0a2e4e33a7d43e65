import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { systemProcesses } from '../../../lib/file/lock/process-id.js';
import { dead } from '../../support/claims.js';
import { jobId, line, writeQueue } from '../../support/queue-file.js';
import { browse, ended, type Fields, failed, later, partOf, rowsAfter, seconds } from './browsing.js';

/*
 * The page that says how the queue is doing.
 */

const verdict = (html: string): string => partOf(html, '<section class="card verdict', '</section>');

const running = (n: number, fields: Fields): string =>
  line({
    ...{ id: jobId(n), status: 'processing', attempts: 1, version: 2 },
    ...{ started_at: seconds() - 60, claim_timeout: 600, ...fields },
  });

test('a queue without problems is well, and the page says so', async (t) => {
  const { get } = browse(t, [ended(1), later(2)]);
  const { status, html, text } = await get('/');
  assert.equal(status, 200);
  assert.match(verdict(html), /class="card verdict well"/);
  assert.match(text, /✓ All is well Last worker just now, 0 running · \d+ B, 2 jobs/);
  assert.doesNotMatch(verdict(html), /<li>/);
});

test('each problem has its hint, and leads to the jobs that it is about', async (t) => {
  const now = seconds();
  const { get } = browse(t, [
    ...Array.from({ length: 6 }, (_, i) => failed(i, { type: 'web & hook' })),
    later(10, { run_at: now - 1200 }),
    running(11, { started_at: now - 3000, locked_by: dead() }),
  ]);
  const { html, text } = await get('/');
  assert.match(text, /✗ 4 problems/);
  const links = [...verdict(html).matchAll(/href="([^"]*)"[^>]*>([^<]*)/g)].map(([, to, what]) => [what, to]);
  assert.deepEqual(
    links.map(([what, to]) => [what?.replace(/\d+m/, 'n'), to?.replace(/[0-9a-f]{10}/, 'ID')]),
    [
      ['1 due, the oldest for n', '/admin/queue/jobs?status=due'],
      [
        'web &amp; hook: 6 of 6 failed in the last hour — hooks.example answered 503',
        '/admin/queue/jobs?status=failed&amp;type=web+%26+hook&amp;group=ID&amp;dismissed=false',
      ],
      ['6 failed', '/admin/queue/errors'],
      ['1 job left by dead workers (see queue doctor)', '/admin/queue/jobs?status=processing'],
    ],
  );
  assert.match(text, /→ after the fix: queue retry --type web & hook --error [0-9a-f]{10}/);
});

test('a queue that no worker has looked at yet says what to do', async (t) => {
  const { get, file } = browse(t);
  writeQueue(file, later(1));
  const { text } = await get('/');
  assert.match(text, /✗ 1 problem No worker yet/);
  assert.match(text, /! no worker has run yet → queue cron install adds the line to your crontab/);
});

test('the figures lead to the jobs that they count', async (t) => {
  const now = seconds();
  const { get } = browse(t, [
    ...[1, 2].map((n) => later(n, { run_at: now - 40 })),
    ...[3, 4, 5].map((n) => later(n, { attempts: 1, error: 'Error: no', run_at: now + 100 })),
    ...[6, 7, 8, 9].map((n) => later(n)),
    line({ id: jobId(10), status: 'waiting', after: jobId(6) }),
    failed(11),
    failed(12, { finished_at: now - 7200 }),
    failed(13, { meta: '{"@dismissed":true}' }),
    ...Array.from({ length: 30 }, (_, i) => ended(20 + i)),
    running(60, { locked_by: systemProcesses.self() }),
  ]);
  const { html } = await get('/');
  const tiles = [...html.matchAll(/<li><a class="card" href="([^"]*)">(.*?)<\/a>/g)].map(([, to, text]) => [
    text
      ?.replace(/<[^>]*>/g, ' ')
      .replace(/\s+/g, ' ')
      .trim(),
    to?.replace('/admin/queue/jobs?', ''),
  ]);
  assert.deepEqual(tiles, [
    ['Due now 2 oldest 40s', 'status=due'],
    ['Running 1 in 1 worker', 'status=processing'],
    ['Retrying 3 next in 1m 40s', 'status=retrying'],
    ['Later 4 1 more waits for others', 'status=later'],
    ['Failed 2 1 in the last hour', 'status=failed&amp;dismissed=false'],
    ['Done in the last hour 30 0.5/min', 'status=completed'],
  ]);
});

test('the chart has a bar for each minute, and says in words what it shows', async (t) => {
  const now = seconds();
  const minute = new Date(1000 * (now - 300)).toISOString().slice(11, 16);
  const { get } = browse(t, [
    ...[1, 2, 3].map((n) => ended(n, { finished_at: now - 300 })),
    failed(4, { finished_at: now - 300 }),
    ended(5, { finished_at: now - 1800 }),
  ]);
  const { html, text } = await get('/');
  const chart = partOf(html, '<figure class="chart">', '</figure>');
  assert.equal(chart.match(/class="whole"/g)?.length, 60);
  assert.match(chart, new RegExp(`4 done and 1 failed; at most 4 in a minute, at ${minute} UTC\\.`));
  assert.match(chart, new RegExp(`<title>${minute} UTC: 3 done, 1 failed</title>`));
  // The failed one lies on the others.
  assert.match(
    chart,
    /class="done" x="\d+" y="25" width="8" height="75"\/><rect class="failed" x="\d+" y="0" width="8" height="25"/,
  );
  assert.match(text, /Last hour ?at most 4 a minute/);
});

test('without an end in the last hour there is no chart, and no time', async (t) => {
  const { get } = browse(t, [ended(1, { finished_at: seconds() - 90_000 })]);
  const { text, html } = await get('/');
  assert.match(text, /No job has ended in the last hour\./);
  assert.match(text, /waited – – ran – –/);
  assert.doesNotMatch(html, /<figure/);
});

test('the table of types says what waits, runs and ended', async (t) => {
  const now = seconds();
  const { get } = browse(t, [
    later(1, { type: 'b', run_at: now - 125 }),
    later(2, { type: 'b', attempts: 1, error: 'Error: no' }),
    running(3, { type: 'b', locked_by: systemProcesses.self() }),
    ...Array.from({ length: 1200 }, (_, i) => ended(10 + i, { type: 'a', run_at: now - 72 })),
    failed(4, { type: 'a' }),
  ]);
  const { html } = await get('/');
  const rows = rowsAfter(html, 'id="types"');
  assert.equal(rows.length, 2);
  assert.match(rows[0] as string, /^a 0 – 0 0 1,200 1 2\.0s 10s Pause a$/);
  assert.match(rows[1] as string, /^b 1 2m 5s 1 1 0 0 – – Pause b$/);
  assert.match(html, /href="\/admin\/queue\/jobs\?status=retrying&amp;type=b"/);
});

test('of many types those with the most to see are shown, and all on request', async (t) => {
  const types = Array.from({ length: 300 }, (_, i) => `type-${String(i).padStart(3, '0')}`);
  const { get, queue } = browse(t, [
    ...types.map((type, i) => ended(i + 1, { type, finished_at: seconds() - 90_000 })),
    failed(400, { type: 'type-299' }),
    later(401, { type: 'type-150', run_at: seconds() - 5 }),
  ]);
  await queue.pause('type-222');
  const { html, text } = await get('/');
  const names = rowsAfter(html, 'id="types"').map((row) => row.split(' ')[0]);
  assert.equal(names.length, 40);
  for (const type of ['type-299', 'type-150', 'type-222']) assert.ok(names.includes(type), type);
  assert.deepEqual(names, [...names].sort());
  assert.match(text, /and 260 more: show all types/);
  const all = await get('/?types=all');
  assert.equal(rowsAfter(all.html, 'id="types"').length, 300);
  assert.doesNotMatch(all.text, /show all types/);
});

test('of each running job the page says for how long, and whether its worker lives', async (t) => {
  const now = seconds();
  const { get } = browse(t, [
    running(1, { type: 'long', started_at: now - 7205, locked_by: systemProcesses.self() }),
    running(2, { type: 'dead', started_at: now - 300, attempts: 2, locked_by: dead() }),
    running(3, { type: 'good', started_at: now - 5, locked_by: systemProcesses.self() }),
    running(4, { type: 'far', started_at: now - 4, locked_by: 'elsewhere.0.0.17.1.aa' }),
  ]);
  const { html } = await get('/');
  assert.deepEqual(rowsAfter(html, '<h2>Running'), [
    `00000000 long 2h 1 over its time, pid ${process.pid}`,
    '00000000 dead 5m 2 worker is dead',
    `00000000 good 5s 1 pid ${process.pid}`,
    '00000000 far 4s 1 worker on elsewhere, not known',
  ]);
  assert.match(html, new RegExp(`href="/admin/queue/jobs/${jobId(2)}"`));
});

test('the next retries are there with their errors, and a link to all', async (t) => {
  const now = seconds();
  const { get } = browse(
    t,
    Array.from({ length: 8 }, (_, i) =>
      later(i, {
        attempts: 2,
        error: `Error: no user ${i}\\n    at work`,
        run_at: now + 100 * (8 - i) + 20,
      }),
    ),
  );
  const { html, text } = await get('/');
  const rows = rowsAfter(html, '<h2>Next retries');
  assert.equal(rows.length, 6);
  assert.equal(rows[0], '00000000 email no user 7 2× in 2m');
  assert.match(text, /Next retries ?8 all 8/);
  assert.match(text, /Nothing runs\./);
});

test('a queue without jobs says how to add one, and nothing is made on disk', async (t) => {
  const { get, file } = browse(t);
  const none = await get('/');
  assert.equal(none.status, 200);
  assert.match(none.text, /0 B, 0 jobs/);
  assert.match(none.text, /No jobs yet Add one with queue add TYPE PAYLOAD/);
  assert.doesNotMatch(none.html, /class="tiles"|id="types"/);
  assert.deepEqual(readdirSync(dirname(file)), []);
  writeQueue(file);
  assert.match((await get('/')).text, /No jobs yet/);
});

test('who may only look sees no buttons and no forms', async (t) => {
  const { get, queue } = browse(t, [failed(1)], { access: () => 'read' });
  await queue.pause('email');
  const { html } = await get('/');
  assert.doesNotMatch(html, /<button|method="post"/);
  assert.match(html, /data-access="read"/);
  assert.match(html, /paused/);
});

test('texts of jobs do no harm', async (t) => {
  const evil = '<img src=x onerror=alert(1)>\u202e"';
  const { get } = browse(t, [
    later(1, { type: evil, attempts: 1, error: `Error: ${evil}` }),
    failed(2, { type: evil, error: `Error: ${evil}` }),
    running(3, { type: evil, locked_by: `${evil}.0.0.1.1.aa` }),
  ]);
  const { html } = await get('/');
  assert.doesNotMatch(html, /<img src=x/);
  assert.match(html, /&lt;img src=x onerror=alert\(1\)&gt;\\u202e/);
  // The form must send back the type as it is.
  assert.match(html, /name="type" value="&lt;img src=x onerror=alert\(1\)&gt;\u202e&quot;"/);
});

test('pauses are listed with since, until and by, and marked in the table', async (t) => {
  const { get, queue, file } = browse(t, [later(1), later(2, { type: 'report' })]);
  await queue.pause('email', { until: new Date(Date.now() + 7_205_000), by: 'bob' });
  const { html, text } = await get('/');
  assert.match(text, /· email paused just now by bob, ends in 2h Resume email/);
  assert.match(
    rowsAfter(html, 'id="types"')[0] as string,
    /^email ‖paused just now by bob, ends in 2h .* Resume email$/,
  );
  assert.match(rowsAfter(html, 'id="types"')[1] as string, /^report 0 .* Pause report$/);
  assert.match(text, /✓ All is well/);
  writeFileSync(`${file}.paused`, `*\t${seconds() - 90}\t\t\n`);
  const all = await get('/');
  assert.match(all.text, /· All jobs paused 1m 30s ago Resume all/);
  assert.match(rowsAfter(all.html, 'id="types"')[1] as string, /^report ‖paused 0 .* Pause report$/);
});
