import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDashboard } from '../../../lib/web.js';
import { over } from '../../support/claims.js';
import { jobId } from '../../support/queue-file.js';
import { asking, failed, waiting } from './asking.js';

/* What must hold whatever a payload has, and wherever redact does not look by itself. */

const masked = { redact: (job: { payload: unknown }) => ({ ...job, payload: 'hidden', meta: {} }) as never };

function dashboard(t: Parameters<typeof over>[0], rows: readonly string[], options: object = {}) {
  const { queue } = over(t, ...rows);
  const made = createDashboard(queue, { access: () => 'write', ...options });
  t.after(() => made.close());
  return { queue, ask: asking(made.fetch) };
}

test('a payload that looks like a piece of a page hides no change, and costs no time', async (t) => {
  const { queue, ask } = dashboard(t, []);
  const id = await queue.enqueue('a', { html: '<p>at <time datetime="x">', more: '<time '.repeat(100_000) });
  const before = await ask('GET /api/jobs');
  await queue.cancelJob(id);
  const tag = before.headers.get('etag') ?? '';
  const after = await ask('GET /api/jobs', { headers: { 'if-none-match': tag } });
  assert.equal(after.status, 200);
  assert.match(after.text, /"cancelled"/);
});

test('a schedule shows no more of its payload than its jobs do', async (t) => {
  const { queue, ask } = dashboard(t, [], masked);
  await queue.schedule('nightly', {
    ...{ type: 'backup', every: '1h', payload: { password: 's3cret' } },
    options: { meta: { of: 's3cret' } },
  });
  for (const request of [
    'GET /api/schedules',
    'POST /api/schedules/nightly/pause',
    'POST /api/schedules/nightly/resume',
    'GET /schedules',
  ]) {
    const { status, text } = await ask(request);
    assert.equal(status, 200, request);
    assert.doesNotMatch(text, /s3cret/, request);
    assert.match(text, /nightly/, request);
  }
});

test('a refusal names no key that is hidden', async (t) => {
  const { queue, ask } = dashboard(t, [], masked);
  const first = await queue.enqueue('a', 1, { dedupeKey: 's3cret' });
  await queue.cancelJob(first);
  const other = await queue.enqueue('a', 2, { dedupeKey: 's3cret' });
  const { status, text } = await ask(`POST /api/jobs/${first}/retry`);
  assert.equal(status, 409);
  assert.doesNotMatch(text, /s3cret/);
  assert.ok(text.includes(other));
});

test('a schedule is not cancelled as if it were a job', async (t) => {
  const { queue, ask } = dashboard(t, []);
  const { id } = await queue.schedule('nightly', { type: 'backup', every: '1h' });
  const { body } = await ask('POST /api/jobs/cancel', { body: { ids: [id] } });
  assert.deepEqual(body, { changed: 0, left: 1, more: 0 });
  assert.equal((await queue.listSchedules()).length, 1);
});

test('a filter that names nothing is refused, because it would name all jobs', async (t) => {
  const { queue, ask } = dashboard(t, [waiting(1)]);
  const { status } = await ask('POST /api/jobs/cancel', { body: { filter: {} } });
  assert.equal(status, 400);
  assert.equal((await queue.getJob(jobId(1)))?.status, 'pending');
});

test('what an async onAction or redact rejects with is ignored', async (t) => {
  const reject = async (): Promise<never> => {
    throw new Error('the log is full');
  };
  const { ask } = dashboard(t, [failed(1, { payload: '"s3cret"' })], { onAction: reject, redact: reject });
  assert.equal((await ask(`POST /api/jobs/${jobId(1)}/retry`)).status, 200);
  const { text } = await ask('GET /api/jobs');
  assert.doesNotMatch(text, /s3cret/);
});

test('a search that finds too many is no filter for a change', async (t) => {
  const rows = Array.from({ length: 20_001 }, (_, n) => failed(n + 1, { error: 'Error: commonly so' }));
  const { ask } = dashboard(t, rows);
  const { status, text } = await ask('POST /api/jobs/dismiss', { body: { filter: { q: 'commonly' } } });
  assert.equal(status, 400);
  assert.match(text, /some would be left out/);
});

test('a base that requests could never have is refused', (t) => {
  const { queue } = over(t);
  for (const base of ['/..', '/a/../b', '/a%20b'])
    assert.throws(() => createDashboard(queue, { access: () => 'read', base }), { code: 'INVALID_ARGUMENT' });
});
