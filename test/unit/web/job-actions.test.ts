import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { TsvqError } from '../../../lib/job/errors.js';
import { backOf, withDone } from '../../../lib/web/back.js';
import { jobId, linesOf } from '../../support/queue-file.js';
import { BASE, type Browsing, browse, ended, failed, later, type Page, seconds } from './browsing.js';
import { buttonsOf, press, type Sent } from './forms.js';

/*
 * Changing jobs by the forms of the pages, as a browser without scripts sends them.
 */

const FAILED = '/jobs?status=failed&dismissed=false';
const WAITING = '/jobs?status=pending,waiting';

/** Sends what a button sends. */
const send = ({ post }: Browsing, { method, action, fields }: Sent): Promise<Page> => {
  assert.equal(method, 'post');
  return post(action.slice(BASE.length), fields);
};

/** Follows the redirect of an answer. */
async function follow({ get }: Browsing, { status, location }: Page): Promise<Page> {
  assert.equal(status, 303);
  return get((location ?? '').slice(BASE.length));
}

const statusOf = async ({ queue }: Browsing, n: number): Promise<string | undefined> =>
  (await queue.getJob(jobId(n)))?.status;

test('selected jobs are retried at once, and the list says how many', async (t) => {
  const pages = browse(t, [failed(1), failed(2), failed(3)]);
  const list = await pages.get(FAILED);
  assert.deepEqual(buttonsOf(list).slice(-4), ['Retry', 'Dismiss', 'Retry all 3…', 'Dismiss all 3…']);
  const after = await follow(pages, await send(pages, press(list, 'Retry', { ids: [jobId(1), jobId(3)] })));
  assert.match(after.text, /Pending again: 2 jobs\./);
  assert.match(after.text, /Failed1/);
  assert.equal(await statusOf(pages, 2), 'failed');
  assert.equal(await statusOf(pages, 1), 'pending');
  assert.deepEqual(
    pages.actions.map(({ action, of, changed, user }) => ({ action, of, changed, user })),
    [{ action: 'retry', of: [jobId(3), jobId(1)], changed: 2, user: 'ann' }],
  );
});

test('selected jobs are dismissed and run now, each from its own tab', async (t) => {
  const pages = browse(t, [failed(1), later(2), later(3)]);
  const dismissed = await follow(
    pages,
    await send(pages, press(await pages.get(FAILED), 'Dismiss', { ids: [jobId(1)] })),
  );
  assert.match(dismissed.text, /Dismissed 1 job\./);
  assert.match(dismissed.text, /1 dismissed/);
  assert.equal((await pages.queue.getJob(jobId(1)))?.dismissed, true);
  const promoted = await send(pages, press(await pages.get(WAITING), 'Run now', { ids: [jobId(3)] }));
  assert.match((await follow(pages, promoted)).text, /Due now: 1 job\./);
  assert.ok(Number((await pages.queue.getJob(jobId(3)))?.runAt) <= Date.now());
});

test('a cancel asks, also for one job, and says which jobs stay', async (t) => {
  const pages = browse(t, [later(1, { type: 'email' }), ended(2), later(3)]);
  const list = await pages.get('/jobs');
  const asked = await send(pages, press(list, 'Cancel', { ids: [jobId(1), jobId(2)] }));
  assert.equal(asked.status, 200);
  assert.match(asked.text, /Cancel this job\? 1 email If it waits, it never starts\./);
  assert.match(asked.text, /1 job of those selected stays as it is: only waiting, pending and processing/);
  assert.equal(await statusOf(pages, 1), 'pending');
  const after = await follow(pages, await send(pages, press(asked, 'Cancel this job')));
  assert.match(after.text, /Cancelled 1 job\./);
  assert.deepEqual(await Promise.all([1, 2, 3].map((n) => statusOf(pages, n))), [
    'cancelled',
    'completed',
    'pending',
  ]);
});

test('a change of all asks, shows the first five, and leaves those alone that came later', async (t) => {
  const jobs = [1, 2, 3, 4, 5, 6, 7].map((n) => failed(n, { type: n < 3 ? 'crm' : 'email' }));
  const pages = browse(t, [...jobs, failed(8, { meta: '{"@dismissed":true}' }), later(9)]);
  const asked = await send(pages, press(await pages.get(FAILED), 'Retry all 7…'));
  assert.match(
    asked.text,
    /Retry 7 jobs\? 5 email, 2 crm All jobs that are failed They will be pending again/,
  );
  assert.match(asked.text, /The first 5/);
  assert.equal(asked.html.split('<tr>').length - 1, 6);
  assert.match(asked.html, /data-live="off"/);
  assert.doesNotMatch(asked.html, /name="spread"/);
  // It ends a moment after the page was made.
  mock.timers.tick(1000);
  const id = await pages.queue.enqueue('email', {}, { maxAttempts: 1 });
  await pages.queue.processJobs({
    email: () => {
      throw new Error('a later one');
    },
  });
  assert.equal((await pages.queue.getJob(id))?.status, 'failed');
  const after = await follow(pages, await send(pages, press(asked, 'Retry 7 jobs')));
  assert.match(after.text, /Pending again: 7 jobs\./);
  assert.equal((await pages.queue.getJob(id))?.status, 'failed');
  assert.equal(await statusOf(pages, 8), 'failed');
});

test('a filter stays through the question, and only its jobs are changed', async (t) => {
  const pages = browse(t, [
    failed(1, { payload: '{"to":"ann & <bob>"}' }),
    failed(2, { payload: '{"to":"ann & <bob>"}', type: 'b "c"' }),
    failed(3),
  ]);
  const query = new URLSearchParams({ type: 'b "c"', q: 'ann & <bob>' });
  const list = await pages.get(`${FAILED}&${query}`);
  const asked = await send(pages, press(list, 'Dismiss all 1…'));
  assert.match(asked.text, /failed, of type b "c", with the text “ann & <bob>”/);
  const answer = await send(pages, press(asked, 'Dismiss this job'));
  const back = new URL(answer.location ?? '', 'http://localhost').searchParams;
  assert.deepEqual(Object.fromEntries(back), {
    ...{ status: 'failed', type: 'b "c"', q: 'ann & <bob>', dismissed: 'false' },
    ...{ did: 'dismiss', n: '1' },
  });
  assert.deepEqual(
    (await pages.queue.listJobs()).filter(({ dismissed }) => dismissed).map(({ id }) => id),
    [jobId(2)],
  );
});

test('those that are dismissed are left alone, unless the filter names them', async (t) => {
  const pages = browse(t, [failed(1, { meta: '{"@dismissed":true}' }), failed(2)]);
  const retry = { act: 'retry', all: '1', sure: '1' };
  await pages.post('/jobs/act', retry);
  assert.deepEqual([await statusOf(pages, 1), await statusOf(pages, 2)], ['failed', 'pending']);
  await pages.post('/jobs/act', { ...retry, status: 'failed', dismissed: 'true' });
  assert.equal(await statusOf(pages, 1), 'pending');
});

test('many jobs can be retried one after another', async (t) => {
  const pages = browse(
    t,
    Array.from({ length: 100 }, (_, i) => failed(i + 1)),
  );
  const asked = await send(pages, press(await pages.get(FAILED), 'Retry all 100…'));
  assert.match(asked.text, /They start all at once/);
  await send(pages, press(asked, 'Retry 100 jobs', { spread: '10m' }));
  const times = (await pages.queue.listJobs()).map(({ runAt }) => runAt.getTime() - Date.now());
  assert.ok(Math.max(...times) > 590_000 && Math.max(...times) <= 600_000, `${Math.max(...times)}`);
  assert.ok(Math.min(...times) <= 0);
});

test('of more than ten thousand jobs the first are changed, and the rest is offered', async (t) => {
  const pages = browse(
    t,
    Array.from({ length: 10_003 }, (_, i) => failed(i + 1)),
  );
  const asked = await send(pages, press(await pages.get(FAILED), 'Dismiss all 10,003…'));
  assert.match(asked.text, /the first 10,000 come now, and 3 are left/);
  const after = await follow(pages, await send(pages, press(asked, /^Dismiss 10,003 jobs/)));
  assert.match(after.text, /Dismissed 10000 jobs; 3 jobs are left for the next request\./);
  assert.ok(buttonsOf(after).includes('Dismiss all 3…'));
});

test('why a job can not be changed is said', async (t) => {
  const pages = browse(t, [
    failed(1, { dedupe_key: 'k' }),
    later(2, { dedupe_key: 'k' }),
    ended(3),
    failed(4),
  ]);
  const list = await pages.get(FAILED);
  const held = await send(pages, press(list, 'Retry', { ids: [jobId(1)] }));
  assert.equal(held.status, 409);
  assert.match(held.text, new RegExp(`Nothing was changed .*${jobId(2)}`));
  const both = await send(pages, press(list, 'Retry', { ids: [jobId(1), jobId(4)] }));
  assert.match(both.text, new RegExp(`1 job is pending again 1 job could not be: .*${jobId(2)}`));
  const done = await send(pages, press(await pages.get('/jobs'), 'Retry', { ids: [jobId(3)] }));
  assert.equal(done.status, 409);
  assert.match(done.text, /is completed; only failed and cancelled jobs can be retried\. Go back/);
  const gone = await pages.post('/jobs/act', { act: 'cancel', id: 'nope' });
  assert.match(gone.text, /Job nope is no longer in the file\./);
  const none = await send(pages, press(list, 'Retry'));
  assert.equal(none.status, 400);
  assert.match(none.text, /No job was selected\./);
  const all = await pages.post('/jobs/act', { act: 'promote', all: '1', status: 'failed', sure: '1' });
  assert.equal(all.status, 409);
  assert.match(all.text, /no such job is left: only pending jobs can be promoted/i);
});

test('an error of the queue says what was changed before it', async (t) => {
  const pages = browse(t, [failed(1), failed(2), failed(3)]);
  const { queue } = pages;
  const retry = queue.retryJob.bind(queue);
  t.mock.method(queue, 'retryJob', (id: string) =>
    id === jobId(2)
      ? Promise.reject(new TsvqError('LOCK_TIMEOUT', 'another process holds the lock'))
      : retry(id),
  );
  const list = await pages.get(FAILED);
  const some = await send(pages, press(list, 'Retry', { ids: [1, 2, 3].map(jobId) }));
  assert.equal(some.status, 503);
  assert.match(
    some.text,
    /2 jobs are pending again Another process holds the lock\. 1 job is left\. Go back/,
  );
  assert.equal(pages.actions.at(-1)?.changed, 2);
  const none = await send(pages, press(list, 'Retry', { ids: [jobId(2)] }));
  assert.equal(none.status, 503);
  assert.match(none.text, /Nothing was changed Another process holds the lock\. Go back/);
});

test('a form that makes no sense changes nothing', async (t) => {
  const pages = browse(t, [failed(1)]);
  const bad: Record<string, string>[] = [
    { act: 'purge', id: jobId(1) },
    { act: 'constructor', id: jobId(1) },
    { act: 'retry', all: '1', status: 'nonsense' },
    { act: 'retry', id: jobId(1), spread: '1y' },
    { act: 'retry', all: '1', sure: '1', until: 'now' },
    { act: 'retry', all: '1', sure: '1', dismissed: 'maybe' },
  ];
  for (const fields of bad)
    assert.equal((await pages.post('/jobs/act', fields)).status, 400, JSON.stringify(fields));
  const many = new URLSearchParams([['act', 'retry']]);
  for (let i = 0; i <= 10_000; i++) many.append('id', String(i));
  assert.equal((await pages.post('/jobs/act', many)).status, 400);
  const long = await pages.post('/jobs/act', { act: 'retry', id: 'x'.repeat(1_100_000) });
  assert.equal(long.status, 413);
  assert.equal(await statusOf(pages, 1), 'failed');
  assert.equal(linesOf(pages.file).length, 1);
});

test('the way back never leaves the dashboard', () => {
  for (const [given, back] of [
    ['/admin/queue/jobs?status=failed', '/admin/queue/jobs?status=failed'],
    ['/admin/queue', '/admin/queue'],
    ['/admin/queue/jobs/a%2Fb', '/admin/queue/jobs/a%2Fb'],
    ['/admin/queue/../secret', undefined],
    ['/admin/queue/%2e%2e/secret', undefined],
    ['/admin/queues', undefined],
    ['//evil.example/admin/queue/', undefined],
    ['/\\evil.example/admin/queue/', undefined],
    ['https://evil.example/admin/queue/jobs', undefined],
    ['\t//evil.example/admin/queue/', undefined],
    ['javascript:alert(1)', undefined],
    ['', undefined],
  ] as const)
    assert.equal(backOf('/admin/queue', given), back ?? '/admin/queue/jobs', given);
  for (const given of ['/.//evil.example', '//evil.example', '/\\evil.example', '/x/..//evil.example'])
    assert.equal(backOf('', given), '/jobs', given);
  assert.equal(withDone('/jobs?q=a&n=9&left=2', { did: 'retry', n: 0, left: 0 }), '/jobs?q=a&n=0&did=retry');
});

test('the buttons of a job’s page change it, and lead back to it', async (t) => {
  const pages = browse(t, [failed(1), later(2), ended(3, { status: 'cancelled' }), ended(4)]);
  const page = (n: number): Promise<Page> => pages.get(`/jobs/${jobId(n)}`);
  assert.deepEqual(buttonsOf(await page(4)), []);
  assert.deepEqual(buttonsOf(await page(3)), ['Retry']);
  assert.deepEqual(buttonsOf(await page(2)), ['Run now', 'Cancel']);
  const dismissed = await follow(pages, await send(pages, press(await page(1), 'Dismiss')));
  assert.match(dismissed.text, /Dismissed 1 job\..*faileddismissed/);
  assert.deepEqual(buttonsOf(dismissed), ['Retry']);
  const retried = await follow(pages, await send(pages, press(dismissed, 'Retry')));
  assert.match(retried.text, /Pending again: 1 job\./);
  assert.deepEqual(buttonsOf(retried), ['Cancel']);
  const asked = await send(pages, press(retried, 'Cancel'));
  const cancelled = await follow(pages, await send(pages, press(asked, 'Cancel this job')));
  assert.match(cancelled.text, /Cancelled 1 job\./);
  assert.equal(await statusOf(pages, 1), 'cancelled');
});

test('who may only look sees no boxes and no buttons', async (t) => {
  const pages = browse(t, [failed(1, { finished_at: seconds() - 5 })], { access: () => 'read' });
  for (const path of [FAILED, `/jobs/${jobId(1)}`]) {
    const page = await pages.get(path);
    assert.deepEqual(
      buttonsOf(page).filter((words) => words !== 'Search'),
      [],
    );
    assert.doesNotMatch(page.html, /type="checkbox"|method="post"/);
  }
});
