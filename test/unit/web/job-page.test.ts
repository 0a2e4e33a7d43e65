import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openQueue } from '../../../lib/open-queue.js';
import { createDashboard } from '../../../lib/web/dashboard.js';
import { jobId } from '../../support/queue-file.js';
import { BASE, browse, ended, failed, later, partOf, seconds, textOf } from './browsing.js';
import { buttonsOf } from './forms.js';

/*
 * The page of a job.
 */

test('a failed job has its error, what it was given, its timeline and its facts', async (t) => {
  const { get } = browse(t, [
    failed(1, {
      ...{ type: 'crm', max_attempts: 3, priority: 5, timeout: 30, group: 'acme', dedupe_key: 'c:1' },
      payload: '{"to":"ann","n":-1.5,"ok":true,"none":null,"list":[1]}',
      meta: '{"tenant":"acme"}',
      error: 'Error: answered 503\\n    at work (x.js:1:1)\\ncaused by: TypeError: no\\nmore',
    }),
    failed(2, { error: 'Error: answered 503' }),
  ]);
  const { html, text } = await get(`/jobs/${jobId(1)}`);
  assert.match(text, /crm ×failed0000000000000001 Retry Dismiss/);
  assert.match(text, /It failed for good at .*, after 3 attempts.* queue show 0000000000000001/);
  assert.match(text, /Attempt 3 failed: Error: answered 503/);
  assert.match(html, /<span class="what">Error: answered 503<\/span>\n<span class="frame"> {4}at work/);
  assert.match(html, /<span class="what">caused by: TypeError: no<\/span>\n<span class="other">more/);
  assert.match(
    html,
    /jobs\?status=failed&amp;group=\w{10}&amp;dismissed=false">2 jobs have failed like this/,
  );
  const json = partOf(html, '<pre class="block json"', '</pre>');
  assert.match(json, /<span class="k">&quot;to&quot;<\/span>: <span class="s">&quot;ann&quot;<\/span>,/);
  assert.match(json, /<span class="n">-1\.5<\/span>.*<span class="w">true<\/span>.*<span class="w">null/s);
  const facts = textOf(partOf(html, '<dl class="facts"', '</dl>'));
  assert.match(
    facts,
    /Attempts 3 of 3 Priority 5 Time limit 30 s Group acme Key c:1 Labels \{"tenant":"acme"\}/,
  );
});

test('a job that waits names its parents with their states, and a running one its worker', async (t) => {
  const { get } = browse(t, [
    ended(1, { type: 'fetch', status: 'processing', finished_at: '', locked_by: 'elsewhere.0.0.17.1.aa' }),
    later(2, { status: 'waiting', after: `{"ids":["${jobId(1)}","${jobId(9)}"],"else":"run"}` }),
  ]);
  const child = await get(`/jobs/${jobId(2)}`);
  assert.match(child.text, /It waits for 0000000000000001 \(fetch\): processing/);
  assert.match(child.text, /After 00000000 fetch ▸processing 00000000 no longer in the file/);
  assert.ok(child.html.includes(`href="${BASE}/jobs/${jobId(1)}"`));
  const parent = await get(`/jobs/${jobId(1)}`);
  assert.match(parent.text, /Worker elsewhere\.0\.0\.17\.1\.aa can't be judged from here/);
  assert.deepEqual(buttonsOf(parent), ['Cancel']);
});

test('a long payload is cut, and the page says where all of it is', async (t) => {
  const { get } = browse(t, [ended(1, { payload: JSON.stringify({ text: '<&"'.repeat(100_000) }) })]);
  const { html, text } = await get(`/jobs/${jobId(1)}`);
  assert.ok(html.length < 700_000, `${html.length}`);
  assert.match(
    text,
    /The beginning of 400\.0 kB\. All of it is in its JSON, and in queue show 0000000000000001\./,
  );
  assert.ok(html.includes(`href="${BASE}/api/jobs/${jobId(1)}"`));
});

test('texts of a job do no harm on its page', async (t) => {
  const evil = '</pre><script>alert(1)</script>\u202e';
  const text = JSON.stringify(evil).replaceAll('\\', '\\\\');
  const { get } = browse(t, [
    failed(1, {
      ...{ payload: text, result: text, error: evil, type: '<i>"\'', dedupe_key: '"><b>', group: '<u>' },
      ...{ meta: '{"<b>":"<b>"}', locked_by: '<b>' },
    }),
  ]);
  const { html } = await get(`/jobs/${jobId(1)}`);
  assert.doesNotMatch(html, /<script>alert|<i>|<u>|<b>[^t]|\u202e/);
  assert.match(html, /\\u202e/);
});

test('what is not there has a page that says what to do', async (t) => {
  const { get } = browse(t, [failed(1)]);
  const page = await get('/jobs/none%20%3Cb%3E');
  assert.equal(page.status, 404);
  assert.match(page.text, /There is no such job No job has the id none <b>, .* Search for itAll jobs/);
  assert.ok(page.html.includes(`href="${BASE}/jobs?q=none+%3Cb%3E"`));
});

test('an archived job says that it is one, and has no buttons', async (t) => {
  const pages = browse(t, [ended(1, { status: 'cancelled', finished_at: seconds() - 9_000_000 }), failed(2)]);
  const { archived } = await pages.queue.compact();
  assert.equal(archived, 1);
  const page = await pages.get(`/jobs/${jobId(1)}`);
  assert.match(page.text, /It is in the archive, where nothing changes it any more\./);
  assert.match(page.text, /queue show --archive 0000000000000001/);
  assert.deepEqual(buttonsOf(page), []);
  assert.equal((await pages.get(`/jobs?q=${jobId(1)}`)).location, `${BASE}/jobs/${jobId(1)}`);
});

test('a schedule leads to the schedules', async (t) => {
  const pages = browse(t, [failed(1)]);
  await pages.queue.schedule('nightly', { cron: '0 3 * * *', type: 'email' });
  const [schedule] = await pages.queue.listSchedules();
  const page = await pages.get(`/jobs/${schedule?.id}`);
  assert.deepEqual([page.status, page.location], [302, `${BASE}/schedules`]);
});

test('HEAD answers as GET does, without a page', async (t) => {
  const { file } = browse(t, [failed(1)]);
  const queue = openQueue(file, { anyFileSystem: true, noWorkerAfter: false });
  const dashboard = createDashboard(queue, { access: () => 'read' });
  t.after(async () => {
    dashboard.close();
    await queue.close();
  });
  for (const [path, status] of [
    ['/jobs', 200],
    [`/jobs/${jobId(1)}`, 200],
    ['/jobs/none', 404],
  ] as const) {
    const answer = await dashboard.fetch(new Request(`http://localhost${path}`, { method: 'HEAD' }));
    assert.deepEqual([answer.status, await answer.text()], [status, '']);
  }
});
