import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Hono } from 'hono';
import { etag } from '../../../lib/web/etag.js';
import { createDashboard, nodeHandler } from '../../../lib/web.js';
import { jobId } from '../../support/queue-file.js';
import { listen } from '../../support/web.js';
import { asking, ended, failed, served } from './asking.js';

const tagOf = ({ headers }: { headers: Headers }): string => headers.get('etag') ?? '';

test('what has not changed is 304 without a body, and no cache may keep it', async (t) => {
  const { ask } = served(t, [ended(1), failed(2)]);
  for (const path of [
    '/',
    '/jobs',
    '/jobs?q=answered',
    '/api/jobs',
    `/api/jobs/${jobId(1)}`,
    '/api/errors',
  ]) {
    const first = await ask(`GET ${path}`);
    const tag = tagOf(first);
    assert.match(tag, /^W\/"[\w-]{20,}"$/, path);
    assert.equal(first.headers.get('cache-control'), 'no-store');
    for (const known of [tag, `"x", ${tag}`, tag.slice(2), '*']) {
      const again = await ask(`GET ${path}`, { headers: { 'if-none-match': known } });
      assert.deepEqual([again.status, again.text, tagOf(again)], [304, '', tag], known);
      assert.equal(again.headers.get('cache-control'), 'no-store');
      assert.equal(again.headers.get('content-type'), null);
      assert.ok(again.headers.has('content-security-policy'));
    }
    const other = await ask(`GET ${path}`, { headers: { 'if-none-match': 'W/"x"' } });
    // The text may say another second by now.
    assert.deepEqual([other.status, tagOf(other)], [200, tag]);
  }
});

test('a change makes another tag, also one of a payload alone', async (t) => {
  const { ask, queue } = served(t, [ended(1)]);
  const paths = ['/jobs', '/api/jobs', '/api/status'];
  const tags = async () => Promise.all(paths.map(async (path) => tagOf(await ask(`GET ${path}`))));
  const before = await tags();
  const { id } = await queue.add('mail', { at: 1 }, { dedupeKey: 'k', onDuplicate: 'update', delay: '1h' });
  const added = await tags();
  for (const [i, tag] of before.entries()) assert.notEqual(added[i], tag, paths[i]);
  const one = tagOf(await ask(`GET /api/jobs/${id}`));
  await queue.add('mail', { at: 2 }, { dedupeKey: 'k', onDuplicate: 'update', delay: '1h' });
  assert.notEqual(tagOf(await ask(`GET /api/jobs/${id}`)), one);
});

test('the clock alone makes no other status, and no other page', async (t) => {
  const { ask } = served(t, [ended(1), ended(2, { status: 'pending', started_at: '', finished_at: '' })]);
  const first = await ask('GET /api/status');
  assert.ok(first.body.counts.oldestDue > 0);
  await new Promise((resolve) => setTimeout(resolve, 5));
  const second = await ask('GET /api/status', { headers: { 'if-none-match': tagOf(first) } });
  // A minute may have begun meanwhile, which the numbers of each minute show.
  if (second.status === 200) assert.notDeepEqual(second.body.hour.minutes, first.body.hour.minutes);
  else assert.equal(second.status, 304);

  let ago = '1 s ago';
  const app = new Hono();
  app.use(etag);
  app.get('/', (context) => context.html(`<p><time datetime="2030-01-01T00:00:00Z">${ago}</time> x</p>`));
  const ask2 = asking(async (request) => app.fetch(request));
  const page = await ask2('GET /');
  ago = '2 s ago';
  assert.equal((await ask2('GET /', { headers: { 'if-none-match': tagOf(page) } })).status, 304);
  assert.match((await ask2('GET /')).text, /2 s ago/);
});

test('compressed answers have the same tags', async (t) => {
  const { queue, ask } = served(
    t,
    Array.from({ length: 40 }, (_, n) => failed(n)),
  );
  const plain = await ask('GET /api/jobs');
  const dashboard = createDashboard(queue, { access: () => 'read' });
  t.after(dashboard.close);
  const port = await listen(t, nodeHandler(dashboard));
  const get = (headers: Record<string, string>) =>
    fetch(`http://127.0.0.1:${port}/api/jobs`, { headers: { 'accept-encoding': 'gzip', ...headers } });
  const packed = await get({});
  assert.equal(packed.headers.get('content-encoding'), 'gzip');
  assert.equal(packed.headers.get('vary'), 'Accept-Encoding');
  assert.equal(tagOf(packed), tagOf(plain));
  // fetch has unpacked it.
  assert.equal(await packed.text(), plain.text);
  const known = await get({ 'if-none-match': tagOf(plain) });
  assert.equal(known.status, 304);
  assert.equal(known.headers.get('content-encoding'), null);
});

test('refusals, changes and metrics have no tag', async (t) => {
  const { ask } = served(t, [failed(1)]);
  for (const request of ['GET /nothing', 'GET /healthz', 'GET /metrics', `POST /api/jobs/${jobId(9)}/retry`])
    assert.equal(tagOf(await ask(request)), '', request);
  const changed = await ask(`POST /api/jobs/${jobId(1)}/retry`, { headers: { 'if-none-match': '*' } });
  assert.equal(changed.status, 200, 'a change is answered');
});
