import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupId } from '../../../lib/view/error-group.js';
import { jobId } from '../../support/queue-file.js';
import {
  BASE,
  browse,
  ended,
  type Fields,
  failed,
  later,
  type Page,
  rowsAfter,
  seconds,
} from './browsing.js';

/*
 * The list of jobs: its tabs, filters and pages.
 */

const rows = ({ html }: Page): string[] => rowsAfter(html, '<table class="list jobs"');
/** The tabs as a person reads them, the current one with a star. */
const tabs = ({ html }: Page): string[] =>
  [
    ...html.matchAll(
      /<a href="[^"]*\/jobs[^"]*"( aria-current="page")?>(\w+)<span class="count[^>]*>([\d,]+)/g,
    ),
  ].map(([, current, name, count]) => `${name} ${count}${current === undefined ? '' : '*'}`);
/** The addresses of the links with these words. */
const linksOf = ({ html }: Page, words: RegExp): string[] =>
  [...html.matchAll(/<a\b[^>]*href="([^"]*)"[^>]*>(.*?)<\/a>/gs)]
    .filter(([, , text = '']) => words.test(text.replace(/<[^>]*>/g, '')))
    .map(([, address = '']) => address.replaceAll('&amp;', '&').slice(BASE.length));

const running = (n: number, fields: Fields = {}): string =>
  ended(n, { status: 'processing', finished_at: '', locked_by: 'elsewhere.0.0.17.1.aa', ...fields });

const SOME = [
  failed(1, { type: 'crm', max_attempts: 3, error: 'Error: crm answered 503\\n    at work' }),
  failed(2, { error: 'Error: no user 17', meta: '{"@dismissed":true}' }),
  later(3, { type: 'crm', payload: '{"to":"ann"}' }),
  later(4, { attempts: 1, started_at: seconds() - 5, run_at: seconds() + 60, error: 'Error: no user 18' }),
  later(5, { run_at: seconds() - 30 }),
  running(6),
  ended(7, { payload: '{"to":"bob"}' }),
  ended(8, { status: 'cancelled' }),
  later(9, { status: 'waiting', after: `{"ids":["${jobId(6)}"],"else":"run"}` }),
];

test('each tab has its jobs and how many they are; those that wait come in turn', async (t) => {
  const { get } = browse(t, SOME);
  const all = await get('/jobs');
  assert.deepEqual(tabs(all), ['All 9*', 'Waiting 4', 'Running 1', 'Done 1', 'Failed 1', 'Cancelled 1']);
  assert.equal(rows(all).length, 9);
  const waiting = await get('/jobs?status=pending,waiting');
  assert.deepEqual(rows(waiting).slice(0, 2), [
    '00000000 email ●due 0 {} – due 30s',
    '00000000 email ↻retrying 1 Error: no user 18 – in 1m',
  ]);
  const failing = await get('/jobs?status=failed&dismissed=false');
  assert.deepEqual(rows(failing), ['00000000 crm ×failed 3 of 3 Error: crm answered 503 2.0s 1m ago']);
  assert.deepEqual(linksOf(failing, /1 dismissed/), ['/jobs?status=failed&dismissed=true']);
  assert.deepEqual(rows(await get('/jobs?status=processing')), [
    '00000000 email ▸processing 1 {} 1m 2s 1m 2s ago',
  ]);
});

test('tabs keep the type and the text, and count what has them', async (t) => {
  const { get } = browse(t, SOME);
  const ofType = await get('/jobs?type=crm');
  assert.deepEqual(tabs(ofType), ['All 2*', 'Waiting 1', 'Running 0', 'Done 0', 'Failed 1', 'Cancelled 0']);
  const withText = await get('/jobs?status=completed&q=%22to%22');
  assert.deepEqual(tabs(withText), ['All 2', 'Waiting 1', 'Running 0', 'Done 1*', 'Failed 0', 'Cancelled 0']);
  assert.deepEqual(linksOf(withText, /^Waiting/), ['/jobs?status=pending%2Cwaiting&q=%22to%22']);
  assert.match(withText.html, /name="q" value="&quot;to&quot;"/);
  assert.match(withText.html, /<input type="hidden" name="status" value="completed">/);
});

test('what has no field of its own is a chip that can be taken away', async (t) => {
  const { get } = browse(t, SOME);
  const due = await get('/jobs?status=due&type=email');
  assert.deepEqual(rows(due), ['00000000 email ●due 0 {} – due 30s']);
  assert.deepEqual(linksOf(due, /due now/), ['/jobs?status=pending%2Cwaiting&type=email']);
  assert.ok(tabs(due).includes('Waiting 3*'));
  const group = groupId('no user #');
  const ofGroup = await get(`/jobs?status=failed,retrying&group=${group}`);
  assert.equal(rows(ofGroup).length, 2);
  assert.deepEqual(linksOf(ofGroup, /no user #/), ['/jobs?status=failed%2Cretrying']);
  const dismissed = await get('/jobs?status=failed&dismissed=true');
  assert.deepEqual(linksOf(dismissed, /^dismissed/), ['/jobs?status=failed&dismissed=false']);
});

test('an empty list says why', async (t) => {
  const { get } = browse(t, SOME);
  for (const [query, why] of [
    ['type=none', /The queue has no jobs of type “none”\./],
    ['group=0123456789', /No error has the group 0123456789\./],
    ['q=nowhere', /No jobs have “nowhere” in their id, type, payload/],
    ['after=1_0', /No jobs come after this place of the list/],
    ['status=completed&type=crm', /There are no such completed jobs\./],
  ] as const) {
    const page = await get(`/jobs?${query}`);
    assert.equal(page.status, 200);
    assert.match(page.text, why);
    assert.doesNotMatch(page.html, /<table|name="act"/);
  }
  assert.match((await browse(t, []).get('/jobs')).text, /There are no jobs yet\./);
  assert.match((await browse(t).get('/jobs')).text, /There are no jobs yet\./);
  for (const query of ['status=odd', 'after=x', 'dismissed=1'])
    assert.equal((await get(`/jobs?${query}`)).status, 400);
});

test('pages follow each other without a gap, also while jobs change', async (t) => {
  const jobs = Array.from({ length: 120 }, (_, i) => ended(i + 1, { finished_at: seconds() - 60 - i }));
  const { get, queue } = browse(t, jobs);
  const seen: string[] = [];
  let path: string | undefined = '/jobs?status=completed';
  for (let i = 0; path !== undefined && i < 9; i++) {
    const page: Page = await get(path);
    seen.push(...[...page.html.matchAll(/title="([0-9a-f]{16})"/g)].map(([, id = '']) => id));
    // A new job comes before all, and must not shift the next page.
    await queue.enqueue('email', {});
    if (i > 0) assert.deepEqual(linksOf(page, /^First page$/), ['/jobs?status=completed']);
    [path] = linksOf(page, /^Next page$/);
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 120 }, (_, i) => jobId(i + 1)),
  );
});

test('a search for a whole id leads to the job', async (t) => {
  const odd = 'a/b ? # % < " é😀';
  const { get } = browse(t, [failed(1), failed(2, { id: odd })]);
  const found = await get(`/jobs?q=${jobId(1)}&status=completed`);
  assert.deepEqual([found.status, found.location], [302, `${BASE}/jobs/${jobId(1)}`]);
  const other = await get(`/jobs?${new URLSearchParams({ q: odd })}`);
  assert.equal(other.location, `${BASE}/jobs/${encodeURIComponent(odd)}`);
  const page = await get(`/jobs/${encodeURIComponent(odd)}`);
  assert.equal(page.status, 200);
  assert.match(page.text, /a\/b \? # % < " é😀/);
  assert.equal((await get('/jobs?q=0000')).status, 200);
});

test('a search that finds too many says so', async (t) => {
  const { get } = browse(
    t,
    Array.from({ length: 20_001 }, (_, i) => ended(i + 1)),
  );
  const page = await get('/jobs?q=email');
  assert.match(page.text, /more than 20,000 have this text/);
});

test('texts of jobs do no harm in a list', async (t) => {
  const { get } = browse(t, [
    failed(1, { type: '<b>"x\'', error: 'Error: <img src=x onerror=alert(1)> \u202e' }),
  ]);
  const page = await get('/jobs');
  assert.doesNotMatch(page.html, /<img src=x|<b>"/);
  assert.deepEqual(rows(page), [
    '00000000 <b>"x\' ×failed 3 Error: <img src=x onerror=alert(1)> \\u202e 2.0s 1m ago',
  ]);
});
