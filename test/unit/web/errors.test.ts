import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupId } from '../../../lib/view/error-group.js';
import { browse, ended, failed, rowsAfter, seconds } from './browsing.js';

/*
 * The page of failed jobs by what their errors have in common.
 */

const REFUSED = 'connect ECONNREFUSED 10.0.4.17:5432';

test('each group has its types and numbers, and leads to its jobs', async (t) => {
  const now = seconds();
  const { get } = browse(t, [
    failed(1, { type: 'crm', error: `Error: ${REFUSED}`, finished_at: now - 125 }),
    failed(2, { type: 'crm', error: `Error: ${REFUSED}`, finished_at: now - 7200 }),
    ...['t1', 't1', 't1', 't1', 't2', 't2', 't2', 't3', 't3', 't4'].map((type, i) =>
      failed(20 + i, { type, error: `Error: no user ${i}`, finished_at: now - 7300 }),
    ),
    failed(7, { meta: '{"@dismissed":true}' }),
    ended(8),
  ]);
  const { html, text } = await get('/errors');
  assert.deepEqual(rowsAfter(html, '<h1>Errors'), [
    `${REFUSED} crm 1 2 2m 5s ago Retry all… with: ${REFUSED} Dismiss all… with: ${REFUSED}`,
    'no user # t1, t2, t3 and 1 more 0 10 2h 1m ago Retry all… with: no user # Dismiss all… with: no user #',
  ]);
  assert.match(text, /Errors ?of 12 failed jobs, by what they have in common 1 dismissed/);
  const list = `/admin/queue/jobs?status=failed&amp;group=${groupId(REFUSED)}&amp;dismissed=false`;
  assert.ok(html.includes(`<a class="plain" href="${list}">${REFUSED}</a>`));
});

test('the forms of a group name its failed jobs, without those that are dismissed', async (t) => {
  const { get } = browse(t, [failed(1, { error: `Error: ${REFUSED}` })]);
  const { html } = await get('/errors');
  const [, form = ''] = /<form class="bar"([\s\S]*?)<\/form>/.exec(html) ?? [];
  assert.match(form, /^ method="post" action="\/admin\/queue\/jobs\/act">/);
  const fields = [...form.matchAll(/type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(
    ([, ...field]) => field,
  );
  assert.deepEqual(Object.fromEntries(fields), {
    all: '1',
    back: '/admin/queue/errors',
    status: 'failed',
    group: groupId(REFUSED),
    dismissed: 'false',
  });
  const buttons = [...form.matchAll(/<button class="small" name="act" value="([^"]*)"/g)].map(
    ([, act]) => act,
  );
  assert.deepEqual(buttons, ['retry', 'dismiss']);
});

test('without failed jobs the page says so', async (t) => {
  const { get } = browse(t, [ended(1)]);
  const { text, html } = await get('/errors');
  assert.match(text, /— No job has failed\./);
  assert.doesNotMatch(html, /<table|class="count bad"/);
  const { get: dismissed } = browse(t, [failed(1, { meta: '{"@dismissed":true}' })]);
  assert.match(
    (await dismissed('/errors')).text,
    /1 dismissed — No job has failed, but for those that are dismissed\./,
  );
  const { get: none } = browse(t);
  assert.match((await none('/errors')).text, /— No job has failed\./);
});

test('of very many groups the page says that there are more', async (t) => {
  const word = (n: number): string => `${String.fromCharCode(97 + (n % 26))}${'x'.repeat(1 + n / 26)}`;
  const { get } = browse(
    t,
    Array.from({ length: 60 }, (_, i) => failed(i, { error: `Error: ${word(i)}` })),
  );
  const { html, text } = await get('/errors');
  assert.equal(rowsAfter(html, '<h1>Errors').length, 50);
  assert.match(text, /These are the 50 groups with the most failures of late; 10 further jobs have failed\./);
});

test('who may only look sees no buttons, and texts of errors do no harm', async (t) => {
  const { get } = browse(t, [failed(1, { type: '<i>', error: 'Error: <script>x</script>\u202e' })], {
    access: () => 'read',
  });
  const { html } = await get('/errors');
  assert.doesNotMatch(html, /<button|method="post"/);
  assert.match(html, /&lt;script&gt;x&lt;\/script&gt;\\u202e/);
  assert.match(html, /<b>&lt;i&gt;<\/b>/);
});

test('the overview shows the first groups, and leads to all', async (t) => {
  const errors = 'abcdefghij'.split('').map((letter, i) => failed(i, { error: `Error: ${letter}` }));
  const { get } = browse(t, errors);
  const { html, text } = await get('/');
  assert.equal(rowsAfter(html, '<h2>Errors').length, 8);
  assert.match(text, /by what they have in common all 10/);
  assert.match(html, /href="\/admin\/queue\/errors">all 10</);
});
