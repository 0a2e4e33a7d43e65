import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { scheduleId } from '../../../lib/file/format/derived-id.js';
import { jobId, line, writeQueue } from '../../support/queue-file.js';
import { browse, ended, type Fields, later, rowsAfter, seconds } from './browsing.js';

/*
 * The page of schedules, and what can be done there.
 */

const NEVER = 32_503_680_000;

/** The line of a schedule. */
const schedule = (name: string, spec: object, fields: Fields = {}, isPaused = false): string =>
  line({
    ...{ id: scheduleId(name), payload: 'null', status: 'recurring', run_at: seconds() + 3605 },
    meta: JSON.stringify({ '@schedule': { name, ...spec }, ...(isPaused && { '@paused': true }) }),
    ...fields,
  });

/** A time, as the page shows it. */
const iso = (at: number): string => `${new Date(at * 1000).toISOString().slice(0, 19)}Z`;

test('each schedule says when it runs, in its own zone, and what came of it', async (t) => {
  const now = Math.floor(seconds());
  const { get } = browse(t, [
    schedule(
      'b',
      { every: 900 },
      { run_at: now + 905, result: JSON.stringify({ slot: now - 65, job: jobId(9) }) },
    ),
    ended(9, { status: 'failed', error: 'Error: no' }),
    schedule('a', { cron: '30 2 * * *', timezone: 'Asia/Tokyo' }, { type: 'backup', run_at: NEVER - 1e9 }),
    schedule(
      'c',
      { every: 60 },
      { run_at: NEVER, result: JSON.stringify({ slot: now - 7, skipped: 'overlap' }) },
      true,
    ),
    schedule(
      'd',
      { every: 60 },
      { run_at: now + 65, result: JSON.stringify({ slot: now - 5, job: jobId(99) }) },
    ),
  ]);
  const { html } = await get('/schedules');
  const rows = rowsAfter(html, '<h1>Schedules').map((row) => row.replace(/in \d+d( \d+h)?/, 'in n'));
  const tokyo = `${new Date((NEVER - 1e9 + 9 * 3600) * 1000).toISOString().slice(0, 19)}+09:00`;
  const buttons = (name: string, first = 'Pause'): string => `${first} ${name} Run now ${name}`;
  assert.deepEqual(rows, [
    `d email every 1m in 1m 5s ${iso(now + 65)} 5s ago ${iso(now - 5)} its job is gone 0 ${buttons('d')}`,
    `b email every 15m in 15m 5s ${iso(now + 905)} 1m 5s ago ${iso(now - 65)} ×failed 0 ${buttons('b')}`,
    `a backup 30 2 * * * Asia/Tokyo in n ${tokyo} – 0 ${buttons('a')}`,
    `c ‖paused email every 1m none, it is paused 7s ago ${iso(now - 7)} skipped: the job before was not over 0 ${buttons('c', 'Resume')}`,
  ]);
  assert.match(html, new RegExp(`href="/admin/queue/jobs/${jobId(9)}"`));
});

test('without schedules the page says how to add one', async (t) => {
  for (const lines of [undefined, [later(1)]]) {
    const { text } = await browse(t, lines).get('/schedules');
    assert.match(
      text,
      /Schedules There are none\. Add one with queue schedule add, or declare it in your code\./,
    );
  }
});

test('a schedule is paused and resumed, the app is told, and the page says so', async (t) => {
  const { get, post, queue, actions } = browse(t, [schedule('night "ly"', { every: 900 })]);
  const paused = await post('/schedules/act', { name: 'night "ly"', act: 'pause' });
  assert.equal(paused.status, 303);
  assert.equal(paused.location, '/admin/queue/schedules?did=pause-schedule&n=1');
  assert.equal((await queue.listSchedules())[0]?.paused, true);
  const { text, html } = await get('/schedules?did=pause-schedule&n=1');
  assert.match(text, /Paused: that schedule makes no jobs until it is resumed\./);
  assert.match(html, /name="name" value="night &quot;ly&quot;"/);
  const resumed = await post('/schedules/act', { name: 'night "ly"', act: 'resume' });
  assert.equal(resumed.location, '/admin/queue/schedules?did=resume-schedule&n=1');
  assert.equal((await queue.listSchedules())[0]?.paused, false);
  assert.deepEqual(
    actions.map(({ action, of, changed, user }) => [action, of, changed, user]),
    [
      ['pause-schedule', ['night "ly"'], 1, 'ann'],
      ['resume-schedule', ['night "ly"'], 1, 'ann'],
    ],
  );
});

test('a schedule runs now, but not while a job of it is not over', async (t) => {
  const { get, post, queue, actions } = browse(t, [schedule('nightly', { every: 900 })]);
  const act = () => post('/schedules/act', { name: 'nightly', act: 'run' });
  assert.equal((await act()).location, '/admin/queue/schedules?did=run-schedule&n=1');
  assert.equal((await queue.listJobs()).length, 1);
  assert.equal((await act()).location, '/admin/queue/schedules?did=run-schedule&n=0');
  assert.equal((await queue.listJobs()).length, 1);
  assert.deepEqual(
    actions.map(({ changed }) => changed),
    [1, 0],
  );
  assert.match(
    (await get('/schedules?did=run-schedule&n=1')).text,
    /Added: a job of that schedule is due now\./,
  );
  const { html, text } = await get('/schedules?did=run-schedule&n=0');
  assert.match(html, /class="flash bad"/);
  assert.match(text, /Nothing was added, because an earlier job of that schedule is not over/);
});

test('what the queue refuses is shown on the page, and the app is told of nothing', async (t) => {
  const { post, actions } = browse(t, [schedule('nightly', { every: 900 })]);
  for (const [name, act] of [
    ['gone', 'pause'],
    ['gone', 'resume'],
    ['gone', 'run'],
    ['nightly', 'constructor'],
    ['nightly', ''],
  ] as const) {
    const { status, html, text } = await post('/schedules/act', { name, act });
    assert.equal(status, 400, `${act} ${name}`);
    assert.match(html, /class="flash bad"/);
    assert.match(html, /data-live="off"/);
    if (name === 'gone') assert.match(text, /gone/);
    assert.equal(rowsAfter(html, '<h1>Schedules').length, 1);
  }
  assert.deepEqual(actions, []);
});

test('who may only look sees no buttons, and changes nothing', async (t) => {
  const { get, post, queue } = browse(t, [schedule('<b>', { every: 900 })], { access: () => 'read' });
  const { html } = await get('/schedules');
  assert.doesNotMatch(html, /<button|method="post"/);
  assert.match(html, />&lt;b&gt;</);
  assert.equal((await post('/schedules/act', { name: '<b>', act: 'pause' })).status, 403);
  assert.equal((await queue.listSchedules())[0]?.paused, false);
});

test('what became of an archived job is read once, because pages refresh themselves', async (t) => {
  const slot = Math.floor(seconds()) - 5;
  const { get, file } = browse(t, [
    schedule('a', { every: 60 }, { result: JSON.stringify({ slot, job: jobId(9) }) }),
  ]);
  const archive = join(dirname(file), 'archive');
  mkdirSync(archive);
  writeQueue(join(archive, 'queue-2030-01.tsv'), ended(9, { status: 'failed', error: 'Error: no' }));
  assert.match((await get('/schedules')).text, /failed/);
  rmSync(archive, { recursive: true });
  assert.match((await get('/schedules')).text, /failed/);
});
